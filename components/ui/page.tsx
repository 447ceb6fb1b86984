import type { ReactNode } from "react";
import { classes } from "./classes.ts";
import { Link } from "./link.tsx";
import { visible, visibleIfText } from "./visible.tsx";

export interface Crumb {
  label: string;
  href: string;
}

/** A page's title, breadcrumbs, badges and actions. */
export function PageHeader({
  title,
  mono = false,
  crumbs = [],
  badges,
  description,
  actions,
}: {
  title: ReactNode;
  mono?: boolean;
  crumbs?: Crumb[];
  badges?: ReactNode;
  description?: ReactNode;
  actions?: ReactNode;
}) {
  return (
    <header className="mb-3 flex flex-wrap items-start gap-x-4 gap-y-2">
      <div className="min-w-0 max-w-full">
        {crumbs.length > 0 ? (
          <nav aria-label="Breadcrumb" className="mb-0.5">
            <ol className="flex flex-wrap items-center gap-x-1.5 text-xs text-muted">
              {crumbs.map((crumb) => (
                <li key={crumb.href} className="flex min-w-0 items-center gap-1.5">
                  <Link href={crumb.href} className="truncate underline-offset-2 hover:text-ink hover:underline">
                    {crumb.label}
                  </Link>
                  <span aria-hidden>/</span>
                </li>
              ))}
            </ol>
          </nav>
        ) : null}
        <div className="flex flex-wrap items-center gap-2">
          <h1 className={classes("text-lg leading-6 font-semibold tracking-tight wrap-anywhere", mono && "font-mono")}>
            {visibleIfText(title)}
          </h1>
          {badges}
        </div>
      </div>
      {actions ? (
        <div
          data-page-actions
          className="flex min-w-0 flex-1 basis-80 flex-wrap items-center gap-2 max-sm:order-1 sm:justify-end"
        >
          {actions}
        </div>
      ) : null}
      {description ? <div className="w-full text-muted sm:-mt-1.5">{description}</div> : null}
    </header>
  );
}

/** A titled box. */
export function Panel({
  title,
  actions,
  children,
  flush = false,
}: {
  title?: string;
  actions?: ReactNode;
  children: ReactNode;
  /** The content has no padding: for tables. */
  flush?: boolean;
}) {
  return (
    <section className="min-w-0 rounded border border-line bg-surface">
      {title || actions ? (
        <div className="flex min-h-8 flex-wrap items-center justify-between gap-2 border-b border-line px-3 py-1">
          {title ? <h2 className="font-semibold">{visible(title)}</h2> : <span />}
          {actions ? <div className="flex flex-wrap items-center gap-2">{actions}</div> : null}
        </div>
      ) : null}
      <div className={flush ? undefined : "p-3"}>{children}</div>
    </section>
  );
}

/** A list of labels and values. */
export function Facts({ items }: { items: { label: string; value: ReactNode }[] }) {
  return (
    <dl className="grid grid-cols-[minmax(7rem,auto)_1fr] gap-x-6 gap-y-2">
      {items.map((item) => (
        <div key={item.label} className="contents">
          <dt className="min-w-0 wrap-anywhere text-muted">{visible(item.label)}</dt>
          <dd className="min-w-0 wrap-anywhere">{visibleIfText(item.value)}</dd>
        </div>
      ))}
    </dl>
  );
}
