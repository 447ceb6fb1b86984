"use client";

import { useEffect, useRef, useState } from "react";
import { classes } from "./classes.ts";

const DELAY_MS = 300;
const GAP = 6;

interface Shown {
  text: string;
  left: number;
  /** Distance from the top of the window; with `above`, of the hint's lower edge. */
  top: number;
  above: boolean;
}

/**
 * Shows the text of `data-hint` beside an element while it has the pointer or the keyboard's focus. One for the whole
 * page. It tells a screen reader nothing that the element's own name and description do not say. `first`: what had the
 * pointer or the focus before this was loaded.
 */
export default function HintLayer({ first }: { first: EventTarget | null }) {
  const [shown, setShown] = useState<Shown | null>(null);
  const target = useRef<Element | null>(null);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const hide = () => {
      clearTimeout(timer);
      target.current = null;
      setShown(null);
    };
    const show = (element: HTMLElement) => {
      if (!element.isConnected) return;
      const box = element.getBoundingClientRect();
      const above = box.bottom > window.innerHeight - 60;
      setShown({
        text: element.dataset.hint ?? "",
        left: Math.min(Math.max(box.left + box.width / 2, 80), window.innerWidth - 80),
        top: above ? box.top - GAP : box.bottom + GAP,
        above,
      });
    };
    const point = (event: Pick<Event, "target" | "type">) => {
      const element = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-hint]") : null;
      if (element === target.current) return;
      hide();
      if (element === null || (event.type === "focusin" && !element.matches(":focus-visible"))) return;
      target.current = element;
      timer = setTimeout(() => show(element), DELAY_MS);
    };
    const key = (event: KeyboardEvent) => {
      if (event.key === "Escape") hide();
    };
    point({ target: first, type: "pointerover" });
    document.addEventListener("pointerover", point);
    document.addEventListener("focusin", point);
    document.addEventListener("pointerdown", hide);
    document.addEventListener("keydown", key);
    window.addEventListener("scroll", hide, true);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("pointerover", point);
      document.removeEventListener("focusin", point);
      document.removeEventListener("pointerdown", hide);
      document.removeEventListener("keydown", key);
      window.removeEventListener("scroll", hide, true);
    };
  }, [first]);
  if (shown === null) return null;
  return (
    <div
      aria-hidden
      style={{ left: shown.left, top: shown.top }}
      className={classes(
        "pointer-events-none fixed z-50 max-w-72 -translate-x-1/2 rounded bg-ink px-2 py-1 text-xs text-canvas shadow-md",
        shown.above && "-translate-y-full",
      )}
    >
      {shown.text}
    </div>
  );
}
