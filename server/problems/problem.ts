/** What can be wrong with queues, pools and jobs, and the store that keeps what is wrong now. */
import type { JobKind } from "../jobs/job.ts";
import type { WriteRefusal } from "../storage/errors/read-only-storage.ts";
import type { Page, PageRequest } from "../storage/list-pages.ts";
import type { QueueRef } from "../storage/queue-ref.ts";
import type { Where } from "../storage/where.ts";

/** What is wrong, and the numbers that its text is made of. Instants are milliseconds since 1970. */
export interface ProblemNumbers {
  /** Messages wait, and nothing was given out for long. */
  stuck: { ready: number; claimed: number; oldestReadyAt: number; givenAt: number | null };
  /** The depth grew in each of six minutes. */
  growing: { depth: number; from: number; postedRate: number | null; deliveredRate: number | null };
  /** Many claims end without a delete or a release. */
  claimsLapsing: { lapsed: number; claimed: number };
  /** Messages that nobody can claim, because the dead letter queue is missing. */
  exhausted: { deadLetterQueue: string; exhausted: number; exact: boolean };
  /** More dead letters than usual. */
  deadLettersArriving: { deadLetters: number; usual: number };
  deadLetterQueueMissing: { deadLetterQueue: string };
  /** A consumer that claimed every few seconds claims no more. */
  consumerGone: { consumers: number; names: string[]; held: number; ready: number; othersPresent: boolean };
  /** `healthySince`: a check succeeded, and the problem ends when that lasts. */
  poolUnhealthy: { reachable: boolean; failed: string[]; sameAs: string | null; healthySince: number | null };
  /** It takes no writes. */
  poolFull: { reason: WriteRefusal; freeBytes: number | null };
  /** It came back without what it held. */
  poolEmptyAgain: Record<string, never>;
  clockSkew: { seconds: number };
  /** Garbage collection fails in this pool, or comes too rarely. */
  gcBehind: { error: string | null };
  /** Little space is left. */
  disk: { freeBytes: number; totalBytes: number };
  jobFailed: { kind: JobKind; target: string; error: string };
}

export type ProblemKind = keyof ProblemNumbers;

/** Also the order of kinds in a summary. */
export const PROBLEM_KINDS = [
  "poolUnhealthy",
  "poolFull",
  "poolEmptyAgain",
  "exhausted",
  "stuck",
  "consumerGone",
  "growing",
  "claimsLapsing",
  "deadLettersArriving",
  "deadLetterQueueMissing",
  "jobFailed",
  "disk",
  "gcBehind",
  "clockSkew",
] as const satisfies readonly ProblemKind[];

/** Of these kinds together, one look finds so many and no more: then there may be others. */
export const MOST_FOUND = [
  { kinds: ["exhausted", "deadLetterQueueMissing"], most: 1000 },
  { kinds: ["jobFailed"], most: 200 },
] as const satisfies readonly { kinds: readonly ProblemKind[]; most: number }[];

/** Nothing tells when these began, so their `since` is when they were first found. */
export const SINCE_FOUND: ReadonlySet<ProblemKind> = new Set([
  "poolUnhealthy",
  "poolFull",
  "poolEmptyAgain",
  "exhausted",
  "deadLetterQueueMissing",
  "disk",
  "clockSkew",
]);

/** critical: something cannot work. warning: it works, and gets worse or will fail. */
export type Severity = "critical" | "warning";

/** Whose problem it is. What does not apply is "". `project` and `queue` go together. */
export interface ProblemSubject {
  readonly project: string;
  readonly queue: string;
  readonly pool: string;
  readonly job: string;
}

export const ofQueue = ({ project, name }: QueueRef): ProblemSubject => ({ project, queue: name, pool: "", job: "" });
export const ofPool = (pool: string): ProblemSubject => ({ project: "", queue: "", pool, job: "" });

/** What a rule has found. `since`: when it began; of the kinds SINCE_FOUND, when it was first found. */
export type FoundProblem = {
  [Kind in ProblemKind]: ProblemSubject & {
    readonly kind: Kind;
    readonly severity: Severity;
    readonly since: Date;
    readonly numbers: ProblemNumbers[Kind];
  };
}[ProblemKind];

export interface Snooze {
  until: Date;
  actor: string;
  reason: string;
}

export type Problem = FoundProblem & {
  readonly id: string;
  /** When it was last found to be so. */
  readonly seenAt: Date;
  /** Null: it is not snoozed now. */
  readonly snooze: Snooze | null;
};

export interface ProblemFilter {
  kinds?: readonly ProblemKind[];
  severities?: readonly Severity[];
  projects: Where;
  /** Those of pools too. Left out: yes. */
  ofPools?: boolean;
  queue?: string;
  pool?: string;
  includeSnoozed?: boolean;
}

/** All problems of a kind. */
export interface ProblemGroup {
  kind: ProblemKind;
  /** The worst of them. */
  severity: Severity;
  count: number;
  /** False: there may be more, see MOST_FOUND. */
  exact: boolean;
  /** Of the oldest. */
  since: Date;
  /** The worst ones, at most MAX_WORST. */
  worst: (ProblemSubject & { readonly id: string })[];
}

/** Safe to use from many processes at once. The store's clock stamps what is found. */
export interface ProblemStore {
  /** Worst first, then oldest. */
  list(params: { page: PageRequest; filter: ProblemFilter }): Promise<Page<Problem>>;
  /** Not exact: there are more than were counted, or may be more than were found. */
  count(filter: ProblemFilter): Promise<{ value: number; exact: boolean }>;
  /** Those that exist, in any order. */
  getMany(ids: readonly string[]): Promise<Problem[]>;
  /** Of each queue, worst first, snoozed ones included. In the order asked, with one statement. */
  ofQueues(queues: readonly QueueRef[]): Promise<Problem[][]>;
  /** The same for pools. */
  ofPools(pools: readonly string[]): Promise<Problem[][]>;
  /** One for each kind that there is, without snoozed ones. */
  summary(filter: Pick<ProblemFilter, "projects">): Promise<ProblemGroup[]>;
  /**
   * All problems of these kinds: others of them end. Of one that is known, the earlier `since` stays. With `queues`,
   * all of these queues only, with their `since`. With `pool`, all of this pool only. Those of queues that do not exist
   * are left out.
   */
  put(params: {
    kinds: readonly ProblemKind[];
    found: readonly FoundProblem[];
    queues?: readonly QueueRef[];
    pool?: string;
  }): Promise<void>;
  /** Silences the kind for this subject. Null: ends that. */
  snooze(
    problem: ProblemSubject & { kind: ProblemKind },
    snooze: (Omit<Snooze, "until"> & { seconds: number }) | null,
  ): Promise<void>;
  /** What is silent now, whether there is such a problem or not; at most `limit`. */
  snoozed(limit: number): Promise<(ProblemSubject & { kind: ProblemKind })[]>;
  /** The store's clock. */
  now(): Promise<Date>;
}

/** Problems that a group names. */
export const MAX_WORST = 3;
