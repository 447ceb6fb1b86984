import type { ReactNode } from "react";
import type { Tone } from "./badge.tsx";
import { classes } from "./classes.ts";
import { formatCount } from "./format.ts";
import { Link } from "./link.tsx";

const INK: Record<Tone, string> = {
  neutral: "text-ink",
  accent: "text-accent",
  ok: "text-ok",
  warn: "text-warn",
  danger: "text-danger",
};

/** One number with its label. */
export function StatTile({
  label,
  value,
  note,
  tone = "neutral",
  href,
}: {
  label: string;
  value: ReactNode;
  note?: ReactNode;
  tone?: Tone;
  href?: string;
}) {
  return (
    <div className="relative min-w-0 rounded-lg border border-line bg-surface px-4 py-3 has-[a:hover]:bg-hover">
      <dt className="truncate text-[0.8125rem] text-muted">
        {href ? (
          <Link href={href} className="after:absolute after:inset-0 after:rounded-lg">
            {label}
          </Link>
        ) : (
          label
        )}
      </dt>
      <dd className={classes("text-xl leading-8 font-semibold", INK[tone])}>{value}</dd>
      {note ? <dd className="truncate text-xs text-muted">{note}</dd> : null}
    </div>
  );
}

export function StatTiles({ children }: { children: ReactNode }) {
  return (
    <dl className="grid grid-cols-2 gap-3 sm:grid-cols-3 lg:grid-cols-[repeat(auto-fit,minmax(9rem,1fr))]">
      {children}
    </dl>
  );
}

export interface Share {
  label: string;
  value: number;
  tone: "accent" | "warn" | "line" | "ok" | "danger";
}

const FILL: Record<Share["tone"], string> = {
  accent: "bg-accent-fill",
  warn: "bg-warn",
  line: "bg-line-strong",
  ok: "bg-ok",
  danger: "bg-danger",
};

/** How a whole is divided. The legend has every number, so the bar needs no table. */
export function ShareBar({ shares, label, legend = true }: { shares: Share[]; label: string; legend?: boolean }) {
  const total = shares.reduce((sum, share) => sum + share.value, 0);
  return (
    <div className="flex flex-col gap-2">
      <div
        role="img"
        aria-label={`${label}: ${shares.map((share) => `${share.label} ${formatCount(share.value)}`).join(", ")}`}
        className="flex h-2 w-full gap-px overflow-hidden rounded-full bg-sunken"
      >
        {shares
          .filter((share) => share.value > 0)
          .map((share) => (
            <span
              key={share.label}
              className={classes("h-full min-w-0.5", FILL[share.tone])}
              style={{ width: `${(100 * share.value) / total}%` }}
            />
          ))}
      </div>
      {legend ? (
        <ul className="flex flex-wrap gap-x-4 gap-y-1 text-[0.8125rem]">
          {shares.map((share) => (
            <li key={share.label} className="flex items-center gap-1.5">
              <span aria-hidden className={classes("size-2.5 rounded-sm", FILL[share.tone])} />
              <span className="text-muted">{share.label}</span>
              <span className="font-medium">{formatCount(share.value)}</span>
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}
