"use client";

import { CSPProvider } from "@base-ui/react/csp-provider";
import { Tooltip } from "@base-ui/react/tooltip";
import {
  BookMarked,
  Boxes,
  Braces,
  FolderTree,
  HeartPulse,
  Hourglass,
  KeyRound,
  LayoutDashboard,
  ListOrdered,
  ScrollText,
  Tag,
} from "lucide-react";
import { type ReactNode, useCallback, useState } from "react";
import { askServer } from "./api.ts";
import { paths } from "./paths.ts";
import { RefreshProvider } from "./ui/refresh.tsx";
import { RefreshPicker } from "./ui/refresh-picker.tsx";
import { type NavGroup, Shell } from "./ui/shell.tsx";
import { ThemeToggle } from "./ui/theme-toggle.tsx";
import { Clock } from "./ui/time.tsx";
import { Toasts } from "./ui/toast.tsx";

const GROUPS: NavGroup[] = [
  {
    label: "Messaging",
    items: [
      { label: "Overview", href: paths.overview(), icon: <LayoutDashboard aria-hidden /> },
      {
        label: "Queues",
        href: paths.queues(null),
        icon: <ListOrdered aria-hidden />,
        covers: ["^/projects/[^/]+/queues"],
      },
      { label: "Projects", href: paths.projects(), icon: <FolderTree aria-hidden /> },
    ],
  },
  {
    label: "Storage",
    items: [
      { label: "Pools", href: paths.pools(), icon: <Boxes aria-hidden />, covers: ["^/pools/"] },
      { label: "Flavors", href: paths.flavors(), icon: <Tag aria-hidden /> },
      { label: "Catalogue", href: paths.catalogue(), icon: <BookMarked aria-hidden /> },
      { label: "Jobs", href: paths.jobs(), icon: <Hourglass aria-hidden /> },
      { label: "Keys", href: paths.keys(), icon: <KeyRound aria-hidden /> },
    ],
  },
  {
    label: "Service",
    items: [
      { label: "Health", href: paths.health(), icon: <HeartPulse aria-hidden /> },
      { label: "Audit", href: paths.audit(), icon: <ScrollText aria-hidden /> },
      { label: "GraphQL", href: paths.explorer(), icon: <Braces aria-hidden /> },
    ],
  },
];

/** Two faces that look opposite ways. */
const MARK = (
  <svg viewBox="0 0 24 24" className="size-5" aria-hidden>
    <path d="M11 3C6 3 3 6.5 3 12l1.5 3L3.8 17.5 6 18.5V21h5z" className="fill-accent-fill" />
    <path d="M13 3c5 0 8 3.5 8 9l-1.5 3 .7 2.5-2.2 1V21h-5z" className="fill-line-strong" />
  </svg>
);

/** The frame and the providers around every page. */
export function AppShell({
  serverNow,
  nonce,
  build,
  children,
}: {
  serverNow: number;
  nonce?: string;
  /** The build of the pages; null when they run without their server. */
  build: string | null;
  children: ReactNode;
}) {
  // A refresh renders with another nonce, but the document keeps the first one.
  const [documentNonce] = useState(nonce);
  // The browser also keeps the build that it has loaded.
  const [ownBuild] = useState(build);
  const ask = useCallback(() => askServer(ownBuild), [ownBuild]);
  return (
    <CSPProvider nonce={documentNonce} disableStyleElements>
      <Clock serverNow={serverNow}>
        <RefreshProvider ask={ask} serverNow={serverNow}>
          <Tooltip.Provider>
            <Toasts>
              <div className="root">
                <Shell
                  name="Isimud"
                  mark={MARK}
                  home={paths.overview()}
                  groups={GROUPS}
                  tools={
                    <>
                      <RefreshPicker />
                      <ThemeToggle />
                    </>
                  }
                >
                  {children}
                </Shell>
              </div>
            </Toasts>
          </Tooltip.Provider>
        </RefreshProvider>
      </Clock>
    </CSPProvider>
  );
}
