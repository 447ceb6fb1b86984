"use client";

import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import { formatDuration, formatUtc } from "./format.ts";

const Now = createContext<number | null>(null);

/**
 * The server's time, which the browser's clock continues: a wrong clock in the browser does not make ages wrong. The
 * first render in the browser uses exactly the server's time, so that both agree.
 */
export function Clock({ serverNow, children }: { serverNow: number; children: ReactNode }) {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const behind = serverNow - Date.now();
    const timer = setInterval(() => setNow(Date.now() + behind), 1000);
    return () => clearInterval(timer);
  }, [serverNow]);
  return <Now.Provider value={now}>{children}</Now.Provider>;
}

function useNow(): number {
  const now = useContext(Now);
  if (now === null) throw new Error("Times need a <Clock>.");
  return now;
}

/** How long ago a time was, or how far ahead it is. Shows the UTC time on hover. */
export function Ago({ at }: { at: string }) {
  const seconds = (useNow() - Date.parse(at)) / 1000;
  const utc = formatUtc(at);
  const text =
    Math.abs(seconds) < 1 ? "now" : seconds > 0 ? `${formatDuration(seconds)} ago` : `in ${formatDuration(-seconds)}`;
  return (
    <time dateTime={at} title={utc} className="whitespace-nowrap">
      {text}
    </time>
  );
}

/** How long is left until a time; `over` once it has passed. */
export function TimeLeft({ until, over = "expired" }: { until: string; over?: string }) {
  const seconds = (Date.parse(until) - useNow()) / 1000;
  return (
    <time dateTime={until} title={formatUtc(until)} className="whitespace-nowrap">
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
      <span aria-hidden className="h-1.5 w-16 overflow-hidden max-sm:hidden rounded-full bg-line">
        <span
          className={left < 0.15 ? "block h-full bg-warn" : "block h-full bg-accent-fill"}
          style={{ width: `${left * 100}%` }}
        />
      </span>
      <TimeLeft until={until} />
    </span>
  );
}

/** A time in UTC, in full. */
export function Utc({ at }: { at: string }) {
  return (
    <time dateTime={at} className="whitespace-nowrap">
      {formatUtc(at)}
    </time>
  );
}
