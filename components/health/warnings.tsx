import type { Tone } from "../ui/badge.tsx";
import { Glyph } from "../ui/glyph.tsx";

/** By the status of the service. */
export const HEALTH_LOOK: Record<"PASS" | "WARN" | "FAIL", { label: string; tone: Tone }> = {
  PASS: { label: "Healthy", tone: "ok" },
  WARN: { label: "Degraded", tone: "warn" },
  FAIL: { label: "Failing", tone: "danger" },
};

/** What is wrong and what to do, as the health check says it. */
export function Warnings({ warnings }: { warnings: string[] }) {
  return (
    <ul className="flex flex-col gap-2">
      {warnings.map((warning) => (
        <li key={warning} className="flex items-start gap-2">
          <span>
            <Glyph shape="triangle" ink="warn" />
          </span>
          <span className="min-w-0 wrap-anywhere">{warning}</span>
        </li>
      ))}
    </ul>
  );
}
