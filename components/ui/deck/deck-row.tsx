import type { ReactNode } from "react";
import { classes } from "../classes.ts";

/** A row of a deck: `left` says what, the plot when, `right` what is now or what fixes it. */
export function DeckRow({
  left,
  right,
  children,
  height = "h-8",
  stacked = false,
  dense = false,
}: {
  left: ReactNode;
  right?: ReactNode;
  /** The plot. */
  children?: ReactNode;
  height?: string;
  /** On narrow screens `right` is below `left`, which needs the width. */
  stacked?: boolean;
  /** One of many rows of a group, without lines between them. */
  dense?: boolean;
}) {
  return (
    <div className={classes("deck-row", stacked && "deck-stacked", dense && "deck-row-dense")}>
      <div className="deck-left">{left}</div>
      <div className={classes("deck-plot", children === undefined ? "max-md:hidden" : height)}>{children}</div>
      <div className="deck-right">{right}</div>
    </div>
  );
}

/** A row that names the rows below it. */
export function DeckSection({ left, middle, right }: { left: ReactNode; middle?: ReactNode; right?: ReactNode }) {
  return (
    <div className="deck-row deck-head">
      <div className="deck-left font-semibold">{left}</div>
      <div className="deck-plot flex items-center px-2 text-xs text-muted max-md:hidden">{middle}</div>
      <div className="deck-right text-xs text-muted">{right}</div>
    </div>
  );
}

/** A number that the eye should find, over its name. */
export function KeyNumber({ value, children }: { value: string; children: ReactNode }) {
  return (
    <div className="min-w-16">
      <div className="text-[1.375rem] leading-[1.625rem] font-semibold">{value}</div>
      <div className="flex items-center gap-1.5 text-xs text-ink-2">{children}</div>
    </div>
  );
}
