"use client";

import { type ReactNode, useEffect, useRef } from "react";
import { classes } from "./classes.ts";

const SHADOW = "pointer-events-none absolute inset-y-0 z-20 hidden w-5 from-black/15 to-transparent dark:from-black/80";

/**
 * A part of the page that scrolls. It has a name, the keyboard reaches it, and a shadow marks where more is hidden.
 *
 * It holds what is positioned in it, such as hidden text, which would widen the page otherwise.
 *
 * While everything fits, it is `data-fits` and does not scroll, so that what is sticky in it sticks to the page.
 */
export function ScrollRegion({
  label,
  className,
  children,
}: {
  label: string;
  className?: string;
  children: ReactNode;
}) {
  const ref = useRef<HTMLElement>(null);
  // After every render: the content may be another element.
  useEffect(() => {
    const region = ref.current;
    if (region === null) return;
    const mark = () => {
      const { scrollLeft, scrollWidth, clientWidth, scrollHeight, clientHeight } = region;
      region.toggleAttribute("data-fits", scrollWidth <= clientWidth + 1 && scrollHeight <= clientHeight + 1);
      region.toggleAttribute("data-more-left", scrollLeft > 0);
      // Widths are rounded, positions are not.
      region.toggleAttribute("data-more-right", scrollLeft + clientWidth < scrollWidth - 1);
    };
    const sizes = new ResizeObserver(mark);
    for (const element of [region, ...region.children]) sizes.observe(element);
    region.addEventListener("scroll", mark, { passive: true });
    return () => {
      sizes.disconnect();
      region.removeEventListener("scroll", mark);
    };
  });
  return (
    <div className="relative min-w-0">
      <section
        ref={ref}
        aria-label={label}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: without it a keyboard cannot scroll
        tabIndex={0}
        className={classes(
          "peer group/region relative overflow-auto focus-visible:-outline-offset-2 data-fits:overflow-x-clip data-fits:overflow-y-visible",
          className,
        )}
      >
        {children}
      </section>
      <div aria-hidden className={classes(SHADOW, "left-0 bg-linear-to-r peer-data-more-left:block")} />
      <div aria-hidden className={classes(SHADOW, "right-0 bg-linear-to-l peer-data-more-right:block")} />
    </div>
  );
}
