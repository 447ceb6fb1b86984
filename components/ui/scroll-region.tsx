import type { ReactNode } from "react";
import { classes } from "./classes.ts";

/** What scrolls inside of the page: it has a name, and the keyboard reaches it. */
export function ScrollRegion({
  label,
  className,
  children,
}: {
  label: string;
  className?: string;
  children: ReactNode;
}) {
  return (
    <section
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: without it a keyboard cannot scroll
      tabIndex={0}
      className={classes("overflow-auto focus-visible:-outline-offset-2", className)}
    >
      {children}
    </section>
  );
}
