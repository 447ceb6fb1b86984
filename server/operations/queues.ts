import type { Access } from "../access/access.ts";
import type { Page, QueueStats } from "../storage/data-driver.ts";
import type { PageParams, ProjectAddress } from "./addresses.ts";
import type { ReservedAttributes } from "./queue-attributes.ts";

export interface NamedQueue extends ProjectAddress {
  name: string;
}

export interface QueueMetadata {
  /** JSON text of an object, as it was given: reserved attributes and the user's own. */
  text: string;
  /** What counts: the stored value where there is one, else the default. */
  effective: ReservedAttributes;
  /** Only those that are stored. */
  stored: Partial<ReservedAttributes>;
}

export interface QueueRecord {
  project: string;
  name: string;
  createdAt: Date;
  updatedAt: Date;
  /** Null only in a list that was not asked for `detailed`. */
  metadata: QueueMetadata | null;
}

export interface ListedQueue extends QueueRecord {
  /** Null when not asked for, or when the queue's pool cannot say now. */
  stats: QueueStats | null;
}

/** `add` overwrites. `replace` and `remove` of a key that is neither stored nor reserved is BAD_INPUT. */
export type MetadataChange = { op: "add" | "replace"; key: string; valueText: string } | { op: "remove"; key: string };

export type PurgeResource = "messages" | "subscriptions";

/** `stats` is null once the queue is gone. */
export interface StatsChange {
  project: string;
  name: string;
  stats: QueueStats | null;
}

/** Reading needs the role viewer, changing operator. */
export interface QueueOperations {
  /**
   * Makes a queue, or says that it was there: then `metadataText` is checked and otherwise ignored. Safe to repeat, also
   * after a crash: a half-made queue is completed. Two at once: one gets created true.
   * BAD_INPUT, TOO_LARGE, FLAVOR_DOES_NOT_EXIST, NO_POOL_FOUND, NOT_SUPPORTED.
   */
  create(
    access: Access,
    params: NamedQueue & { metadataText?: string | null },
  ): Promise<{ queue: QueueRecord; created: boolean }>;
  /** QUEUE_DOES_NOT_EXIST. */
  get(access: Access, params: NamedQueue): Promise<QueueRecord>;
  /** In the order asked, null where there is none. One statement for all. At most MAX_PAGE_SIZE. */
  getMany(access: Access, params: { queues: readonly NamedQueue[] }): Promise<(QueueRecord | null)[]>;
  exists(access: Access, params: NamedQueue): Promise<boolean>;
  /**
   * A page of one project's queues, or with `allProjects` of all that the caller may see (needs an unlimited caller or one with a single project).
   * `detailed` adds the metadata, `withStats` the statistics of exactly the rows of this page, in one call a pool.
   */
  list(
    access: Access,
    params: ProjectAddress &
      PageParams & {
        allProjects?: boolean;
        prefix?: string | null;
        sort?: "name" | "createdAt";
        descending?: boolean;
        detailed?: boolean;
        withStats?: boolean;
      },
  ): Promise<Page<ListedQueue>>;
  /** Exact up to 10,000. */
  count(
    access: Access,
    params: ProjectAddress & { allProjects?: boolean; prefix?: string | null },
  ): Promise<{ value: number; exact: boolean }>;
  /** Replaces all metadata. QUEUE_DOES_NOT_EXIST; NOT_SUPPORTED when it would change `_flavor`. */
  setMetadata(access: Access, params: NamedQueue & { metadataText: string }): Promise<QueueRecord>;
  /** Changes top-level keys in the order given, all or nothing; loses no change made at the same time. Values of other keys stay to the letter. */
  patchMetadata(access: Access, params: NamedQueue & { changes: readonly MetadataChange[] }): Promise<QueueRecord>;
  /**
   * Ends the queue: its messages and claims are gone at once. Its subscriptions stay, and work again when it is made again, in the same pool.
   * `deleted` is false when there was none. Safe to repeat, also after a crash.
   */
  delete(access: Access, params: NamedQueue): Promise<{ deleted: boolean }>;
  /** Makes messages (claimed ones too), subscriptions, or with neither named both vanish at once. The metadata stays. QUEUE_DOES_NOT_EXIST. */
  purge(
    access: Access,
    params: NamedQueue & { resources?: readonly PurgeResource[] | null; idempotencyKey?: string | null },
  ): Promise<{ subscriptions: number }>;
  /** QUEUE_DOES_NOT_EXIST. */
  stats(access: Access, params: NamedQueue): Promise<QueueStats>;
  /** In the order asked; null for a queue that does not exist. One call a pool. At most MAX_PAGE_SIZE. */
  statsMany(access: Access, params: { queues: readonly NamedQueue[] }): Promise<(QueueStats | null)[]>;
  /**
   * The statistics of each queue now, then each change, at most once a second a queue. Watchers of one queue share one poll, and nothing
   * polls while nobody watches. A slow reader gets the latest of each queue, not every step. Ends when `signal` aborts.
   */
  watchStats(
    access: Access,
    params: { queues: readonly NamedQueue[]; signal: AbortSignal },
  ): AsyncIterableIterator<StatsChange>;
}
