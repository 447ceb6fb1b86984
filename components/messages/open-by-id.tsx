"use client";

import { useRouter } from "next/navigation";
import { useId, useState } from "react";
import { Button } from "../ui/button.tsx";
import { type Browse, browseHref } from "./browse.ts";

/** Opens a message by its id, such as one from a log. */
export default function OpenById({ project, queue, browse }: { project: string; queue: string; browse: Browse }) {
  const router = useRouter();
  const [id, setId] = useState("");
  const inputId = useId();
  return (
    <form
      className="flex w-full gap-2 sm:w-auto"
      onSubmit={(event) => {
        event.preventDefault();
        if (id.trim() !== "") router.push(browseHref({ project, queue }, browse, id.trim()));
      }}
    >
      <label htmlFor={inputId} className="sr-only">
        Message id
      </label>
      <input
        id={inputId}
        value={id}
        onChange={(event) => setId(event.target.value)}
        placeholder="Message id"
        autoComplete="off"
        spellCheck={false}
        className="h-7 min-w-0 flex-1 rounded border border-line-strong bg-sunken max-sm:h-9 px-2.5 font-mono text-xs sm:w-44"
      />
      <Button type="submit">Open</Button>
    </form>
  );
}
