"use client";

import { useSyncExternalStore } from "react";

/** How times are shown: in UTC or the browser's zone, and as ages or as dates. */
export interface TimeStyle {
  zone: "utc" | "local";
  form: "relative" | "absolute";
}

/** Key of the choice in the browser's storage, as "local absolute". */
const KEY = "isimud-times";
/** What the server renders, and the first render in the browser. */
const DEFAULT: TimeStyle = { zone: "utc", form: "relative" };
const CHANGED = new EventTarget();

let unstored = "";
let known: { text: string; style: TimeStyle } = { text: "", style: DEFAULT };

/** The same object for the same choice, as React demands. */
function current(): TimeStyle {
  let text: string;
  try {
    text = localStorage.getItem(KEY) ?? "";
  } catch {
    text = unstored;
  }
  if (text !== known.text) {
    const zone = text.includes("local") ? "local" : "utc";
    known = { text, style: { zone, form: text.includes("absolute") ? "absolute" : "relative" } };
  }
  return known.style;
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("storage", listener);
  CHANGED.addEventListener("change", listener);
  return () => {
    window.removeEventListener("storage", listener);
    CHANGED.removeEventListener("change", listener);
  };
}

export function useTimeStyle(): TimeStyle {
  return useSyncExternalStore(subscribe, current, () => DEFAULT);
}

export function chooseTimeStyle({ zone, form }: TimeStyle): void {
  unstored = `${zone} ${form}`;
  try {
    localStorage.setItem(KEY, unstored);
  } catch {}
  CHANGED.dispatchEvent(new Event("change"));
}
