"use client";

import { X } from "lucide-react";
import { useEffect, useState, useSyncExternalStore } from "react";
import { Button } from "./button.tsx";
import { classes } from "./classes.ts";
import { Glyph } from "./glyph.tsx";
import { SecondsLeft } from "./seconds-left.tsx";
import { useNow } from "./time.tsx";
import { visible } from "./visible.tsx";

interface Toast {
  id: number;
  failed: boolean;
  title: string;
  description?: string;
  offer?: ToastOffer;
}

/** What the reader can do about it, until a time of the server, in milliseconds. */
export interface ToastOffer {
  label: string;
  until: number;
  act: () => void;
}

/** More than that, and the oldest goes. */
const MOST = 4;
const DONE_MS = 5000;

/** Outside of React, so that a part of the page that is loaded later reports to the same list. */
let toasts: readonly Toast[] = [];
const NONE: readonly Toast[] = [];
const CHANGED = new EventTarget();
let lastId = 0;

function change(next: readonly Toast[]): void {
  toasts = next;
  CHANGED.dispatchEvent(new Event("change"));
}

function add(toast: Omit<Toast, "id">): void {
  lastId += 1;
  change([...toasts, { ...toast, id: lastId }].slice(-MOST));
}

function subscribe(listener: () => void): () => void {
  CHANGED.addEventListener("change", listener);
  return () => CHANGED.removeEventListener("change", listener);
}

/** Reports success. Disappears by itself: with an offer, when its time is over. */
export function toastDone(title: string, offer?: ToastOffer): void {
  add({ failed: false, title, offer });
}

/** Reports a failure, and what to do. Stays until it is closed; screen readers announce it at once. */
export function toastFailed(title: string, description?: string): void {
  add({ failed: true, title, description });
}

/** The list of reports: one for the whole page. */
export function Toasts() {
  const all = useSyncExternalStore(
    subscribe,
    () => toasts,
    () => NONE,
  );
  const failed = all.filter((toast) => toast.failed);
  const done = all.filter((toast) => !toast.failed);
  return (
    <section
      aria-label="Notifications"
      className="pointer-events-none fixed inset-x-3 bottom-3 z-50 flex flex-col gap-2 sm:left-auto sm:w-96"
    >
      {/* Always rendered, because screen readers announce what appears in a region that they know. */}
      <div role="alert" aria-live="assertive" className="flex flex-col gap-2">
        {failed.map((toast) => (
          <Box key={toast.id} toast={toast} />
        ))}
      </div>
      <div role="status" aria-live="polite" className="flex flex-col gap-2">
        {done.map((toast) => (
          <Box key={toast.id} toast={toast} />
        ))}
      </div>
    </section>
  );
}

function Box({ toast }: { toast: Toast }) {
  const { id, failed, title, description, offer } = toast;
  const remove = () => change(toasts.filter((other) => other.id !== id));
  const isOpen = useNow() < (offer?.until ?? 0);
  // Nobody has to read against the clock.
  const [kept, setKept] = useState(false);
  useEffect(() => {
    if (failed || kept || isOpen) return;
    const timer = setTimeout(() => change(toasts.filter((other) => other.id !== id)), DONE_MS);
    return () => clearTimeout(timer);
  }, [failed, kept, isOpen, id]);
  return (
    <div
      onPointerEnter={() => setKept(true)}
      onPointerLeave={() => setKept(false)}
      className={classes(
        "pointer-events-auto flex items-start gap-2 rounded border bg-surface p-3 shadow-lg",
        failed ? "border-danger" : "border-line-2",
      )}
    >
      <span className="mt-0.5">
        <Glyph shape={failed ? "octagon" : "check"} ink={failed ? "danger" : "ok"} />
      </span>
      <div className="min-w-0 flex-1 wrap-anywhere">
        <p className="font-semibold">{visible(title)}</p>
        {description ? <p className="text-muted">{visible(description)}</p> : null}
      </div>
      {offer && isOpen ? (
        <span className="flex items-center gap-2">
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
        className="rounded p-1 text-muted hover:bg-raised hover:text-ink"
      >
        <X aria-hidden className="size-4" />
      </button>
    </div>
  );
}
