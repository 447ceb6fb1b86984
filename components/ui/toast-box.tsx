"use client";

import { X } from "lucide-react";
import { useEffect, useState } from "react";
import { Button } from "./button.tsx";
import { classes } from "./classes.ts";
import { Glyph } from "./glyph.tsx";
import { SecondsLeft } from "./seconds-left.tsx";
import { useNow } from "./time.tsx";
import { removeToast, type Toast } from "./toast.ts";
import { visible } from "./visible.tsx";

const DONE_MS = 5000;

/** Tells the page how much room the reports take: --toasts is their height. One for as long as the page is open. */
let room: ResizeObserver | null = null;
function makeRoom(box: HTMLElement | null): void {
  const list = box?.closest("section");
  if (room !== null || !list) return;
  room = new ResizeObserver(() => document.documentElement.style.setProperty("--toasts", `${list.offsetHeight}px`));
  room.observe(list);
}

/** One report, which <Toasts> shows. */
export default function ToastBox({ toast }: { toast: Toast }) {
  const { id, failed, title, description, offer } = toast;
  const remove = () => removeToast(id);
  const isOpen = useNow() < (offer?.until ?? 0);
  // Nobody has to read against the clock.
  const [kept, setKept] = useState(false);
  useEffect(() => {
    if (failed || kept || isOpen) return;
    const timer = setTimeout(() => removeToast(id), DONE_MS);
    return () => clearTimeout(timer);
  }, [failed, kept, isOpen, id]);
  return (
    <div
      ref={makeRoom}
      onPointerEnter={() => setKept(true)}
      onPointerLeave={() => setKept(false)}
      className={classes(
        "pointer-events-auto flex flex-wrap items-start gap-x-2 gap-y-1 border-t bg-raised px-3 py-2 lg:px-4",
        failed ? "border-danger" : "border-line-strong",
      )}
    >
      <span>
        <Glyph shape={failed ? "octagon" : "check"} ink={failed ? "danger" : "ok"} />
      </span>
      <div className="min-w-0 flex-1 wrap-anywhere">
        <p className="font-semibold">{visible(title)}</p>
        {description ? <p className="text-muted">{visible(description)}</p> : null}
      </div>
      {offer && isOpen ? (
        <span className="flex items-center gap-2 lg:order-1 lg:w-full lg:justify-between lg:pl-5">
          <SecondsLeft until={offer.until} />
          <Button
            size="small"
            onClick={() => {
              remove();
              offer.act();
            }}
          >
            {offer.label}
          </Button>
        </span>
      ) : null}
      <button
        type="button"
        aria-label="Close"
        onClick={remove}
        className="-my-0.5 -mr-1 rounded p-1 text-muted hover:bg-surface hover:text-ink"
      >
        <X aria-hidden className="size-4" />
      </button>
    </div>
  );
}
