"use client";

import { Clock, KeyRound, LogOut, Monitor, Moon, Sun, UserRound } from "lucide-react";
import { type ReactNode, useId } from "react";
import { paths } from "../paths.ts";
import { Link } from "../ui/link.tsx";
import { MENU_ITEM, MenuChoices } from "../ui/menu-panel.tsx";
import { chooseTheme, type Theme, useChosenTheme } from "../ui/theme.ts";
import { chooseTimeStyle, type TimeStyle, useTimeStyle } from "../ui/time-style.ts";
import { visible } from "../ui/visible.tsx";
import { signOut } from "./auth.ts";
import type { ViewerFacts } from "./fragments.ts";
import { grantsText } from "./words.ts";

const THEMES = [
  { value: "light", label: "Light", icon: <Sun aria-hidden /> },
  { value: "dark", label: "Dark", icon: <Moon aria-hidden /> },
  { value: "system", label: "System", icon: <Monitor aria-hidden /> },
];

const TIMES = [
  { value: "utc relative", label: "UTC, ages" },
  { value: "utc absolute", label: "UTC, dates" },
  { value: "local relative", label: "Local time, ages" },
  { value: "local absolute", label: "Local time, dates" },
].map((choice) => ({ ...choice, icon: <Clock aria-hidden /> }));

/** The content of the <UserMenu>, which loads it. */
export default function UserMenuContent({ viewer, close }: { viewer: ViewerFacts | null; close: () => void }) {
  const theme = useChosenTheme();
  const { zone, form } = useTimeStyle();
  return (
    <span className="flex w-56 flex-col">
      <span className="flex flex-col px-2 py-1.5 wrap-anywhere">
        <span className="font-semibold">
          {visible(viewer === null ? "Unknown" : (viewer.person?.name ?? viewer.actor))}
        </span>
        <span className="text-xs text-muted">{viewer === null ? "The server did not say." : about(viewer)}</span>
      </span>
      <Part>
        <Page href={paths.account()} close={close} icon={<UserRound aria-hidden />}>
          Account
        </Page>
        <Page href={paths.access()} close={close} icon={<KeyRound aria-hidden />}>
          Access
        </Page>
      </Part>
      <Part label="Theme">
        <MenuChoices choices={THEMES} value={theme} onChoose={(value) => chooseTheme(value as Theme)} />
      </Part>
      <Part label="Times">
        <MenuChoices
          choices={TIMES}
          value={`${zone} ${form}`}
          onChoose={(value) => {
            const [nextZone, nextForm] = value.split(" ") as [TimeStyle["zone"], TimeStyle["form"]];
            chooseTimeStyle({ zone: nextZone, form: nextForm });
          }}
        />
      </Part>
      {viewer?.kind === "PERSON" ? (
        <Part>
          <button type="button" role="menuitem" tabIndex={-1} onClick={() => void signOut()} className={MENU_ITEM}>
            <LogOut aria-hidden />
            Sign out
          </button>
        </Part>
      ) : null}
    </span>
  );
}

/** Entries that belong together. */
function Part({ label, children }: { label?: string; children: ReactNode }) {
  const id = useId();
  return (
    // biome-ignore lint/a11y/useSemanticElements: a menu has groups of entries
    <span
      role="group"
      aria-labelledby={label === undefined ? undefined : id}
      className="mt-1 flex flex-col border-t border-line pt-1"
    >
      {label === undefined ? null : (
        <span id={id} className="px-2 pt-0.5 text-xs text-muted">
          {label}
        </span>
      )}
      {children}
    </span>
  );
}

function Page({
  href,
  close,
  icon,
  children,
}: {
  href: string;
  close: () => void;
  icon: ReactNode;
  children: ReactNode;
}) {
  return (
    <Link href={href} role="menuitem" tabIndex={-1} onClick={close} className={MENU_ITEM}>
      {icon}
      {children}
    </Link>
  );
}

function about({ kind, actor, person }: ViewerFacts): ReactNode {
  if (kind === "LOCAL") return "Access control is off.";
  return (
    <>
      <span className="block">{visible(actor)}</span>
      {person === null ? null : visible(grantsText(person.grants))}
    </>
  );
}
