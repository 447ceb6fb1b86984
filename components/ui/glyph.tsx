import type { ReactNode } from "react";
import { classes } from "./classes.ts";

/** Shapes that say what colour says too. */
export type Shape =
  | "octagon"
  | "triangle"
  | "bars"
  | "disc"
  | "half disc"
  | "clock"
  | "cross"
  | "square"
  | "play"
  | "check";

export type Ink = "danger" | "warn" | "ok" | "ready" | "claimed" | "delayed" | "neutral";

const INKS: Record<Ink, string> = {
  danger: "text-danger",
  warn: "text-warn",
  ok: "text-ok",
  ready: "text-ready",
  claimed: "text-claimed",
  delayed: "text-delayed",
  neutral: "text-ink-2",
};

const RING = { fill: "none", stroke: "currentColor", strokeWidth: 1.4 };

const SHAPES: Record<Shape, ReactNode> = {
  octagon: (
    <>
      <path fill="currentColor" d="M3.7.5h4.6l3.2 3.2v4.6l-3.2 3.2H3.7L.5 8.3V3.7z" />
      <path d="M6 3v3.6M6 8.2v1.1" className="stroke-surface" strokeWidth={1.5} />
    </>
  ),
  triangle: (
    <>
      <path fill="currentColor" d="M6 .8 11.7 11H.3z" />
      <path d="M6 4.3v3.2M6 8.6v1.1" className="stroke-surface" strokeWidth={1.4} />
    </>
  ),
  bars: <path fill="currentColor" d="M2 1.5h3v9H2zM7 1.5h3v9H7z" />,
  disc: <circle cx={6} cy={6} r={4.5} fill="currentColor" />,
  "half disc": (
    <>
      <path fill="currentColor" d="M6 1.5a4.5 4.5 0 0 1 0 9z" />
      <circle cx={6} cy={6} r={4.5} {...RING} />
    </>
  ),
  clock: (
    <>
      <circle cx={6} cy={6} r={4.6} {...RING} />
      <path d="M6 3.2V6l2 1.4" {...RING} />
    </>
  ),
  cross: <path d="M2 2l8 8M10 2l-8 8" stroke="currentColor" strokeWidth={2.2} />,
  square: <path fill="currentColor" d="M2 2h8v8H2z" />,
  play: <path fill="currentColor" d="M2.5 1.2 10.5 6l-8 4.8z" />,
  check: <path d="M1.8 6.5l2.8 2.8 5.6-6.4" {...RING} strokeWidth={1.8} />,
};

/** A small sign before a word that names a state. Screen readers get the word alone. */
export function Glyph({ shape, ink = "neutral" }: { shape: Shape; ink?: Ink }) {
  return (
    <svg
      viewBox="0 0 12 12"
      aria-hidden="true"
      className={classes("inline size-3 shrink-0 align-[-0.125em]", INKS[ink])}
    >
      {SHAPES[shape]}
    </svg>
  );
}
