"use client";

import { Monitor, Moon, Sun } from "lucide-react";
import { useTheme } from "next-themes";
import { useSyncExternalStore } from "react";
import { Button } from "./button.tsx";
import { ChoiceMenu } from "./menu.tsx";

const CHOICES = [
  { value: "light", label: "Light", icon: <Sun aria-hidden /> },
  { value: "dark", label: "Dark", icon: <Moon aria-hidden /> },
  { value: "system", label: "System", icon: <Monitor aria-hidden /> },
];

/** Only the browser knows the theme, so the server's rendering shows the neutral icon. */
function useInBrowser(): boolean {
  return useSyncExternalStore(
    () => () => {},
    () => true,
    () => false,
  );
}

export function ThemeToggle() {
  const { theme = "system", setTheme } = useTheme();
  const value = useInBrowser() ? theme : "system";
  const icon = CHOICES.find((choice) => choice.value === value)?.icon;
  return (
    <ChoiceMenu
      trigger={
        <Button kind="ghost" aria-label={`Theme: ${value}`}>
          {icon}
        </Button>
      }
      label="Theme"
      choices={CHOICES}
      value={value}
      onChange={setTheme}
    />
  );
}
