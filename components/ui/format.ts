/** Numbers and times as people read them. */

const COUNT = new Intl.NumberFormat("en-US");

/** 12345 -> 12,345. A lower bound or an estimate is marked as one. */
export function formatCount(value: number, exact: "exact" | "at-least" | "about" = "exact"): string {
  const text = COUNT.format(value);
  return exact === "at-least" ? `${text}+` : exact === "about" ? `≈ ${text}` : text;
}

/** Seconds, in the two largest units: 93784 -> "1 d 2 h" */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const units: [string, number][] = [
    ["d", 86_400],
    ["h", 3600],
    ["min", 60],
    ["s", 1],
  ];
  const first = units.findIndex(([, size]) => whole >= size);
  if (first === -1) return "0 s";
  let rest = whole;
  const parts: string[] = [];
  for (const [name, size] of units.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${name}`);
  }
  return parts.join(" ");
}

/** Seconds: 0.0123 -> "12.3 ms" */
export function formatMilliseconds(seconds: number): string {
  return seconds >= 1 ? `${seconds.toFixed(2)} s` : `${(seconds * 1000).toFixed(1)} ms`;
}

/** 2026-11-22T08:00:00.000Z -> "2026-11-22 08:00:00 UTC" */
export function formatUtc(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}

/** As `formatUtc`, in the zone of the browser: "2026-11-22 09:00:00 +01:00" */
export function formatLocal(iso: string): string {
  const { text, offset } = inBrowserZone(Date.parse(iso));
  return `${text.slice(0, 10)} ${text.slice(11, 19)} ${offset}`;
}

/** The time of day of a timestamp in milliseconds, and its zone: "08:00:00" and "UTC" */
export function clockParts(milliseconds: number, zone: "utc" | "local"): { clock: string; zone: string } {
  const utc = { text: new Date(milliseconds).toISOString(), offset: "UTC" };
  const { text, offset } = zone === "utc" ? utc : inBrowserZone(milliseconds);
  return { clock: text.slice(11, 19), zone: offset };
}

function inBrowserZone(milliseconds: number): { text: string; offset: string } {
  const minutes = -new Date(milliseconds).getTimezoneOffset();
  const [hour, minute] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  const two = (value: number) => String(value).padStart(2, "0");
  return {
    text: new Date(milliseconds + minutes * 60_000).toISOString(),
    offset: `${minutes < 0 ? "-" : "+"}${two(hour)}:${two(minute)}`,
  };
}

/** 1536 -> "1.5 KiB" */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / (1024 * 1024)).toFixed(1)} MiB`;
}
