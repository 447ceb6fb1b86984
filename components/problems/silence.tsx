import { Moment } from "../ui/time.tsx";
import type { ProblemRow } from "./fragments.ts";

/** Until when a problem is silent, who said so, and why. */
export function Silence({
  problem: { snoozedUntil, snoozedBy, snoozeReason },
}: {
  problem: Pick<ProblemRow, "snoozedUntil" | "snoozedBy" | "snoozeReason">;
}) {
  if (snoozedUntil === null) return null;
  return (
    <span className="block text-xs text-muted wrap-anywhere">
      Silent until <Moment at={snoozedUntil} />
      {snoozedBy === null ? null : `, by ${snoozedBy}`}
      {snoozeReason === null ? null : `: ${snoozeReason}`}
    </span>
  );
}
