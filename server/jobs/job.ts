/** What a job is, and the store that keeps jobs. */
import type { ErrorCode } from "../errors.ts";
import type { Page, PageRequest } from "../storage/list-pages.ts";

export const JOB_KINDS = ["moveQueue", "drainPool"] as const;
export type JobKind = (typeof JOB_KINDS)[number];

export const JOB_STATES = ["waiting", "running", "done", "failed", "cancelled"] as const;
export type JobState = (typeof JOB_STATES)[number];

/** A long action. It outlives the request that asked for it and the process that runs it. */
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
  /** Steps in all. Null when unknown. */
  total: number | null;
  /** Steps a second since the present holder took the job. */
  rate: number | null;
  /** What it waits for before it tries again, such as "pool fast". Null while it makes progress. */
  waitingFor: string | null;
  /** JSON text of an object, once it is done. */
  resultText: string | null;
  error: { code: ErrorCode; message: string } | null;
  /** True once somebody cancelled it. It stops at its next safe point. */
  cancelRequested: boolean;
  actor: string;
  requestId: string;
  /** The process that runs it. */
  holder: string | null;
  /** Grows with each new holder. A former holder can change nothing any more. */
  fence: number;
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
}

/** The idempotency key of a request for a job. It belongs to the job's kind and target. */
export interface JobOnce {
  key: string;
  /** What was asked for, as text. */
  request: string;
}

/** What a job is about. */
export type JobSubject = Pick<Job, "kind" | "project" | "target">;

export interface JobStore {
  /**
   * Adds a job, unless one of the same kind and target has not ended: then that one is returned, with `created` false.
   *
   * With `once`, a repeat returns the job that the first call returned, ended or not, as long as it is kept.
   * IDEMPOTENCY_KEY_REUSED.
   */
  add(
    job: JobSubject & Pick<Job, "inputText" | "actor" | "requestId">,
    once?: JobOnce,
  ): Promise<{ job: Job; created: boolean }>;
  /** What `add` returned for this key. Null when it is new. IDEMPOTENCY_KEY_REUSED. */
  findByKey(target: JobSubject, once: JobOnce): Promise<Job | null>;
  get(id: string): Promise<Job | null>;
  /** Those that exist, in any order. */
  getMany(ids: readonly string[]): Promise<Job[]>;
  /** Newest first; marker = id. */
  list(params: {
    page: PageRequest;
    kind?: JobKind;
    state?: JobState;
    target?: string;
    /** Only of these projects; jobs of no project are left out then. */
    projects?: readonly string[];
  }): Promise<Page<Job>>;
  /**
   * Takes the oldest job that waits, or whose lease has lapsed; `holder` holds it from now on. Null when there is no
   * such job. Of two callers at once, one gets it.
   */
  take(params: { holder: string; leaseSeconds: number }): Promise<Job | null>;
  /** Heartbeat: renews the lease and stores the progress. Null when another process holds the job, or it has ended. */
  beat(params: {
    job: Job;
    leaseSeconds: number;
    progress: number;
    total: number | null;
    rate: number | null;
    waitingFor: string | null;
  }): Promise<{ cancelRequested: boolean } | null>;
  /**
   * Jobs that failed in the last week and were not asked for again, newest first, at most `limit`; only of queues and
   * pools that still exist.
   */
  listFailed(params: { limit: number }): Promise<Job[]>;
  /** Deletes jobs that ended more than `days` ago, the oldest first, at most `limit`. Returns how many. */
  trim(params: { days: number; limit: number }): Promise<number>;
  /** Ends the lease, so that another process continues the job at once. */
  release(job: Job): Promise<void>;
  /** Ends the job. False when another process holds it. */
  end(params: {
    job: Job;
    state: "done" | "failed" | "cancelled";
    progress: number;
    total: number | null;
    resultText: string | null;
    error: Job["error"];
  }): Promise<boolean>;
  /**
   * Cancels a job: a waiting one ends at once, a running one at its next safe point. One that has ended stays as it is.
   * Null when there is no such job.
   */
  cancel(id: string): Promise<Job | null>;
}
