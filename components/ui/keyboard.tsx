"use client";

import { Search } from "lucide-react";
import { type ComponentType, lazy, Suspense, useEffect, useState } from "react";
import { Kbd } from "./kbd.tsx";

/** The keys that work on every page, and the button for the most important one. */
export function Keyboard({
  Palette,
  prepare,
}: {
  /** `typed`: what was typed before it was there. */
  Palette: ComponentType<{ typed: string; onClose: () => void }>;
  /** Loads the palette, which comes before the hand is on the second key. */
  prepare: () => void;
}) {
  const [open, setOpen] = useState<"palette" | "keys" | null>(null);
  const [typed, setTyped] = useState("");
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key === "Control" || event.key === "Meta") prepare();
      if (event.defaultPrevented || document.querySelector("dialog:modal, [role=dialog], [role=alertdialog]")) return;
      if (open === "palette") {
        // It is still being loaded.
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        if (event.key === "Escape") setOpen(null);
        else if (event.key === "Backspace") setTyped((text) => text.slice(0, -1));
        else if (event.key.length === 1) setTyped((text) => text + event.key);
        else return;
      } else if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k")
        setOpen("palette");
      else if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      else if (event.key === "?") setOpen("keys");
      else if (event.key === "/") {
        const search = document.querySelector<HTMLInputElement>("main [data-search]");
        if (search) search.focus();
        else setOpen("palette");
      } else if (ROW_KEYS.includes(event.key)) void loadRowKeys().then(({ pressInRows }) => pressInRows(event.key));
      else return;
      event.preventDefault();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [prepare, open]);
  useEffect(() => {
    loadRowKeys().catch(() => {});
  }, []);
  useEffect(() => {
    if (open === null) setTyped("");
  }, [open]);
  const close = () => setOpen(null);
  return (
    <>
      <button
        type="button"
        aria-haspopup="dialog"
        aria-keyshortcuts="Control+K Meta+K"
        onClick={() => setOpen("palette")}
        onPointerEnter={prepare}
        onFocus={prepare}
        className="flex h-7.5 items-center gap-2 rounded border border-line-strong bg-sunken px-2 text-muted hover:text-ink max-md:border-transparent max-md:bg-transparent md:w-82"
      >
        <Search aria-hidden className="size-3.5" />
        <span className="max-md:sr-only">Find a queue, page or action</span>
        <span aria-hidden className="ml-auto max-md:hidden">
          <Kbd>Ctrl K</Kbd>
        </span>
      </button>
      <Suspense fallback={null}>
        {open === "palette" ? <Palette typed={typed} onClose={close} /> : null}
        {open === "keys" ? <KeySheet onClose={close} /> : null}
      </Suspense>
    </>
  );
}

/** What walks through rows and chooses them. Loaded soon after the page. */
const ROW_KEYS = ["j", "k", "x"];
const loadRowKeys = () => import("./row-keys.ts");

/** Loaded when it is first asked for. */
const KeySheet = lazy(() => import("./key-sheet.tsx"));

export function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable=true]") !== null;
}
