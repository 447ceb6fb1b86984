"use client";

import { useRouter } from "next/navigation";
import { useState } from "react";
import { Button } from "../ui/button.tsx";
import { useTimeStyle } from "../ui/time-style.ts";

/** Asks for a time. `close`: without one. */
export default function JumpToTimeForm({ hrefAt, close }: { hrefAt: (at: string) => string; close: () => void }) {
  const router = useRouter();
  const { zone } = useTimeStyle();
  const [text, setText] = useState("");
  return (
    <form
      className="flex gap-1.5"
      onSubmit={(event) => {
        event.preventDefault();
        const time = new Date(zone === "utc" ? `${text}Z` : text);
        if (Number.isNaN(time.getTime())) return;
        close();
        router.push(hrefAt(time.toISOString()), { scroll: false });
      }}
    >
      <input
        type="datetime-local"
        step={1}
        required
        // biome-ignore lint/a11y/noAutofocus: the button that was just pressed is gone
        autoFocus
        aria-label={zone === "utc" ? "Time, in UTC" : "Time, in the zone of this browser"}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => event.key === "Escape" && close()}
        className="h-7 rounded border border-line-strong bg-sunken px-2 max-sm:h-9"
      />
      <Button type="submit">Go</Button>
    </form>
  );
}
