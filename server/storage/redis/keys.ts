/** The names of the keys. */
import type { QueueRef } from "../queue-ref.ts";
import { crc16 } from "./server/cluster.ts";

/**
 * Queues are dealt out to so many shards. A shard's number is the hash tag of all its keys, so a shard is in one slot of a cluster, and the
 * shard's list of what gc has to do changes in the same step as the queue. Never change it: queues would be looked for elsewhere.
 */
export const SHARDS = 256;

/** The parts of a queue's life, in the order in which scripts get them, after its row. */
export const LIFE_PARTS = [
  "order",
  "ready",
  "delayed",
  "claimed",
  "expiry",
  "records",
  "bodies",
  "claims",
  "claim-ids",
  "claim-ends",
  "kept",
  "kept-ends",
] as const;
/** What a purge takes away: idempotency keys stay. */
export const PURGED_PARTS = LIFE_PARTS.slice(0, -2);

/** How the name of a life begins that did not begin here yet; its epoch follows. */
export const STAGING = "arriving-";

const SUBSCRIPTION_PARTS = ["subscribers", "ids", "ends"] as const;

export class PoolKeys {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  get identity(): string {
    return `${this.#prefix}:identity`;
  }

  /** Written and taken away again, to see whether that is allowed. */
  get trial(): string {
    return `${this.#prefix}:trial`;
  }

  /** The queue's row, the parts of its life, its ended lives, what changed while it moves, and the shard's list for gc. */
  queue(queue: QueueRef): string[] {
    return this.ofRow(this.#base(queue, "queue"));
  }

  ofRow(row: string): string[] {
    return [row, ...LIFE_PARTS.map((part) => `${row}:${part}`), `${row}:ended`, `${row}:notes`, this.dueBeside(row)];
  }

  /** Where the parts of a queue's life are kept once it has ended. */
  ended(row: string, life: string, parts: readonly string[]): string[] {
    return parts.map((part) => `${row}:ended:${life}:${part}`);
  }

  /** Where a queue that is on its way here is written: the name of a life, so that gc frees what is abandoned like any that ended. */
  room(row: string, epoch: number): string[] {
    return this.ended(row, `${STAGING}${epoch}`, LIFE_PARTS);
  }

  /** With the queue's row at the end. */
  subscriptions(queue: QueueRef): string[] {
    return [...this.ofSubscriptions(this.#base(queue, "subscriptions")), this.#base(queue, "queue")];
  }

  ofSubscriptions(base: string): string[] {
    return [base, ...SUBSCRIPTION_PARTS.map((part) => `${base}:${part}`), this.dueBeside(base)];
  }

  /** The list of a shard: rows and subscriptions by when gc has to look at them. */
  due(shard: number): string {
    return `${this.#prefix}:{${shard}}:due`;
  }

  isSubscriptions(base: string): boolean {
    return base.startsWith("subscriptions:", base.indexOf("}") + 2);
  }

  dueBeside(key: string): string {
    return `${key.slice(0, key.indexOf("}") + 1)}:due`;
  }

  /** Project and name are spelled so that neither can hold the stroke between them. */
  #base({ project, name }: QueueRef, kind: "queue" | "subscriptions"): string {
    const place = `${encodeURIComponent(project.toWellFormed())}/${encodeURIComponent(name.toWellFormed())}`;
    return `${this.#prefix}:{${crc16(place) % SHARDS}}:${kind}:${place}`;
  }
}
