import { ApiError } from "../api.ts";

/** What can be done with a job in its state: null = it can, else why not. */
interface JobState {
  state: "WAITING" | "RUNNING" | "DONE" | "FAILED" | "CANCELLED";
  cancelRequested: boolean;
}

export const isUnfinished = ({ state }: Pick<JobState, "state">) => state === "WAITING" || state === "RUNNING";

/** A job that ended while its caller waited is that action's own failure. */
export function requireNotFailed(job: {
  state: JobState["state"];
  error: { code: string; message: string } | null;
}): void {
  if (job.state === "FAILED" && job.error) throw new ApiError(job.error.code, job.error.message);
}

export const jobCan = {
  cancel: (job: JobState): string | null => {
    if (!isUnfinished(job)) return "It has ended.";
    return job.cancelRequested ? "It stops at its next safe point." : null;
  },
};
