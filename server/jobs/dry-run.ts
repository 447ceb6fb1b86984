/** What a job on messages would do, found before it starts, and the store that keeps that. */
import type { MessageFilter } from "../storage/messages/message-select.ts";
import type { QueueRef } from "../storage/queue-ref.ts";
import type { JobSubject, LeftBehind, MessageJobKind } from "./job.ts";

export type MessageAction =
  /** `to`: the queue's name in the same project; null: to the queue that each message came from. */
  | { kind: "redriveMessages"; to: string | null; ttlSeconds: number | null }
  /** `force`: claimed ones too. */
  | { kind: "deleteMessages"; force: boolean }
  | { kind: "moveMessages"; to: QueueRef; ttlSeconds: number | null }
  | { kind: "releaseClaims"; delaySeconds: number }
  /** `before`: only those posted before then, in ISO 8601. */
  | { kind: "purgeQueues"; before: string | null };

/** Not exact: at least so many. */
export interface Count {
  value: number;
  exact: boolean;
}

/** A queue that the job goes over. */
export interface PlannedQueue extends QueueRef {
  /** A queue of this name that was created later is another one. ISO 8601. */
  createdAt: string;
  /** The job acts on no message with a higher marker: what is posted later stays. */
  upToMarker: string;
  /** What matched. */
  count: Count;
  claimed: number;
}

export interface Destination extends QueueRef {
  exists: boolean;
  count: Count;
}

export interface PlannedMessage extends QueueRef {
  id: string;
}

/** Plain JSON. Times are ISO 8601. */
export interface DryRunPlan {
  action: MessageAction;
  /** As JSON text, because of its times: see `filterText`. */
  filterText: string;
  /** The job acts on no more messages. Null, or left out by an older process: there is no limit. */
  limit?: number | null;
  queues: PlannedQueue[];
  count: Count;
  claimed: number;
  /** When the oldest and the newest match were posted. */
  oldest: string | null;
  newest: string | null;
  /** The first ones, and the last one. */
  sample: PlannedMessage[];
  destinations: Destination[];
  /** What would stay as it is, beside claimed messages, of what was looked at. */
  refused: LeftBehind[];
  /** Whether what the job removes can be taken back for a while. */
  undoable: boolean;
  warnings: string[];
}

export interface DryRun extends JobSubject {
  kind: MessageJobKind;
  token: string;
  /** JSON text of what was asked for. */
  inputText: string;
  plan: DryRunPlan;
  actor: string;
  createdAt: Date;
  /** A job can be started until then. */
  expiresAt: Date;
}

export interface DryRunStore {
  /** Keeps a dry run that can be started for `seconds`. */
  add(dryRun: Omit<DryRun, "createdAt" | "expiresAt">, seconds: number): Promise<DryRun>;
  /** `expired`: it can no longer be started. Null when there is none. */
  get(token: string): Promise<(DryRun & { expired: boolean }) | null>;
  /** Those that exist, in any order. */
  getMany(tokens: readonly string[]): Promise<DryRun[]>;
  /** Deletes those that expired and have no job, at most `limit`. Returns how many. */
  trim(params: { limit: number }): Promise<number>;
}

const TIMES = ["postedFrom", "postedBefore", "claimEndsBefore"] as const;

export const filterText = (filter: MessageFilter): string => JSON.stringify(filter);

export function readFilter(text: string): MessageFilter {
  return JSON.parse(text, (key, value) =>
    (TIMES as readonly string[]).includes(key) ? new Date(value as string) : value,
  ) as MessageFilter;
}
