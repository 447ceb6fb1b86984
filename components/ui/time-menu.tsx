"use client";

import { Clock as ClockIcon } from "lucide-react";
import { Button } from "./button.tsx";
import { ChoiceMenu } from "./menu.tsx";
import { chooseTimeStyle, type TimeStyle, useTimeStyle } from "./time-style.ts";

const CHOICES = [
  { value: "utc relative", label: "UTC, ages" },
  { value: "utc absolute", label: "UTC, dates" },
  { value: "local relative", label: "Local time, ages" },
  { value: "local absolute", label: "Local time, dates" },
];

/** Chooses how times are shown. */
export function TimeMenu() {
  const { zone, form } = useTimeStyle();
  const value = `${zone} ${form}`;
  const label = CHOICES.find((choice) => choice.value === value)?.label ?? "";
  return (
    <ChoiceMenu
      trigger={
        <Button kind="ghost" label={`Times: ${label}`}>
          <ClockIcon aria-hidden />
        </Button>
      }
      label="Times"
      choices={CHOICES}
      value={value}
      onChange={(next) => {
        const [nextZone, nextForm] = next.split(" ") as [TimeStyle["zone"], TimeStyle["form"]];
        chooseTimeStyle({ zone: nextZone, form: nextForm });
      }}
    />
  );
}
