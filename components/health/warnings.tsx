import { TriangleAlert } from "lucide-react";
import type { Tone } from "../components/ui/badge.tsx";

export type HealthStatus = "PASS" | "WARN" | "FAIL";

export const HEALTH_LOOK: Record<HealthStatus, { label: string; tone: Tone }> = {
  PASS: { label: "all well", tone: "ok" },
  WARN: { label: "needs attention", tone: "warn" },
  FAIL: { label: "not working", tone: "danger" },
};

/** What is wrong and what to do, in the words of the health check. */
export function Warnings({ warnings }: { warnings: string[] }) {
  return (
    <ul className="flex flex-col gap-2">
      {warnings.map((warning) => (
        <li key={warning} className="flex items-start gap-2">
          <TriangleAlert aria-hidden className="mt-0.5 size-4 shrink-0 text-warn" />
          <span className="min-w-0 wrap-anywhere">{warning}</span>
        </li>
      ))}
    </ul>
  );
}
