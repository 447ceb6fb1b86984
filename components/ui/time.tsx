"use client";

import { createContext, type ReactNode, useCallback, useContext, useEffect, useRef, useState } from "react";
import { momentText } from "./deck/time-range.ts";
import { formatDuration, formatLocal, formatUtc } from "./format.ts";
import { Glyph } from "./glyph.tsx";
import { useTimeStyle } from "./time-style.ts";

const Now = createContext<number | null>(null);
/** Milliseconds from the browser's clock to the server's. */
const Behind = createContext<{ current: number }>({ current: 0 });

/**
 * The server's time, which the browser's clock continues: a wrong clock in the browser does not make ages wrong. The
 * first render in the browser uses exactly the server's time, so that both agree.
 */
export function Clock({ serverNow, children }: { serverNow: number; children: ReactNode }) {
  const [now, setNow] = useState(serverNow);
  const behind = useRef(0);
  useEffect(() => {
    behind.current = serverNow - Date.now();
    const timer = setInterval(() => setNow(Date.now() + behind.current), 1000);
    return () => clearInterval(timer);
  }, [serverNow]);
  return (
    <Behind.Provider value={behind}>
      <Now.Provider value={now}>{children}</Now.Provider>
    </Behind.Provider>
  );
}

/** The server's time at the call, in milliseconds. Only for effects and events. */
export function useServerClock(): () => number {
  const behind = useContext(Behind);
  return useCallback(() => Date.now() + behind.current, [behind]);
}

/** The server's time, second by second. */
export function useNow(): number {
  const now = useContext(Now);
  if (now === null) throw new Error("Times need a <Clock>.");
  return now;
}

/** A time in full, in the zone that the user chose. */
function useInstant(): (iso: string) => string {
  return useTimeStyle().zone === "utc" ? formatUtc : formatLocal;
}

/**
 * How long ago a time was, or how far ahead it is; or the date, if the user chose so. Shows the other one on hover. The
 * clock moves each second, so what has just happened can be a second ahead of it: that is now, too. `coarse`: without
 * the seconds that are beside minutes.
 */
export function Ago({ at, coarse = false }: { at: string; coarse?: boolean }) {
  const seconds = (useNow() - Date.parse(at)) / 1000;
  const { form } = useTimeStyle();
  const date = useInstant()(at);
  const age =
    seconds > -2 && seconds < 1
      ? "now"
      : seconds > 0
        ? `${durationText(seconds, coarse)} ago`
        : `in ${formatDuration(-seconds)}`;
  return (
    <time dateTime={at} title={form === "relative" ? date : age} className="whitespace-nowrap">
      {form === "relative" ? age : date}
    </time>
  );
}

const durationText = (seconds: number, coarse: boolean) =>
  formatDuration(coarse && seconds >= 60 ? seconds - (seconds % 60) : seconds);

/** How old something is. `coarse`: without the seconds that are beside minutes. */
export function Age({ since, coarse = false }: { since: string; coarse?: boolean }) {
  const instant = useInstant();
  const seconds = (useNow() - Date.parse(since)) / 1000;
  return (
    <time dateTime={since} title={instant(since)} className="whitespace-nowrap">
      {durationText(seconds, coarse)}
    </time>
  );
}

/** How long is left until a time; `over` once it has passed. */
export function TimeLeft({ until, over = "expired" }: { until: string; over?: string }) {
  const seconds = (Date.parse(until) - useNow()) / 1000;
  const instant = useInstant();
  return (
    <time dateTime={until} title={instant(until)} className="whitespace-nowrap">
      {seconds <= 0 ? over : formatDuration(seconds)}
    </time>
  );
}

/** The share of a lease that is left, as a bar and in words. */
export function LeaseBar({ from, until }: { from: string; until: string }) {
  const now = useNow();
  const length = Date.parse(until) - Date.parse(from);
  const left = Math.max(0, Math.min(1, (Date.parse(until) - now) / Math.max(1, length)));
  return (
    <span className="flex items-center gap-2">
      <span aria-hidden className="h-1.5 w-16 overflow-hidden max-sm:hidden rounded-[2px] bg-line">
        <span
          className={left < 0.15 ? "block h-full bg-warn" : "block h-full bg-claimed"}
          style={{ width: `${left * 100}%` }}
        />
      </span>
      <TimeLeft until={until} />
    </span>
  );
}

/** A time in full. */
export function Instant({ at }: { at: string }) {
  const instant = useInstant();
  return (
    <time dateTime={at} className="whitespace-nowrap">
      {instant(at)}
    </time>
  );
}

/** A moment as short as it can be: the clock, and the day when it is not today. */
export function Moment({ at, seconds = false }: { at: string; seconds?: boolean }) {
  const now = useNow();
  const { zone } = useTimeStyle();
  const instant = useInstant();
  return (
    <time dateTime={at} title={instant(at)} className="whitespace-nowrap">
      {momentText(Date.parse(at), now, zone, seconds)}
    </time>
  );
}

/** "ends in 2 min 36 s". What ends within a minute stands out. */
export function EndsIn({ until }: { until: string }) {
  const instant = useInstant();
  const seconds = (Date.parse(until) - useNow()) / 1000;
  const soon = seconds <= 60;
  return (
    <time
      dateTime={until}
      title={instant(until)}
      className={soon ? "flex items-center gap-1.5 whitespace-nowrap font-semibold text-warn" : "whitespace-nowrap"}
    >
      {soon ? <Glyph shape="clock" ink="warn" /> : null}
      {seconds <= 0 ? "has ended" : `ends in ${formatDuration(seconds)}`}
    </time>
  );
}
