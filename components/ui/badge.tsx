import type { ReactNode } from "react";
import { Glyph, type Ink, type Shape } from "./glyph.tsx";

/**
 * danger: it cannot work. warn: it works, and gets worse. stopped: a person decided it. running: it is under way. ok: a
 * passed check. neutral: a name, no state.
 */
export type Tone = "neutral" | "running" | "ok" | "warn" | "danger" | "stopped";

const MARKS: Record<Exclude<Tone, "neutral">, [Shape, Ink]> = {
  running: ["play", "neutral"],
  ok: ["check", "ok"],
  warn: ["triangle", "warn"],
  danger: ["octagon", "danger"],
  stopped: ["square", "neutral"],
};

/** A state: a coloured glyph before words that say the same. A neutral badge is a chip around a name. */
export function Badge({ tone = "neutral", children }: { tone?: Tone; children: ReactNode }) {
  if (tone === "neutral") {
    return (
      <span className="inline-flex items-center rounded-[3px] border border-line-2 px-1 text-xs whitespace-nowrap text-ink-2">
        {children}
      </span>
    );
  }
  const [shape, ink] = MARKS[tone];
  return (
    <State shape={shape} ink={ink}>
      {children}
    </State>
  );
}

/** Words that name a state, behind a glyph of your choice. */
export function State({ shape, ink, children }: { shape: Shape; ink: Ink; children: ReactNode }) {
  return (
    <span className="inline-flex items-center gap-1.5 whitespace-nowrap">
      <Glyph shape={shape} ink={ink} />
      <span>{children}</span>
    </span>
  );
}
