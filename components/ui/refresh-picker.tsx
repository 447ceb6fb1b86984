"use client";

import { RefreshCw } from "lucide-react";
import { useEffect, useState } from "react";
import { Button } from "./button.tsx";
import { classes } from "./classes.ts";
import { formatClock } from "./format.ts";
import { ChoiceMenu } from "./menu.tsx";
import { useRefresh } from "./refresh.tsx";

const CHOICES = [
  { value: "0", label: "Off" },
  { value: "5", label: "5 s" },
  { value: "10", label: "10 s" },
];
const STORED = "isimud-refresh";

/** Refreshes the page at a click, or every few seconds. Pauses while the tab is hidden. */
export function RefreshPicker() {
  const { refresh, pending, state, asOf } = useRefresh();
  const [seconds, setSeconds] = useState("0");

  useEffect(() => {
    const stored = localStorage.getItem(STORED);
    if (CHOICES.some((choice) => choice.value === stored)) setSeconds(stored as string);
  }, []);

  useEffect(() => {
    if (seconds === "0" || pending) return;
    const timer = setInterval(() => {
      if (!document.hidden) refresh();
    }, Number(seconds) * 1000);
    return () => clearInterval(timer);
  }, [seconds, pending, refresh]);

  const every = CHOICES.find((choice) => choice.value === seconds)?.label ?? "";
  return (
    <div className="flex items-center">
      {/* Always rendered, so that screen readers announce what appears in it. On a telephone it is below the bar. */}
      <span
        role="status"
        className="flex justify-center text-[0.8125rem] whitespace-nowrap text-warn max-sm:absolute max-sm:inset-x-0 max-sm:top-full max-sm:bg-warn-soft"
      >
        {state === "lost" ? `as of ${formatClock(asOf)}, reconnecting` : null}
        {state === "outdated" ? (
          <span className="flex items-center gap-1">
            A new version is available:
            <Button kind="ghost" size="small" onClick={() => location.reload()}>
              Reload
            </Button>
          </span>
        ) : null}
      </span>
      <Button kind="ghost" aria-label="Refresh now" onClick={refresh}>
        <RefreshCw aria-hidden className={classes(pending && "animate-spin")} />
      </Button>
      <ChoiceMenu
        trigger={
          <Button kind="ghost" aria-label={`Refresh: ${every}`}>
            {every}
          </Button>
        }
        label="Refresh"
        choices={CHOICES}
        value={seconds}
        onChange={(next) => {
          setSeconds(next);
          localStorage.setItem(STORED, next);
        }}
      />
    </div>
  );
}
