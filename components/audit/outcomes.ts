import type { Tone } from "../ui/badge.tsx";
import type { AuditRow } from "./fragments.ts";

export const OUTCOMES: Record<AuditRow["outcome"], { label: string; tone: Tone }> = {
  DONE: { label: "Done", tone: "ok" },
  INTENDED: { label: "Intended", tone: "running" },
  REFUSED: { label: "Refused", tone: "stopped" },
  FAILED: { label: "Failed", tone: "danger" },
};
