"use client";

import { usePathname } from "next/navigation";
import { lazy, type ReactNode, useCallback, useState } from "react";
import type { ViewerFacts } from "./access/fragments.ts";
import { UserMenu } from "./access/user-menu.tsx";
import { type RefusedActions, Verdicts } from "./access/verdicts.tsx";
import { askServer } from "./api.ts";
import { Mark } from "./mark.tsx";
import { GROUPS } from "./navigation.ts";
import { paths } from "./paths.ts";
import { type Environment, EnvironmentBadge } from "./ui/environment-badge.tsx";
import { Hints } from "./ui/hint.tsx";
import { Keyboard } from "./ui/keyboard.tsx";
import type { Connect } from "./ui/live-tabs.ts";
import { RefreshProvider } from "./ui/refresh.tsx";
import { RefreshPicker } from "./ui/refresh-picker.tsx";
import { type NavCounts, Shell } from "./ui/shell.tsx";
import { useShownTheme } from "./ui/theme.ts";
import { Clock } from "./ui/time.tsx";
import { Toasts } from "./ui/toast-list.tsx";

/** Loaded when it is first asked for. */
const loadPalette = () => import("./palette.tsx");
const Palette = lazy(loadPalette);
const preparePalette = () => {
  loadPalette().catch(() => {});
};

/** Loaded by the first live page. */
const connectLive: Connect = async (...call) => (await import("./live-stream.ts")).connectLive(...call);

/** Pages of people who have not signed in: they have a frame of their own. */
const ENTRIES = [paths.signIn(), paths.link()];

/** The frame and the providers around every page. */
export function AppShell({
  serverNow,
  build,
  environment,
  counts,
  viewer,
  refused,
  notices,
  children,
}: {
  serverNow: number;
  /** The build of the pages; null when they run without their server. */
  build: string | null;
  /** Null: the operator gave it no name. */
  environment: Environment | null;
  counts: Promise<NavCounts>;
  /** Null: nobody has signed in, or it could not be read. */
  viewer: ViewerFacts | null;
  refused: RefusedActions;
  /** Above every page, but not where people sign in. */
  notices: ReactNode;
  children: ReactNode;
}) {
  // The browser keeps the build that it has loaded; a refresh may come from another one.
  const [ownBuild] = useState(build);
  const ask = useCallback(() => askServer(ownBuild), [ownBuild]);
  const isEntry = ENTRIES.includes(usePathname());
  // Somebody must listen for another theme, of the system or of another tab.
  useShownTheme();
  return (
    <Clock serverNow={serverNow}>
      <RefreshProvider ask={ask} connect={connectLive} serverNow={serverNow}>
        <Verdicts refused={refused}>
          <div className="root">
            {isEntry ? (
              children
            ) : (
              <Shell
                name="Isimud"
                mark={<Mark />}
                home={paths.overview()}
                groups={GROUPS}
                counts={counts}
                search={<Keyboard Palette={Palette} prepare={preparePalette} />}
                badge={environment === null ? null : <EnvironmentBadge environment={environment} />}
                tools={<RefreshPicker />}
                barTools={<UserMenu viewer={viewer} />}
                drawerTools={<UserMenu viewer={viewer} above />}
              >
                {notices}
                {children}
              </Shell>
            )}
          </div>
          <Toasts />
          <Hints />
        </Verdicts>
      </RefreshProvider>
    </Clock>
  );
}
