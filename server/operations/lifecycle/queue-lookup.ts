import { DomainError, hasCode } from "../../errors.ts";
import type { KeyValueStore } from "../../kvs/key-value-store.ts";
import { type QueueRef, queueKey } from "../../storage/queue-ref.ts";
import type { OperationContext } from "../context.ts";
import type { ReservedAttributes } from "../input/queue-attributes.ts";
import { readMetadata } from "../input/queue-metadata.ts";

/** How long a process may use a cached answer after another process changed the queue. */
const SECONDS = 1;
const REMEMBERED_QUEUES = 50_000;

/** A cache for the hot path: whether a queue exists, and its parsed attributes. Answers are at most a second old. */
export interface QueueLookup {
  /** QUEUE_DOES_NOT_EXIST, which is not cached: a queue that another process creates is found at once. */
  attributes(queue: QueueRef): ReservedAttributes | Promise<ReservedAttributes>;
  /**
   * The attributes of many queues, in the same order; null for a missing queue. Makes one query for all that are not
   * cached. Caches missing queues too, for a second or until this process creates them.
   */
  find(queues: readonly QueueRef[]): (ReservedAttributes | null)[] | Promise<(ReservedAttributes | null)[]>;
  /** Call it after a change of the queue: the next look-up reads the database. */
  forget(queue: QueueRef): Promise<void>;
}

/** By `queueKey`; null for a missing queue. */
type Found = Map<string, ReservedAttributes | null>;

export function createQueueLookup(context: Pick<OperationContext, "control" | "stores" | "limits">): QueueLookup {
  const { control, limits } = context;
  /** Null: missing. */
  const store: KeyValueStore<ReservedAttributes | null> = context.stores.get("isimud.queues");
  if (!store.isConfigured) {
    store.configure({
      backingStore: "memory",
      keyMangler: false,
      locking: false,
      expirationSeconds: SECONDS,
      maximumEntries: REMEMBERED_QUEUES,
    });
  }
  // Callers that meet the same expired entry share one query. An answer that was forgotten meanwhile is from before the
  // change, so it is not cached.
  const looking = new Map<string, Promise<ReservedAttributes>>();
  const finding = new Map<string, Promise<Found>>();

  function findNow(queues: readonly QueueRef[]): void {
    const keys = queues.map(queueKey);
    const look = async (): Promise<Found> => {
      const found: Found = new Map(keys.map((key) => [key, null]));
      for (const row of await control.queues.getMany(queues)) {
        found.set(queueKey(row), readMetadata(limits, row.metadataText).effective);
      }
      const unchanged = new Map([...found].filter(([key]) => finding.get(key) === looked));
      await store.setMulti(unchanged).catch(() => undefined);
      return found;
    };
    const looked: Promise<Found> = look().finally(() => {
      for (const key of keys) if (finding.get(key) === looked) finding.delete(key);
    });
    for (const key of keys) finding.set(key, looked);
  }

  return {
    attributes(queue) {
      const key = queueKey(queue);
      const known = store.peek(key) ?? looking.get(key);
      if (known !== undefined) return known;
      const found: Promise<ReservedAttributes> = control.queues
        .getMetadata(queue)
        .then(async (text) => {
          const attributes = readMetadata(limits, text).effective;
          if (looking.get(key) === found) await store.set(key, attributes).catch(() => undefined);
          return attributes;
        })
        .finally(() => {
          if (looking.get(key) === found) looking.delete(key);
        });
      looking.set(key, found);
      return found;
    },

    find(queues) {
      const known = queues.map((queue) => store.peek(queueKey(queue)));
      const unknown = queues.filter((_, index) => known[index] === undefined);
      if (unknown.length === 0) return known as (ReservedAttributes | null)[];
      const unasked = unknown.filter((queue) => !finding.has(queueKey(queue)));
      if (unasked.length > 0) findNow(unasked);
      return Promise.all(
        queues.map(async (queue, index) => {
          const key = queueKey(queue);
          return known[index] ?? (await finding.get(key))?.get(key) ?? null;
        }),
      );
    },

    async forget(queue) {
      const key = queueKey(queue);
      looking.delete(key);
      finding.delete(key);
      // It rejects when the key is absent already.
      await store.deleteMulti([key]).catch(() => undefined);
    },
  };
}

/** Runs `work` if the queue exists. A pool may still hold a queue that was deleted. QUEUE_DOES_NOT_EXIST. */
export async function inLiveQueue<T>(
  lookup: QueueLookup,
  queue: QueueRef,
  work: (attributes: ReservedAttributes) => Promise<T>,
): Promise<T> {
  return work(await lookup.attributes(queue));
}

/** Runs `work`; returns `fallback()` if the queue does not exist. Reads treat a missing queue as an empty one. */
export async function orIfMissing<T>(work: () => Promise<T>, fallback: () => T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (hasCode(error, "QUEUE_DOES_NOT_EXIST")) return fallback();
    throw error;
  }
}

/**
 * Runs `work`. If the queue was deleted (the cache may be a second old) or is not in the catalogue, creates it with
 * `create` and runs `work` again.
 */
export async function creatingIfMissing<T>(
  lookup: QueueLookup,
  queue: QueueRef,
  create: () => Promise<unknown>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!hasCode(error, "QUEUE_DOES_NOT_EXIST") && !hasCode(error, "QUEUE_NOT_MAPPED")) throw error;
    await lookup.forget(queue);
    await create();
    return work();
  }
}

/** The attributes of a queue; null when it is missing and may be created. Else QUEUE_DOES_NOT_EXIST. */
export function attributesUnlessMissing(
  lookup: QueueLookup,
  queue: QueueRef,
  mayCreate: boolean,
): ReservedAttributes | Promise<ReservedAttributes | null> {
  const known = lookup.attributes(queue);
  // On the hot path the attributes are cached, and no promise is made.
  if (!(known instanceof Promise)) return known;
  return orIfMissing<ReservedAttributes | null>(
    () => known,
    () => {
      if (mayCreate) return null;
      throw new DomainError(
        "QUEUE_DOES_NOT_EXIST",
        `Queue ${queue.name} does not exist in this project. Create it first, or ask for that with createQueue.`,
        { details: { project: queue.project, queue: queue.name } },
      );
    },
  );
}
