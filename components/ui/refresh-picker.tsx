"use client";

import { RefreshCw } from "lucide-react";
import { useRouter } from "next/navigation";
import { useEffect, useState, useTransition } from "react";
import { Button } from "./button.tsx";
import { classes } from "./classes.ts";
import { ChoiceMenu } from "./menu.tsx";

const CHOICES = [
  { value: "0", label: "By hand" },
  { value: "2", label: "Every 2 s" },
  { value: "10", label: "Every 10 s" },
  { value: "60", label: "Every minute" },
];
const STORED = "isimud-refresh";

/** Loads the page's data anew: at a click, or on a beat that rests while the tab is hidden. */
export function RefreshPicker() {
  const router = useRouter();
  const [pending, start] = useTransition();
  const [seconds, setSeconds] = useState("0");

  useEffect(() => {
    const stored = localStorage.getItem(STORED);
    if (CHOICES.some((choice) => choice.value === stored)) setSeconds(stored as string);
  }, []);

  useEffect(() => {
    if (seconds === "0") return;
    const timer = setInterval(() => {
      if (!document.hidden) start(() => router.refresh());
    }, Number(seconds) * 1000);
    return () => clearInterval(timer);
  }, [seconds, router]);

  const every = CHOICES.find((choice) => choice.value === seconds)?.label ?? "";
  return (
    <div className="flex items-center">
      <Button kind="ghost" aria-label="Refresh now" onClick={() => start(() => router.refresh())}>
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
