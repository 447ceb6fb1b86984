"use client";

import { Dialog as Base } from "@base-ui/react/dialog";
import { X } from "lucide-react";
import { useRouter } from "next/navigation";
import { type ComponentProps, type ReactNode, useEffect, useRef, useState } from "react";
import { Button } from "./button.tsx";
import { classes } from "./classes.ts";
import { visible, visibleIfText } from "./visible.tsx";

const BACKDROP =
  "fixed inset-0 z-40 bg-black/45 transition-opacity data-ending-style:opacity-0 data-starting-style:opacity-0";
const POPUP = classes(
  "relative flex max-h-full w-full flex-col rounded-t border border-line bg-surface shadow-2xl outline-none sm:rounded",
  "transition-[opacity,translate] data-ending-style:translate-y-2 data-ending-style:opacity-0 data-starting-style:translate-y-2 data-starting-style:opacity-0",
);

/**
 * A modal dialog. Focus moves into it, stays there, and returns to where it was. Load it when it is first needed: it is
 * as heavy as the rest of a page.
 */
export function Dialog({
  open,
  onOpenChange,
  title,
  description,
  wide = false,
  alert = false,
  unsaved = false,
  children,
  footer,
}: {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  description?: ReactNode;
  wide?: boolean;
  /** It asks for confirmation: a click outside does not close it. */
  alert?: boolean;
  /** It has unsaved input: closing it, closing the tab and going back ask first. */
  unsaved?: boolean;
  children?: ReactNode;
  footer?: ReactNode;
}) {
  /** Whether to discard what was typed, and where in the browser's history to go then. */
  const [asking, setAsking] = useState<{ goTo: string | null } | null>(null);
  useUnloadQuestion(unsaved);
  const traverse = useTraverseQuestion(unsaved, (goTo) => setAsking({ goTo }));
  const content = useRef<HTMLDivElement>(null);
  // Focuses the first field. Without one the dialog decides.
  const firstField = () =>
    content.current?.querySelector<HTMLElement>("input:not([type=hidden]), textarea, select") ?? null;
  return (
    <Base.Root
      open={open}
      onOpenChange={(next) => (!next && unsaved ? setAsking({ goTo: null }) : onOpenChange(next))}
      disablePointerDismissal={alert}
    >
      <Base.Portal>
        <Base.Backdrop className={BACKDROP} />
        <Base.Viewport className="fixed inset-0 z-40 flex items-end justify-center pt-8 pb-(--below) sm:items-center sm:p-6 sm:pb-[calc(var(--below)+1.5rem)]">
          <Base.Popup
            role={alert ? "alertdialog" : "dialog"}
            initialFocus={firstField}
            className={classes(POPUP, wide ? "sm:max-w-3xl" : "sm:max-w-lg")}
          >
            <div className="flex items-start gap-3 border-b border-line px-5 py-3">
              <div className="min-w-0 flex-1">
                <Base.Title className="text-base font-semibold wrap-anywhere">{visible(title)}</Base.Title>
                {description ? (
                  <Base.Description className="text-muted">{visibleIfText(description)}</Base.Description>
                ) : null}
              </div>
              <Base.Close aria-label="Close" className="-mr-2 rounded p-1.5 text-muted hover:bg-hover hover:text-ink">
                <X aria-hidden className="size-4" />
              </Base.Close>
            </div>
            {/* A table's head sticks below the page's own head, which would be over the rows here. */}
            <div ref={content} className="flex min-h-0 flex-1 flex-col gap-4 overflow-auto px-5 py-4 [&_th]:static!">
              {children}
            </div>
            {unsaved ? (
              <Dialog
                open={asking !== null}
                onOpenChange={() => setAsking(null)}
                title="Discard what you typed?"
                alert
                footer={
                  <>
                    <Button onClick={() => setAsking(null)}>Keep editing</Button>
                    <Button
                      kind="danger"
                      onClick={() => {
                        setAsking(null);
                        onOpenChange(false);
                        if (asking?.goTo) traverse(asking.goTo);
                      }}
                    >
                      Discard
                    </Button>
                  </>
                }
              >
                It has not been sent.
              </Dialog>
            ) : null}
            {footer ? (
              <div className="flex flex-wrap items-center justify-end gap-2 border-t border-line px-5 py-3">
                {footer}
              </div>
            ) : null}
          </Base.Popup>
        </Base.Viewport>
      </Base.Portal>
    </Base.Root>
  );
}

/** A dialog that the address opened. Closing it leads to `closeHref`. */
export function AddressDialog({
  closeHref,
  ...props
}: Omit<ComponentProps<typeof Dialog>, "open" | "onOpenChange"> & { closeHref: string }) {
  const router = useRouter();
  const close = (open: boolean) => {
    if (!open) router.push(closeHref, { scroll: false });
  };
  return <Dialog {...props} open onOpenChange={close} />;
}

/** The browser shows its own text. */
function useUnloadQuestion(active: boolean): void {
  useEffect(() => {
    if (!active) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [active]);
}

/**
 * While `active`, the browser's Back and Forward stay on the page and call `ask` with where they lead: `traverse` goes
 * there. Next cannot do that. A browser lets a second Back through if nothing was done on the page in between, so
 * nobody is locked in. One without the Navigation API does not ask.
 */
function useTraverseQuestion(active: boolean, ask: (key: string) => void): (key: string) => void {
  const leaving = useRef(false);
  const question = useRef(ask);
  useEffect(() => {
    question.current = ask;
  });
  useEffect(() => {
    if (!active || !("navigation" in window)) return;
    leaving.current = false;
    const stay = (event: NavigateEvent) => {
      if (event.navigationType !== "traverse" || !event.cancelable || leaving.current) return;
      event.preventDefault();
      question.current(event.destination.key);
    };
    navigation.addEventListener("navigate", stay);
    return () => navigation.removeEventListener("navigate", stay);
  }, [active]);
  return (key) => {
    leaving.current = true;
    navigation.traverseTo(key);
  };
}
