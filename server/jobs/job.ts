/** What a job is, and the store that keeps jobs. */
import type { ErrorCode } from "../errors.ts";
import type { Page, PageRequest } from "../storage/list-pages.ts";
import type { Where } from "../storage/where.ts";

/** Kinds that act on messages, by the dry run whose token is the job's identity. */
export const MESSAGE_JOB_KINDS = [
  "redriveMessages",
  "deleteMessages",
  "moveMessages",
  "releaseClaims",
  "purgeQueues",
] as const;
export type MessageJobKind = (typeof MESSAGE_JOB_KINDS)[number];

export const JOB_KINDS = ["moveQueue", "drainPool", ...MESSAGE_JOB_KINDS, "generateMessages"] as const;
export type JobKind = (typeof JOB_KINDS)[number];

/** Kinds that keep to a rate. */
export const RATED_JOB_KINDS: readonly JobKind[] = [
  "redriveMessages",
  "deleteMessages",
  "moveMessages",
  "releaseClaims",
  "generateMessages",
];

export const JOB_STATES = ["waiting", "running", "done", "failed", "cancelled"] as const;
export type JobState = (typeof JOB_STATES)[number];

/** A long action. It outlives the request that asked for it and the process that runs it. */
export interface Job {
  id: string;
  kind: JobKind;
  /** The project of the queue, or of all its queues. Null for a pool, and for queues of several projects. */
  project: string | null;
  /** All projects that it acts in: whoever may read them sees the job. Empty for a pool. */
  projects: readonly string[];
  /** The queue's or the pool's name. Empty for several queues. */
  target: string;
  /** JSON text of an object. */
  inputText: string;
  state: JobState;
  /** Steps that are done: messages, or queues of a pool or of a purge. */
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
  /** What makes it this job, such as the token of its dry run. Null: its kind and target do. */
  token: string | null;
  /** Why somebody asked for it. */
  reason: string | null;
  /** The most steps a second. Null: no limit. */
  ratePerSecond: number | null;
  /** Nobody works on it until it is resumed. */
  held: boolean;
  /** JSON text: where its holder goes on, and what it left. Null while there is nothing to say. */
  positionText: string | null;
  /** The audit entry of its start. */
  auditEntry: string | null;
}

/** What a job left as it was, and why. */
export interface LeftBehind {
  why: LeftWhy;
  project: string;
  queue: string;
  messages: number;
}

/**
 * - "claimed": a live claim held it.
 * - "notClaimed": its claim ended before it was released.
 * - "sourceUnknown", "sourceMissing": nobody knows the queue that it came from, or that queue does not exist.
 * - "tooLarge": the target takes no message of its size.
 */
export const LEFT_WHYS = ["claimed", "notClaimed", "sourceUnknown", "sourceMissing", "tooLarge"] as const;
export type LeftWhy = (typeof LEFT_WHYS)[number];

/** The idempotency key of a request for a job. It belongs to the job's kind and target. */
export interface JobOnce {
  key: string;
  /** What was asked for, as text. */
  request: string;
}

/** What a job is about. */
export type JobSubject = Pick<Job, "kind" | "project" | "target">;

/** A job that has a token. */
export type TokenJob = JobSubject &
  Pick<Job, "projects" | "inputText" | "actor" | "requestId" | "total" | "ratePerSecond" | "auditEntry"> & {
    token: string;
    reason: string;
  };

export interface JobStore {
  /**
   * Adds a job without a token, unless one of the same kind and target has not ended: then that one is returned, with
   * `created` false.
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
  /** Adds a job with a token, unless there is one: then that one is returned, ended or not. */
  addWithToken(job: TokenJob): Promise<{ job: Job; created: boolean }>;
  /** Those that exist, in any order. */
  getByTokens(tokens: readonly string[]): Promise<Job[]>;
  get(id: string): Promise<Job | null>;
  /** Those that exist, in any order. */
  getMany(ids: readonly string[]): Promise<Job[]>;
  /** Newest first; marker = id. */
  list(params: {
    page: PageRequest;
    kind?: JobKind;
    state?: JobState;
    target?: string;
    /** Jobs that act in these alone. Jobs of no project are among those of all. */
    projects: Where;
  }): Promise<Page<Job>>;
  /**
   * Takes the oldest job of these kinds that waits, or whose lease has lapsed; `holder` holds it from now on. One that
   * is held is only taken to be cancelled. `rated` false: none with a rate. Null when there is no such job. Of two
   * callers at once, one gets it.
   */
  take(params: {
    holder: string;
    leaseSeconds: number;
    kinds: readonly JobKind[];
    rated: boolean;
  }): Promise<Job | null>;
  /** Heartbeat: renews the lease and stores the progress. Null when another process holds the job, or it has ended. */
  beat(params: {
    job: Job;
    leaseSeconds: number;
    progress: number;
    total: number | null;
    rate: number | null;
    waitingFor: string | null;
    positionText: string | null;
  }): Promise<Pick<Job, "cancelRequested" | "held" | "ratePerSecond"> | null>;
  /**
   * Jobs that failed in the last week and were not asked for again, newest first, at most `limit`; only of queues and
   * pools that still exist.
   */
  listFailed(params: { limit: number }): Promise<Job[]>;
  /** Jobs that have ended with a `begun` in their position that is not empty, the oldest first, at most `limit`. */
  listUnsettled(params: { limit: number }): Promise<Job[]>;
  /** Changes how far an ended job came, unless somebody has changed its position since it was read. */
  settle(job: Job, changes: { progress: number; positionText: string }): Promise<void>;
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
    positionText: string | null;
    resultText: string | null;
    error: Job["error"];
  }): Promise<boolean>;
  /**
   * Cancels a job: a waiting one ends at once, a running one at its next safe point. One that has ended stays as it is.
   * Null when there is no such job.
   */
  cancel(id: string): Promise<Job | null>;
  /** Changes a job that has not ended; one that has stays as it is. Null when there is no such job. */
  update(id: string, changes: Partial<Pick<Job, "ratePerSecond" | "held">>): Promise<Job | null>;
}
