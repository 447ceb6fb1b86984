"use client";

import { useSyncExternalStore } from "react";

export type Theme = "light" | "dark" | "system";

/** Key of the choice in the browser's storage. */
const KEY = "theme";
const DARK = "(prefers-color-scheme: dark)";

/** Other tabs notify by a storage event, this tab by this event. */
const CHANGED = new EventTarget();

/** The choice where the browser forbids storage. It lasts as long as the page. */
let unstored: Theme = "system";

function chosen(): Theme {
  try {
    const stored = localStorage.getItem(KEY);
    return stored === "light" || stored === "dark" ? stored : "system";
  } catch {
    return unstored;
  }
}

function shown(): "light" | "dark" {
  const theme = chosen();
  if (theme !== "system") return theme;
  return matchMedia(DARK).matches ? "dark" : "light";
}

function subscribe(listener: () => void): () => void {
  const system = matchMedia(DARK);
  const change = () => {
    document.documentElement.dataset.theme = shown();
    listener();
  };
  // The system may have changed before this page listened.
  document.documentElement.dataset.theme = shown();
  system.addEventListener("change", change);
  window.addEventListener("storage", change);
  CHANGED.addEventListener("change", change);
  return () => {
    system.removeEventListener("change", change);
    window.removeEventListener("storage", change);
    CHANGED.removeEventListener("change", change);
  };
}

/** What the user chose. The server does not know it and renders "system". */
export function useChosenTheme(): Theme {
  return useSyncExternalStore(subscribe, chosen, () => "system");
}

/** What the page shows. The server does not know it and renders "light". */
export function useShownTheme(): "light" | "dark" {
  return useSyncExternalStore(subscribe, shown, () => "light");
}

export function chooseTheme(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    unstored = theme;
  }
  CHANGED.dispatchEvent(new Event("change"));
}
