"use client";

import { Menu as MenuIcon, X } from "lucide-react";
import { usePathname } from "next/navigation";
import { type ReactNode, Suspense, use, useEffect, useRef } from "react";
import { classes } from "./classes.ts";
import { Glyph, type Ink, type Shape } from "./glyph.tsx";
import { Link } from "./link.tsx";

export interface NavItem {
  label: string;
  href: string;
  /** Patterns of further addresses that belong to the item. */
  covers?: string[];
}

/** By address: what is beside a name. `label` says it in words. */
export type NavCounts = Record<string, { text: string; label: string; mark?: { shape: Shape; ink: Ink } }>;

export interface NavGroup {
  label: string;
  items: NavItem[];
}

/** The frame of every page: a bar, and navigation at the side, or in a drawer on narrow screens. */
export function Shell({
  name,
  mark,
  home,
  groups,
  counts,
  search,
  badge,
  tools,
  barTools,
  drawerTools,
  children,
}: {
  name: string;
  mark: ReactNode;
  home: string;
  groups: NavGroup[];
  /** May come after the page. */
  counts: Promise<NavCounts>;
  /** Stands where the eye looks first. */
  search: ReactNode;
  /** Beside the search, at every width. */
  badge: ReactNode;
  tools: ReactNode;
  /** Only in the bar of wide screens. */
  barTools: ReactNode;
  /** In the drawer of narrow screens, at its lower end. */
  drawerTools: ReactNode;
  children: ReactNode;
}) {
  const path = usePathname();
  const brand = (
    <Link href={home} className="flex items-center gap-2 rounded text-sm font-bold">
      {mark}
      {name}
    </Link>
  );
  return (
    <>
      <a
        href="#content"
        className="sr-only z-50 rounded bg-accent-fill px-3 py-2 text-accent-ink focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        Skip to the content
      </a>
      <header className="sticky top-0 z-30 flex h-12 items-center gap-1.5 border-b border-line bg-surface px-3 whitespace-nowrap sm:gap-2.5 lg:px-4">
        <Drawer name={name} path={path} groups={groups} counts={counts} tools={drawerTools} />
        <div className="hidden w-38 shrink-0 lg:block">{brand}</div>
        {badge}
        {search}
        <div className="ml-auto flex items-center gap-1">
          {tools}
          <span className="hidden lg:contents">{barTools}</span>
        </div>
      </header>
      <div className="lg:grid lg:grid-cols-[10.5rem_minmax(0,1fr)]">
        <aside className="sticky top-12 hidden h-[calc(100dvh-3rem)] flex-col overflow-auto pb-(--toasts) border-r border-line bg-surface lg:flex">
          <Navigation groups={groups} path={path} counts={counts} />
        </aside>
        <main
          id="content"
          tabIndex={-1}
          className={classes(
            "mx-auto min-h-[calc(100dvh-3rem)] w-full min-w-0 max-w-[100rem] outline-none",
            "p-3 pb-[calc(var(--below)+1.5rem)] sm:px-4 xl:has-[[data-side-panel]]:pr-106",
          )}
        >
          {children}
        </main>
      </div>
    </>
  );
}

function Drawer({
  name,
  path,
  groups,
  counts,
  tools,
}: {
  name: string;
  path: string;
  groups: NavGroup[];
  counts: Promise<NavCounts>;
  tools: ReactNode;
}) {
  const drawer = useRef<HTMLDialogElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the drawer closes when the address changes
  useEffect(() => drawer.current?.close(), [path]);
  return (
    <>
      <button
        type="button"
        aria-label="Open the navigation"
        aria-haspopup="dialog"
        onClick={() => drawer.current?.showModal()}
        className="-ml-1 shrink-0 rounded p-2 hover:bg-raised lg:hidden"
      >
        <MenuIcon aria-hidden className="size-4" />
      </button>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes a dialog by itself */}
      <dialog
        ref={drawer}
        aria-label={name}
        // The dialog's own box is covered by its content, so this is a click beside it.
        onClick={(event) => event.target === drawer.current && drawer.current.close()}
        className="m-0 h-dvh max-h-none w-64 border-r border-line bg-surface text-ink backdrop:bg-black/50"
      >
        <div className="flex min-h-full flex-col">
          <div className="flex h-12 shrink-0 items-center justify-between pr-2 pl-4">
            <span className="font-bold">{name}</span>
            <button
              type="button"
              aria-label="Close the navigation"
              onClick={() => drawer.current?.close()}
              className="rounded p-2 hover:bg-raised"
            >
              <X aria-hidden className="size-4" />
            </button>
          </div>
          <Navigation groups={groups} path={path} counts={counts} />
          <div className="mt-auto border-t border-line p-2">{tools}</div>
        </div>
      </dialog>
    </>
  );
}

function Navigation({ groups, path, counts }: { groups: NavGroup[]; path: string; counts: Promise<NavCounts> }) {
  return (
    <nav aria-label="Main" className="flex flex-col px-2 py-2.5">
      {groups.map((group) => (
        <ul
          key={group.label}
          aria-label={group.label}
          className="flex flex-col not-first:mt-2 not-first:border-t not-first:border-line not-first:pt-2"
        >
          {group.items.map((item) => {
            const here = isHere(path, item);
            return (
              <li key={item.href}>
                <Link
                  href={item.href}
                  aria-current={here ? "page" : undefined}
                  className={classes(
                    "flex h-7.5 items-center justify-between rounded px-2 max-lg:h-9",
                    here
                      ? "bg-raised font-semibold text-ink shadow-[inset_2px_0_0_var(--accent)]"
                      : "text-ink-2 hover:bg-hover",
                  )}
                >
                  {item.label}
                  <Suspense fallback={null}>
                    <NavCount href={item.href} counts={counts} />
                  </Suspense>
                </Link>
              </li>
            );
          })}
        </ul>
      ))}
    </nav>
  );
}

function NavCount({ href, counts }: { href: string; counts: Promise<NavCounts> }) {
  const count = use(counts)[href];
  if (count === undefined) return null;
  return (
    <span className="flex items-center gap-1 text-xs font-normal text-muted">
      <span className="sr-only">: {count.label}</span>
      {count.mark === undefined ? null : <Glyph shape={count.mark.shape} ink={count.mark.ink} />}
      <span aria-hidden>{count.text}</span>
    </span>
  );
}

function isHere(path: string, item: NavItem): boolean {
  if (path === item.href) return true;
  return (item.covers ?? []).some((pattern) => new RegExp(pattern).test(path));
}
