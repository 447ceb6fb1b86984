"use client";

import { Monitor, Moon, Sun } from "lucide-react";
import { Button } from "./button.tsx";
import { ChoiceMenu } from "./menu.tsx";
import { chooseTheme, type Theme, useChosenTheme } from "./theme.ts";

const CHOICES = [
  { value: "light", label: "Light", icon: <Sun aria-hidden /> },
  { value: "dark", label: "Dark", icon: <Moon aria-hidden /> },
  { value: "system", label: "System", icon: <Monitor aria-hidden /> },
];

export function ThemeToggle() {
  const value = useChosenTheme();
  const icon = CHOICES.find((choice) => choice.value === value)?.icon;
  return (
    <ChoiceMenu
      trigger={
        <Button kind="ghost" label={`Theme: ${value}`}>
          {icon}
        </Button>
      }
      label="Theme"
      choices={CHOICES}
      value={value}
      onChange={(theme) => chooseTheme(theme as Theme)}
    />
  );
}
