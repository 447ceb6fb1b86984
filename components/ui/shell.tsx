"use client";

import { Dialog } from "@base-ui/react/dialog";
import { Menu as MenuIcon, X } from "lucide-react";
import { usePathname } from "next/navigation";
import { type ReactNode, useEffect, useState } from "react";
import { classes } from "./classes.ts";
import { Link } from "./link.tsx";

export interface NavItem {
  label: string;
  href: string;
  icon: ReactNode;
  /** Patterns of further addresses that belong to the item. */
  covers?: string[];
}

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
  tools,
  children,
}: {
  name: string;
  mark: ReactNode;
  home: string;
  groups: NavGroup[];
  tools: ReactNode;
  children: ReactNode;
}) {
  const path = usePathname();
  const [drawer, setDrawer] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the drawer closes when the address changes
  useEffect(() => setDrawer(false), [path]);

  const brand = (
    <Link href={home} className="flex items-center gap-2 rounded font-semibold tracking-tight">
      {mark}
      {name}
    </Link>
  );
  return (
    <>
      <a
        href="#content"
        className="sr-only z-50 rounded-md bg-accent-fill px-3 py-2 text-accent-ink focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        Skip to the content
      </a>
      <div className="lg:grid lg:grid-cols-[13rem_minmax(0,1fr)]">
        <aside className="sticky top-0 hidden h-dvh flex-col border-r border-line bg-surface lg:flex">
          <div className="flex h-12 items-center px-4">{brand}</div>
          <Navigation groups={groups} path={path} />
        </aside>
        <div className="flex min-h-dvh min-w-0 flex-col">
          <header className="sticky top-0 z-30 flex h-12 items-center gap-2 border-b border-line bg-surface px-3 sm:px-6">
            <Dialog.Root open={drawer} onOpenChange={setDrawer}>
              <Dialog.Trigger
                aria-label="Open the navigation"
                className="-ml-1 rounded-md p-2 hover:bg-hover lg:hidden"
              >
                <MenuIcon aria-hidden className="size-5" />
              </Dialog.Trigger>
              <Dialog.Portal>
                <Dialog.Backdrop className="fixed inset-0 z-40 bg-black/45 transition-opacity data-ending-style:opacity-0 data-starting-style:opacity-0" />
                <Dialog.Popup className="fixed inset-y-0 left-0 z-40 flex w-64 flex-col bg-surface shadow-2xl outline-none transition-transform data-ending-style:-translate-x-full data-starting-style:-translate-x-full">
                  <div className="flex h-12 items-center justify-between pr-2 pl-4">
                    <Dialog.Title className="font-semibold">{name}</Dialog.Title>
                    <Dialog.Close aria-label="Close the navigation" className="rounded-md p-2 hover:bg-hover">
                      <X aria-hidden className="size-4" />
                    </Dialog.Close>
                  </div>
                  <Navigation groups={groups} path={path} />
                </Dialog.Popup>
              </Dialog.Portal>
            </Dialog.Root>
            <div className="lg:hidden">{brand}</div>
            <div className="ml-auto flex items-center gap-1">{tools}</div>
          </header>
          <main id="content" tabIndex={-1} className="mx-auto w-full max-w-[100rem] flex-1 p-3 outline-none sm:p-6">
            {children}
          </main>
        </div>
      </div>
    </>
  );
}

function Navigation({ groups, path }: { groups: NavGroup[]; path: string }) {
  return (
    <nav aria-label="Main" className="flex flex-1 flex-col gap-4 overflow-auto px-2 py-2">
      {groups.map((group) => (
        <div key={group.label}>
          <p className="px-2 pb-1 text-xs text-muted">{group.label}</p>
          <ul className="flex flex-col gap-px">
            {group.items.map((item) => {
              const here = isHere(path, item);
              return (
                <li key={item.href}>
                  <Link
                    href={item.href}
                    aria-current={here ? "page" : undefined}
                    className={classes(
                      "flex h-8 items-center gap-2.5 rounded-md px-2 [&_svg]:size-4",
                      here ? "bg-accent-soft font-medium text-accent" : "text-ink hover:bg-hover",
                    )}
                  >
                    {item.icon}
                    {item.label}
                  </Link>
                </li>
              );
            })}
          </ul>
        </div>
      ))}
    </nav>
  );
}

function isHere(path: string, item: NavItem): boolean {
  if (path === item.href) return true;
  return (item.covers ?? []).some((pattern) => new RegExp(pattern).test(path));
}
