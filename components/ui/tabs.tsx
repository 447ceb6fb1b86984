import { classes } from "./classes.ts";
import { Link } from "./link.tsx";

export interface TabLink {
  label: string;
  href: string;
  current: boolean;
  count?: string;
}

/** Tabs as links: each has its own address. */
export function TabLinks({ label, tabs }: { label: string; tabs: TabLink[] }) {
  return (
    <nav aria-label={label} className="mb-3 overflow-x-auto border-b border-line">
      <ul className="flex flex-wrap gap-x-1 sm:flex-nowrap">
        {tabs.map((tab) => (
          <li key={tab.href}>
            <Link
              href={tab.href}
              aria-current={tab.current ? "page" : undefined}
              className={classes(
                "-mb-px flex h-8 items-center gap-1.5 border-b-2 px-2.5 whitespace-nowrap focus-visible:-outline-offset-2",
                tab.current ? "border-accent font-semibold text-ink" : "border-transparent text-ink-2 hover:text-ink",
              )}
            >
              {tab.label}
              {tab.count ? <span className="rounded bg-sunken px-1.5 text-xs text-muted">{tab.count}</span> : null}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
