"use client";

import { X } from "lucide-react";
import { useRouter } from "next/navigation";
import { useEffect } from "react";
import { Button } from "../ui/button.tsx";
import { isTyping } from "../ui/keyboard.tsx";
import type { OpenMessage, Steps } from "./fragments.ts";
import { MessageActions, StepButtons } from "./message-actions.tsx";
import { MessageSections } from "./message-sections.tsx";

/**
 * One message beside the page, for wide screens. It keeps its place while the page scrolls, and Escape closes it. The
 * page makes room for what has `data-side-panel`.
 */
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
      data-side-panel
      className="fixed top-12 right-0 bottom-0 z-20 flex w-102 flex-col border-l border-line bg-surface"
    >
      <div className="flex min-h-10 items-center gap-1 border-b border-line py-1 pr-2 pl-4">
        <h2 className="mr-auto font-semibold">Message</h2>
        <StepButtons {...steps} />
        <Button kind="ghost" size="small" label="Close" onClick={() => router.push(closeHref, { scroll: false })}>
          <X aria-hidden />
        </Button>
      </div>
      <div className="flex min-h-0 flex-1 flex-col gap-4 overflow-auto p-4">
        <MessageSections {...open} />
      </div>
      {message ? (
        <div className="flex flex-wrap justify-between gap-2 border-t border-line px-4 py-2">
          <MessageActions {...open} message={message} />
        </div>
      ) : null}
    </section>
  );
}
