"use client";

import {
  cloneElement,
  type KeyboardEvent,
  type ReactElement,
  type ReactNode,
  useEffect,
  useRef,
  useState,
} from "react";
import { classes } from "./classes.ts";

export interface MenuChoice {
  value: string;
  label: string;
  icon?: ReactNode;
}

interface TriggerProps {
  onClick?: () => void;
  onKeyDown?: (event: KeyboardEvent) => void;
  "aria-haspopup"?: "menu";
  "aria-expanded"?: boolean;
}

const STEPS: Record<string, (at: number, count: number) => number> = {
  ArrowDown: (at, count) => (at + 1) % count,
  ArrowUp: (at, count) => (at - 1 + count) % count,
  Home: () => 0,
  End: (_at, count) => count - 1,
};

/** A menu in which one entry is chosen. `trigger` is a button. */
export function ChoiceMenu({
  trigger,
  label,
  choices,
  value,
  onChange,
}: {
  trigger: ReactElement<TriggerProps>;
  label: string;
  choices: MenuChoice[];
  value: string;
  onChange: (value: string) => void;
}) {
  const [open, setOpen] = useState(false);
  const frame = useRef<HTMLSpanElement>(null);
  const items = () => [...(frame.current?.querySelectorAll<HTMLElement>("[role=menuitemradio]") ?? [])];
  const close = (how: { focus: boolean }) => {
    setOpen(false);
    if (how.focus) frame.current?.querySelector("button")?.focus();
  };

  useEffect(() => {
    if (!open) return;
    const all = frame.current?.querySelectorAll<HTMLElement>("[role=menuitemradio]");
    (all && ([...all].find((item) => item.ariaChecked === "true") ?? all[0]))?.focus();
    const leave = (event: Event) => {
      if (event.target instanceof Node && !frame.current?.contains(event.target)) setOpen(false);
    };
    document.addEventListener("pointerdown", leave);
    document.addEventListener("focusin", leave);
    return () => {
      document.removeEventListener("pointerdown", leave);
      document.removeEventListener("focusin", leave);
    };
  }, [open]);

  const move = (event: KeyboardEvent) => {
    const all = items();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const step = STEPS[event.key];
    if (event.key === "Escape" || event.key === "Tab") {
      if (event.key === "Escape") event.preventDefault();
      close({ focus: true });
    } else if (step) {
      event.preventDefault();
      all[step(at, all.length)]?.focus();
    } else if (event.key.length === 1) {
      const next = [...all.slice(at + 1), ...all.slice(0, at + 1)];
      next.find((item) => item.textContent?.toLowerCase().startsWith(event.key.toLowerCase()))?.focus();
    }
  };

  return (
    <span ref={frame} className="relative inline-flex">
      {cloneElement(trigger, {
        "aria-haspopup": "menu",
        "aria-expanded": open,
        onClick: () => setOpen(!open),
        onKeyDown: (event: KeyboardEvent) => {
          if (event.key !== "ArrowDown" || open) return;
          event.preventDefault();
          setOpen(true);
        },
      })}
      {open ? (
        <span
          role="menu"
          aria-label={label}
          tabIndex={-1}
          onKeyDown={move}
          className="absolute top-full right-0 z-50 mt-1.5 flex min-w-40 flex-col rounded border border-line-2 bg-surface p-1 text-ink shadow-lg"
        >
          {choices.map((choice) => (
            <button
              key={choice.value}
              type="button"
              role="menuitemradio"
              aria-checked={choice.value === value}
              tabIndex={-1}
              onClick={() => {
                onChange(choice.value);
                close({ focus: true });
              }}
              className={classes(
                "flex h-7 items-center gap-2 rounded px-2 text-left outline-none focus:bg-raised hover:bg-raised max-sm:h-9 [&_svg]:size-3.5",
                choice.value === value && "font-semibold",
              )}
            >
              {choice.icon}
              {choice.label}
            </button>
          ))}
        </span>
      ) : null}
    </span>
  );
}
