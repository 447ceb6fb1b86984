import type { ReactNode } from "react";
import { classes } from "./classes.ts";
import { Glyph, type Ink, type Shape } from "./glyph.tsx";

/** One line above a page or a part of it: what is so, and the button that changes it. */
export function Notice({
  shape,
  ink = "neutral",
  label,
  action,
  children,
}: {
  shape: Shape;
  /** Only "danger" has an edge of its color: something cannot work. What a person decided is neutral. */
  ink?: Ink;
  /** Makes it a region with this name. Without one, screen readers announce the text when it appears. */
  label?: string;
  action?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section
      {...(label === undefined ? { role: "status" } : { "aria-label": label })}
      className={classes(
        "mb-3 flex min-h-9 flex-wrap items-center gap-x-2 gap-y-1 rounded border bg-surface px-3 py-1",
        ink === "danger" ? "border-danger" : "border-line-strong",
      )}
    >
      <div className="flex min-w-0 flex-1 basis-56 gap-2 wrap-anywhere">
        <span>
          <Glyph shape={shape} ink={ink} />
        </span>
        <div className="min-w-0">{children}</div>
      </div>
      {action}
    </section>
  );
}
