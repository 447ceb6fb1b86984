import type { ProblemRow } from "./fragments.ts";

/** Fixes that the service can do by itself; the others lead to where a person decides. */
const BY_ITSELF: ReadonlySet<ProblemRow["fix"]> = new Set([
  "CREATE_DEAD_LETTER_QUEUE",
  "RELEASE_CLAIMS",
  "COLLECT_GARBAGE",
  "DRAIN_POOL",
  "RETRY_JOB",
]);

/** A job on messages needs a new dry run: what it was to act on has changed since. */
export const canRetry = ({ kind }: NonNullable<ProblemRow["job"]>) => kind === "DRAIN_POOL" || kind === "MOVE_QUEUE";

export const isFixable = ({ fix, job }: ProblemRow) =>
  BY_ITSELF.has(fix) && (fix !== "RETRY_JOB" || (job !== null && canRetry(job)));
