"use client";

import type { KeyboardEvent, ReactNode, RefObject } from "react";
import { classes } from "./classes.ts";
import { useLeave } from "./use-leave.ts";

export interface MenuChoice {
  value: string;
  label: string;
  icon?: ReactNode;
}

const STEPS: Record<string, (at: number, count: number) => number> = {
  ArrowDown: (at, count) => (at + 1) % count,
  ArrowUp: (at, count) => (at - 1 + count) % count,
  Home: () => 0,
  End: (_at, count) => count - 1,
};

const ITEMS = "[role^=menuitem]";

/** What a <Menu> opens, which loads it. `frame` has the button and the panel. */
export default function MenuPanel({
  label,
  className,
  frame,
  onLeave,
  close,
  children,
}: {
  label: string;
  className: string | undefined;
  frame: RefObject<HTMLElement | null>;
  /** The pointer or the focus is elsewhere now. */
  onLeave: () => void;
  /** Gives the focus back to the button. */
  close: () => void;
  children: ReactNode;
}) {
  useLeave(frame, onLeave);

  const move = (event: KeyboardEvent<HTMLElement>) => {
    const all = [...event.currentTarget.querySelectorAll<HTMLElement>(ITEMS)];
    const at = all.indexOf(document.activeElement as HTMLElement);
    const step = STEPS[event.key];
    if (event.key === "Escape" || event.key === "Tab") {
      if (event.key === "Escape") event.preventDefault();
      close();
    } else if (step) {
      event.preventDefault();
      all[step(at, all.length)]?.focus();
    } else if (event.key.length === 1) {
      const next = [...all.slice(at + 1), ...all.slice(0, at + 1)];
      next.find((item) => item.textContent?.toLowerCase().startsWith(event.key.toLowerCase()))?.focus();
    }
  };

  return (
    <span
      role="menu"
      aria-label={label}
      tabIndex={-1}
      onKeyDown={move}
      className={classes(
        "absolute z-50 flex min-w-40 flex-col rounded border border-line-2 bg-surface p-1 text-ink shadow-lg",
        className ?? "top-full right-0 mt-1.5",
      )}
    >
      {children}
      <FocusFirst />
    </span>
  );
}

/** Gives the focus to the entry that is chosen, where one of all is; else to the first one. */
function FocusFirst() {
  return <span ref={focusFirst} hidden />;
}

function focusFirst(element: HTMLElement | null): void {
  const items = [...(element?.closest("[role=menu]")?.querySelectorAll<HTMLElement>(ITEMS) ?? [])];
  const isChoice = items.every((item) => item.role === "menuitemradio");
  ((isChoice ? items.find((item) => item.ariaChecked === "true") : undefined) ?? items[0])?.focus();
}

/** Of the entries of a menu. */
export const MENU_ITEM = classes(
  "flex h-7 items-center gap-2 rounded px-2 text-left outline-none focus:bg-raised hover:bg-raised max-sm:h-9",
  "[&_svg]:size-3.5 [&_svg]:shrink-0",
);

/** Entries of which one is chosen. */
export function MenuChoices({
  choices,
  value,
  onChoose,
}: {
  choices: readonly MenuChoice[];
  value: string;
  onChoose: (value: string) => void;
}) {
  return (
    <>
      {choices.map((choice) => (
        <button
          key={choice.value}
          type="button"
          role="menuitemradio"
          aria-checked={choice.value === value}
          tabIndex={-1}
          onClick={() => onChoose(choice.value)}
          className={classes(MENU_ITEM, choice.value === value && "font-semibold")}
        >
          {choice.icon}
          {choice.label}
        </button>
      ))}
    </>
  );
}
