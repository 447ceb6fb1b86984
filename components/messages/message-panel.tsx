"use client";

import { X } from "lucide-react";
import { useRouter } from "next/navigation";
import { useEffect } from "react";
import { Button } from "../ui/button.tsx";
import { isTyping } from "../ui/keyboard.tsx";
import type { OpenMessage, Steps } from "./fragments.ts";
import { MessageActions, StepButtons } from "./message-actions.tsx";
import { MessageSections } from "./message-sections.tsx";

/** One message beside the list, for wide screens. It keeps its place while the list scrolls, and Escape closes it. */
export default function MessagePanel({ steps, ...open }: OpenMessage & { steps: Steps }) {
  const { id, message, closeHref } = open;
  const router = useRouter();
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || event.defaultPrevented || isTyping(event.target)) return;
      if (document.querySelector("dialog:modal, [role=dialog], [role=alertdialog], [role=menu]")) return;
      router.push(closeHref, { scroll: false });
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [router, closeHref]);
  return (
    <section
      aria-label={`Message ${id}`}
      className="sticky top-15 flex max-h-[calc(100dvh-4.5rem)] min-w-0 flex-col rounded border border-line bg-surface"
    >
      <div className="flex min-h-9 items-center gap-1 border-b border-line py-1 pr-1 pl-3">
        <h2 className="mr-auto font-semibold">Message</h2>
        <StepButtons {...steps} />
        <Button kind="ghost" size="small" label="Close" onClick={() => router.push(closeHref, { scroll: false })}>
          <X aria-hidden />
        </Button>
      </div>
      <div className="flex min-h-0 flex-1 flex-col gap-4 overflow-auto p-3">
        <MessageSections {...open} />
      </div>
      {message ? (
        <div className="flex flex-wrap justify-between gap-2 border-t border-line p-2">
          <MessageActions {...open} message={message} />
        </div>
      ) : null}
    </section>
  );
}
