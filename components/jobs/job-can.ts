import { ApiError } from "../api.ts";

import type { JobRow } from "./fragments.ts";

type JobState = Pick<JobRow, "state" | "cancelRequested" | "kind">;

/** Kinds that keep to a rate. */
const RATED: ReadonlySet<JobRow["kind"]> = new Set([
  "REDRIVE_MESSAGES",
  "DELETE_MESSAGES",
  "MOVE_MESSAGES",
  "RELEASE_CLAIMS",
  "GENERATE_MESSAGES",
]);

export const isUnfinished = ({ state }: Pick<JobState, "state">) => state === "WAITING" || state === "RUNNING";

/** Throws an ApiError for a job that failed while its caller waited: then the action failed. */
export function requireNotFailed(job: Pick<JobRow, "state" | "error">): void {
  if (job.state === "FAILED" && job.error) throw new ApiError(job.error.code, job.error.message);
}

/** What an operator can do with a job in its state: null when it is possible, else the reason why not. */
export const jobCan = {
  cancel: (job: JobState): string | null => {
    if (!isUnfinished(job)) return "It has ended.";
    return job.cancelRequested ? "It stops at its next safe point." : null;
  },
  changeRate: (job: JobState): string | null => {
    if (!isUnfinished(job)) return "It has ended.";
    return RATED.has(job.kind) ? null : "A job of this kind keeps to no rate.";
  },
};
