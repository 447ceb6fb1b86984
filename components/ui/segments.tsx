import { classes } from "./classes.ts";
import { Link } from "./link.tsx";

export interface Segment {
  label: string;
  href: string;
  current: boolean;
}

/** A few choices side by side, of which one is current. Each has its own address. */
export function SegmentLinks({ label, segments }: { label: string; segments: readonly Segment[] }) {
  return (
    <nav aria-label={label}>
      <ul className="flex rounded border border-line-strong">
        {segments.map((segment) => (
          <li key={segment.label} className="not-first:border-l not-first:border-line-2">
            <Link
              href={segment.href}
              scroll={false}
              aria-current={segment.current ? "true" : undefined}
              className={classes(
                "flex h-6.5 items-center px-2 whitespace-nowrap max-sm:h-8.5",
                segment.current
                  ? "bg-raised font-semibold text-ink shadow-[inset_0_-2px_0_var(--accent)]"
                  : "text-ink-2 hover:bg-hover hover:text-ink",
              )}
            >
              {segment.label}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
