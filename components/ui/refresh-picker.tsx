"use client";

import { ChevronDown, RefreshCw } from "lucide-react";
import { markActed } from "./acted.ts";
import { Button } from "./button.tsx";
import { classes } from "./classes.ts";
import { clockParts } from "./format.ts";
import { ChoiceMenu } from "./menu.tsx";
import { type Every, useRefresh } from "./refresh.tsx";
import { useTimeStyle } from "./time-style.ts";

const CHOICES: { value: Every; label: string }[] = [
  { value: "0", label: "Off" },
  { value: "5", label: "5 s" },
  { value: "10", label: "10 s" },
  { value: "live", label: "Live" },
];

/** Says as of when the page is. Refreshes it at a click, and chooses how it keeps up. */
export function RefreshPicker() {
  const { refresh, pending, state, asOf, every, setEvery, connected } = useRefresh();
  const time = clockParts(asOf, useTimeStyle().zone);
  const label = CHOICES.find((choice) => choice.value === every)?.label ?? "";
  return (
    <div className="flex items-center">
      {/* Always rendered, so that screen readers announce what appears in it. On a telephone it is below the bar. */}
      <span
        role="status"
        className="flex justify-center text-xs whitespace-nowrap text-warn max-sm:absolute max-sm:inset-x-0 max-sm:top-full max-sm:bg-warn-soft"
      >
        {state === "lost" ? `as of ${time.clock} ${time.zone}, reconnecting` : null}
        {state === "outdated" ? (
          <span className="flex items-center gap-1">
            A new version is available:
            <Button kind="ghost" size="small" onClick={() => location.reload()}>
              Reload
            </Button>
          </span>
        ) : null}
      </span>
      <Button
        kind="ghost"
        label="Refresh now"
        onClick={() => {
          markActed();
          refresh();
        }}
      >
        <RefreshCw aria-hidden className={classes(pending && "animate-spin")} />
      </Button>
      <ChoiceMenu
        trigger={
          <Button kind="ghost">
            <Dot current={state === "current"} connected={connected} />
            {/* What is shown here changes with every refresh, so it is no live region. */}
            <span>
              as of <b className="font-semibold text-ink">{time.clock}</b>
              <span className="max-sm:hidden"> {time.zone}</span>
            </span>
            <span className="max-sm:sr-only">
              <span className="sr-only">Refresh: </span>
              {label}
            </span>
            <ChevronDown aria-hidden />
          </Button>
        }
        label="Refresh"
        choices={CHOICES}
        value={every}
        onChange={(next) => setEvery(next as Every)}
      />
    </div>
  );
}

/** Green while the server answers, with a ring while the page has its stream. */
function Dot({ current, connected }: { current: boolean; connected: boolean }) {
  return (
    <span
      aria-hidden
      data-live={connected || undefined}
      className={classes(
        "size-2 shrink-0 rounded-full",
        current ? "bg-ok" : "bg-warn",
        connected && "ring-2 ring-ok/30",
      )}
    />
  );
}
