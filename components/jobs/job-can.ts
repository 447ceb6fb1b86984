/** What can be done with a job in its state: null = it can, else why not. */
interface JobState {
  state: "WAITING" | "RUNNING" | "DONE" | "FAILED" | "CANCELLED";
  cancelRequested: boolean;
}

export const isUnfinished = ({ state }: Pick<JobState, "state">) => state === "WAITING" || state === "RUNNING";

export const jobCan = {
  cancel: (job: JobState): string | null => {
    if (!isUnfinished(job)) return "It has ended.";
    return job.cancelRequested ? "It stops at its next safe point." : null;
  },
};
