"use client";

import { useState } from "react";
import { Button } from "./button.tsx";
import { useTimeStyle } from "./time-style.ts";

/** Asks for a time, in the zone that times are shown in. `onTime` gets it in ISO 8601; `close`: without one. */
export function TimeForm({ label, onTime, close }: { label: string; onTime: (at: string) => void; close: () => void }) {
  const { zone } = useTimeStyle();
  const [text, setText] = useState("");
  return (
    <form
      className="flex gap-1.5"
      onSubmit={(event) => {
        event.preventDefault();
        const time = new Date(zone === "utc" ? `${text}Z` : text);
        if (Number.isNaN(time.getTime())) return;
        close();
        onTime(time.toISOString());
      }}
    >
      <input
        type="datetime-local"
        step={1}
        required
        // biome-ignore lint/a11y/noAutofocus: the button that was just pressed is gone
        autoFocus
        aria-label={`${label}, ${zone === "utc" ? "in UTC" : "in the zone of this browser"}`}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => event.key === "Escape" && close()}
        className="h-7 rounded border border-line-strong bg-sunken px-2 max-sm:h-9"
      />
      <Button type="submit">Go</Button>
    </form>
  );
}
