import type { ReactNode } from "react";
import { classes } from "./classes.ts";
import { formatCount } from "./format.ts";
import { Link } from "./link.tsx";

const INK: Record<"neutral" | "warn" | "danger", string> = {
  neutral: "text-ink",
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
  tone?: keyof typeof INK;
  href?: string;
}) {
  return (
    <div className="relative min-w-0 rounded border border-line bg-surface px-3 py-2 has-[a:hover]:bg-hover">
      <dt className="truncate text-xs text-muted">
        {href ? (
          <Link href={href} className="after:absolute after:inset-0 after:rounded">
            {label}
          </Link>
        ) : (
          label
        )}
      </dt>
      <dd className={classes("text-[1.375rem] leading-[1.625rem] font-semibold tracking-tight", INK[tone])}>{value}</dd>
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
  look: "ready" | "claimed" | "delayed" | "exhausted";
}

const FILL: Record<Share["look"], string> = {
  ready: "bg-ready",
  claimed: "bg-claimed",
  delayed: "fill-delayed-hatch",
  exhausted: "fill-exhausted-hatch",
};

/** How a whole is divided. The legend has every number, so the bar needs no table. */
export function ShareBar({ shares, label, legend = true }: { shares: Share[]; label: string; legend?: boolean }) {
  const total = shares.reduce((sum, share) => sum + share.value, 0);
  return (
    <div className="flex flex-col gap-2">
      <div
        role="img"
        aria-label={`${label}: ${shares.map((share) => `${share.label} ${formatCount(share.value)}`).join(", ")}`}
        className="flex h-2.5 w-full gap-px overflow-hidden rounded-[2px] bg-sunken"
      >
        {shares
          .filter((share) => share.value > 0)
          .map((share) => (
            <span
              key={share.label}
              className={classes("h-full min-w-0.5", FILL[share.look])}
              style={{ width: `${(100 * share.value) / total}%` }}
            />
          ))}
      </div>
      {legend ? (
        <ul className="flex flex-wrap gap-x-4 gap-y-1 text-xs">
          {shares.map((share) => (
            <li key={share.label} className="flex items-center gap-1.5">
              <span aria-hidden className={classes("h-2.5 w-3.5 rounded-[2px]", FILL[share.look])} />
              <span className="text-muted">{share.label}</span>
              <span className="font-medium">{formatCount(share.value)}</span>
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}
