"use client";

import { type ReactNode, useEffect, useRef } from "react";
import { classes } from "./classes.ts";
import { useHold } from "./refresh.tsx";

/**
 * The browser's own modal dialog, open as long as it is rendered. Focus moves into it and returns to where it was. A
 * click beside it closes it, as Escape does. The page is held meanwhile.
 */
export function Modal({
  label,
  onClose,
  className,
  children,
}: {
  label: string;
  onClose: () => void;
  className?: string;
  /** `close` closes it with the focus going back; then `onClose` is called. */
  children: (close: () => void) => ReactNode;
}) {
  const ref = useRef<HTMLDialogElement>(null);
  useHold(true);
  useEffect(() => {
    const dialog = ref.current;
    if (dialog === null) return;
    if (!dialog.open) dialog.showModal();
    // Escape closes this dialog alone, not another one that it lies on.
    const press = (event: globalThis.KeyboardEvent) => {
      if (event.key === "Escape") event.stopPropagation();
    };
    dialog.addEventListener("keydown", press);
    return () => dialog.removeEventListener("keydown", press);
  }, []);
  const close = () => ref.current?.close();
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes a dialog by itself
    <dialog
      ref={ref}
      aria-label={label}
      onClose={onClose}
      // The dialog's own box is covered by its content, so this is a click beside it.
      onClick={(event) => event.target === ref.current && close()}
      className={classes(
        "mx-auto mt-[8dvh] max-h-[80dvh] w-[min(42.5rem,calc(100vw-1.5rem))] overflow-hidden rounded border border-line-2 bg-surface text-ink shadow-2xl backdrop:bg-black/50",
        className,
      )}
    >
      {children(close)}
    </dialog>
  );
}
