import type { Tone } from "../ui/badge.tsx";
import type { JobRow } from "./fragments.ts";

/** How a job's state is shown. */
export const JOB_STATES: Record<JobRow["state"], { label: string; tone: Tone }> = {
  WAITING: { label: "Waiting", tone: "running" },
  RUNNING: { label: "Running", tone: "running" },
  DONE: { label: "Done", tone: "ok" },
  FAILED: { label: "Failed", tone: "danger" },
  CANCELLED: { label: "Cancelled", tone: "stopped" },
};

/** What a kind of jobs does, and what its progress counts. */
export const KINDS: Record<JobRow["kind"], { label: string; unit: string }> = {
  MOVE_QUEUE: { label: "Move queue", unit: "messages" },
  DRAIN_POOL: { label: "Drain pool", unit: "queues" },
  REDRIVE_MESSAGES: { label: "Redrive", unit: "messages" },
  DELETE_MESSAGES: { label: "Delete messages", unit: "messages" },
  MOVE_MESSAGES: { label: "Move messages", unit: "messages" },
  RELEASE_CLAIMS: { label: "Release claims", unit: "messages" },
  PURGE_QUEUES: { label: "Purge", unit: "messages" },
  GENERATE_MESSAGES: { label: "Test load", unit: "messages" },
};
