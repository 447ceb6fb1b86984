/** The names of a pool's keys on the server. */
import type { QueueRef } from "../queue-ref.ts";
import { crc16 } from "./server/cluster.ts";
import type { KeyList } from "./server/script.ts";

/**
 * Queues are spread over this many shards. A shard's number is the hash tag of all its keys. So a shard is in one slot
 * of a cluster, and one script can change a queue together with the shard's list of what gc has to look at. Hazard:
 * never change it, or existing queues will not be found.
 */
export const SHARDS = 256;

/** The parts that a purge empties. Idempotency keys stay. */
export const PURGED_PARTS = [
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
] as const;

/** The idempotency keys, and when they end. */
export const KEY_PARTS = ["kept", "kept-ends"] as const;

/**
 * The parts of a queue's content: messages, claims, and the idempotency keys that were used. The content ends when the
 * queue is deleted.
 */
export const CONTENT_PARTS = [...PURGED_PARTS, ...KEY_PARTS] as const;

/**
 * All parts of a queue: its row, its content, the list of retired contents that gc frees, the notes for the mover, and
 * the shard's list of what gc has to look at.
 */
export const QUEUE_PARTS = ["row", ...CONTENT_PARTS, "retired", "notes", "due"] as const;
export type QueueKeys = KeyList<typeof QUEUE_PARTS>;

export const SUBSCRIPTION_PARTS = ["records", "subscribers", "ids", "ends", "due"] as const;

/** The name of a staging is this and its epoch. */
export const STAGING = "arriving-";

export class PoolKeys {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  get identity(): KeyList<["identity"]> {
    return named([`${this.#prefix}:identity`]);
  }

  /** Written and removed again, to check whether the server permits it. */
  get trial(): KeyList<["trial"]> {
    return named([`${this.#prefix}:trial`]);
  }

  queue(queue: QueueRef): QueueKeys {
    return this.ofRow(this.#base(queue, "queue"));
  }

  ofRow(row: string): QueueKeys {
    return named([
      row,
      ...CONTENT_PARTS.map((part) => `${row}:${part}`),
      `${row}:retired`,
      `${row}:notes`,
      dueBeside(row),
    ]);
  }

  row(queue: QueueRef): KeyList<["row"]> {
    return named([this.#base(queue, "queue")]);
  }

  rows(queues: readonly QueueRef[]): KeyList<readonly string[]> {
    return named(queues.map((queue) => this.#base(queue, "queue")));
  }

  /** Two of the parts of the queue's content. */
  idempotency(queue: QueueRef): KeyList<typeof KEY_PARTS> {
    const row = this.#base(queue, "queue");
    return named(KEY_PARTS.map((part) => `${row}:${part}`));
  }

  retiredList(row: string): KeyList<["retired"]> {
    return named([`${row}:retired`]);
  }

  /**
   * The keys of retired content, which stay until gc frees them. Content is retired as a whole, or without its
   * idempotency keys by a purge.
   */
  retired<Parts extends readonly string[]>(row: string, name: string, parts: Parts): KeyList<Parts> {
    return named(parts.map((part) => `${row}:retired:${name}:${part}`));
  }

  /**
   * The keys of a staging: the copy of a queue that is being moved here, until it is opened. A staging that is given up
   * becomes retired content.
   */
  staging(row: string, epoch: number): KeyList<typeof CONTENT_PARTS> {
    return this.retired(row, `${STAGING}${epoch}`, CONTENT_PARTS);
  }

  /** The queue's keys, with its staging in place of its content. */
  queueInStaging(queue: QueueRef, epoch: number): QueueKeys {
    const keys = this.queue(queue);
    const row = keys[0] as string;
    return named([row, ...this.staging(row, epoch), ...keys.slice(1 + CONTENT_PARTS.length)]);
  }

  subscriptions(queue: QueueRef): KeyList<typeof SUBSCRIPTION_PARTS> {
    return this.ofSubscriptions(this.#base(queue, "subscriptions"));
  }

  /** `records` is the first of these keys. */
  ofSubscriptions(records: string): KeyList<typeof SUBSCRIPTION_PARTS> {
    return named([records, `${records}:subscribers`, `${records}:ids`, `${records}:ends`, dueBeside(records)]);
  }

  /** The number of each queue's last change, and how busy it was then. */
  get changes(): KeyList<["changes", "weights"]> {
    return named([`${this.#prefix}:{activity}:changes`, `${this.#prefix}:{activity}:weights`]);
  }

  /** The queue's name in these. Project and name are encoded, so that neither can contain the slash between them. */
  nameOf({ project, name }: QueueRef): string {
    return `${encodeURIComponent(project.toWellFormed())}/${encodeURIComponent(name.toWellFormed())}`;
  }

  queueNamed(name: string): QueueRef {
    const [project = "", queue = ""] = name.split("/");
    return { project: decodeURIComponent(project), name: decodeURIComponent(queue) };
  }

  /** The queue's name in the key of its row. */
  nameInRow(row: string): string {
    return row.slice(row.indexOf("}:queue:") + "}:queue:".length);
  }

  shardOf(queue: QueueRef): string {
    return String(crc16(this.nameOf(queue)) % SHARDS);
  }

  /** A shard's list of rows and subscriptions, by the time at which gc has to look at them. */
  due(shard: number): KeyList<["due"]> {
    return named([`${this.#prefix}:{${shard}}:due`]);
  }

  isSubscriptions(key: string): boolean {
    return key.startsWith("subscriptions:", key.indexOf("}") + 2);
  }

  #base(queue: QueueRef, kind: "queue" | "subscriptions"): string {
    const name = this.nameOf(queue);
    return `${this.#prefix}:{${crc16(name) % SHARDS}}:${kind}:${name}`;
  }
}

/** The list of the shard to which this key belongs. */
const dueBeside = (key: string) => `${key.slice(0, key.indexOf("}") + 1)}:due`;

const named = <Parts extends readonly string[]>(names: readonly string[]) => names as KeyList<Parts>;
