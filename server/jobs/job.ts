/** What a job is, and what keeps jobs. */
import type { ErrorCode } from "../errors.ts";
import type { Page, PageRequest } from "../storage/list-pages.ts";

export const JOB_KINDS = ["moveQueue", "drainPool"] as const;
export type JobKind = (typeof JOB_KINDS)[number];

export const JOB_STATES = ["waiting", "running", "done", "failed", "cancelled"] as const;
export type JobState = (typeof JOB_STATES)[number];

/** A long action that outlives the request that asked for it, and the process that does it. */
export interface Job {
  id: string;
  kind: JobKind;
  project: string | null;
  /** The queue's or the pool's name. */
  target: string;
  /** JSON text of an object. */
  inputText: string;
  state: JobState;
  /** Steps that are done: queues of a pool, messages of a queue. */
  progress: number;
  /** Null while nobody knows. */
  total: number | null;
  /** Steps a second, since its holder took it. */
  rate: number | null;
  /** What it waits for before it tries again, such as "pool fast"; null while it goes on. */
  waitingFor: string | null;
  /** JSON text of an object, once it is done. */
  resultText: string | null;
  error: { code: ErrorCode; message: string } | null;
  /** It stops at the next safe point. */
  cancelRequested: boolean;
  actor: string;
  requestId: string;
  /** The process that does it. */
  holder: string | null;
  /** Grows with every holder: a former one changes nothing any more. */
  fence: number;
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
}

export interface JobStore {
  /** One job at a time for the same kind and target: while there is one that has not ended, it is given instead, and `created` is false. */
  add(
    job: Pick<Job, "kind" | "project" | "target" | "inputText" | "actor" | "requestId">,
  ): Promise<{ job: Job; created: boolean }>;
  get(id: string): Promise<Job | null>;
  /** Newest first; marker = id. */
  list(params: {
    page: PageRequest;
    kind?: JobKind;
    state?: JobState;
    target?: string;
    /** Only of these projects; jobs of no project are left out then. */
    projects?: readonly string[];
  }): Promise<Page<Job>>;
  /** The oldest job that waits, or whose holder's lease has lapsed; the caller holds it from now on. Null when there is none. Of two at once one gets it. */
  take(params: { holder: string; leaseSeconds: number }): Promise<Job | null>;
  /** Keeps the lease and writes the progress down. Null when another holder has it, or it has ended. */
  beat(params: {
    job: Job;
    leaseSeconds: number;
    progress: number;
    total: number | null;
    rate: number | null;
    waitingFor: string | null;
  }): Promise<{ cancelRequested: boolean } | null>;
  /** Deletes jobs that ended more than so many days ago, the oldest first and at most `limit`, and says how many. */
  trim(params: { days: number; limit: number }): Promise<number>;
  /** Lets go of it, so that another process goes on with it at once. */
  release(job: Job): Promise<void>;
  /** False when another holder has it. */
  end(params: {
    job: Job;
    state: "done" | "failed" | "cancelled";
    progress: number;
    total: number | null;
    resultText: string | null;
    error: Job["error"];
  }): Promise<boolean>;
  /** One that waits ends at once, one that runs at its next safe point, one that has ended stays as it is. Null when there is none. */
  cancel(id: string): Promise<Job | null>;
}
