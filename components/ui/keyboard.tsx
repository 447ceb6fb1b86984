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
      } else if (event.key === "x") {
        if (!selectRow()) return;
      } else if (event.key !== "j" && event.key !== "k") return;
      else if (!moveRow(event.key === "j" ? 1 : -1)) return;
      event.preventDefault();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [prepare, open]);
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

/** Loaded when it is first asked for. */
const KeySheet = lazy(() => import("./key-sheet.tsx"));

export function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable=true]") !== null;
}

/** Chooses the row with the focus, or no longer. False: there is none that can be chosen. */
function selectRow(): boolean {
  const box = document.activeElement?.closest("tr")?.querySelector<HTMLInputElement>("input[type=checkbox]");
  box?.click();
  return box !== undefined && box !== null;
}

/** Moves the focus to the link of the next row, or of the previous one. False: there are no rows. */
function moveRow(step: 1 | -1): boolean {
  const rows = [...document.querySelectorAll("main tbody tr")];
  const here = rows.findIndex((row) => row.contains(document.activeElement));
  const at = here < 0 ? (step === 1 ? 0 : rows.length - 1) : here + step;
  const row = rows[at];
  const link = row?.querySelector<HTMLElement>("a, button");
  link?.focus();
  row?.scrollIntoView({ block: "nearest" });
  return rows.length > 0;
}
