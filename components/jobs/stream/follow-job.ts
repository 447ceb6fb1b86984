import { listenInSight } from "../../live-stream.ts";
import { whileShown } from "../../while-shown.ts";
import type { JobDetail } from "../fragments.ts";
import { isUnfinished } from "../job-can.ts";
import { JOB_UPDATED } from "./documents.ts";

/** Calls `onJob` with a job whenever it changes, until it has ended or `signal` aborts. Reconnects by itself. */
export function followJob(id: string, onJob: (job: JobDetail) => void, signal: AbortSignal): Promise<void> {
  return whileShown(async (_stop, turn) => {
    let over = false;
    const take = ({ jobUpdated: job }: { jobUpdated?: JobDetail | null }) => {
      if (!job || turn.aborted) return;
      over = !isUnfinished(job);
      onJob(job);
    };
    await listenInSight("The job as it goes on", JOB_UPDATED, { id }, take, turn).catch(() => {});
    return over ? "over" : "again";
  }, signal);
}
