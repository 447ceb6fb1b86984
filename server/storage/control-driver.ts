/**
 * The control plane's seam: the records of queues, pools and flavors, and the catalogue of which pool holds which
 * queue.
 *
 * Drivers check types. Limits and rights are checked by operations. Lists are ordered by name unless they say
 * otherwise. Every call is STORAGE_UNAVAILABLE when the control database cannot be reached.
 */
import type { BodyRulesController } from "./body-rule.ts";
import type { GcResult } from "./driver-health.ts";
import type { Page, PageRequest } from "./list-pages.ts";
import type { PausesController } from "./pause.ts";
import type { PeopleController } from "./people.ts";
import type { QueueRef } from "./queue-ref.ts";
import type { ReadOnlyController } from "./read-only.ts";
import type { TokensController } from "./tokens.ts";
import type { UndosController } from "./undo/undo-records.ts";
import type { Where } from "./where.ts";

export interface ControlDriver {
  readonly queues: QueueController;
  readonly pools: PoolsController;
  readonly flavors: FlavorsController;
  readonly catalogue: CatalogueController;
  readonly moveLedger: MoveLedger;
  readonly undos: UndosController;
  readonly audit: AuditController;
  readonly collections: CollectionsController;
  readonly pauses: PausesController;
  readonly tokens: TokensController;
  readonly bodyRules: BodyRulesController;
  readonly readOnly: ReadOnlyController;
  readonly people: PeopleController;

  /**
   * Runs `work` with a driver whose writes commit together, or not at all when `work` throws. Two transactions that
   * write the same record run one after the other. Transactions do not nest. After a deadlock, which changed nothing,
   * `work` runs again: what it does beside its writes must bear that.
   */
  transaction<T>(work: (tx: Omit<ControlDriver, "transaction" | "close" | "isAlive">) => Promise<T>): Promise<T>;
  /** True when the control database answers. Never throws; has its own deadline. */
  isAlive(): Promise<boolean>;
  close(): Promise<void>;
}

// ------------------------------------------------------------------------------------------------ queues

export interface Queue {
  project: string;
  name: string;
  /** JSON text of an object, kept exactly as it was given: reserved attributes and the user's own. "{}" when empty. */
  metadataText: string;
  createdAt: Date;
  updatedAt: Date;
}

/** Which queues are listed: those that meet every condition given. */
export interface QueueFilter {
  /** The pool that the catalogue names; "" for queues that the catalogue does not map. */
  pool?: string;
  /** The `_flavor` in the metadata; "" for queues without one. */
  flavor?: string;
  /** Whether another queue of the project has this one as its `_dead_letter_queue`. */
  isDeadLetterQueue?: boolean;
  /** How the name begins. */
  search?: string;
  /**
   * Whether messages are in these states, by the last sample. A queue without a sample meets no condition on samples.
   */
  hasReady?: boolean;
  hasClaimed?: boolean;
  hasDelayed?: boolean;
  hasExhausted?: boolean;
  /** The oldest ready message of the last sample was posted before. */
  oldestReadyBefore?: Date;
}

/**
 * `depth`: all messages; `oldestReady`: when the oldest ready message was posted; `rate`: messages posted and delivered
 * a second; all by the last sample. Of the oldest ready messages, no message is the newest. Of depths and rates, no
 * sample is the lowest, and then comes an unknown rate.
 */
export interface QueueOrder {
  field: "name" | "createdAt" | "depth" | "oldestReady" | "rate";
  direction: "asc" | "desc";
}

export interface QueueController {
  /** True when it created the queue, false when the queue existed. Of two calls at once, one gets true. */
  create(queue: QueueRef, metadataText?: string): Promise<boolean>;
  /** Silent when there is no such queue. */
  delete(queue: QueueRef): Promise<void>;
  exists(queue: QueueRef): Promise<boolean>;
  /** QUEUE_DOES_NOT_EXIST. */
  get(queue: QueueRef): Promise<Queue>;
  /** The queues that exist, in any order, with one statement. */
  getMany(queues: readonly QueueRef[]): Promise<Queue[]>;
  /** QUEUE_DOES_NOT_EXIST. */
  getMetadata(queue: QueueRef): Promise<string>;
  /**
   * Replaces the metadata. QUEUE_DOES_NOT_EXIST. In a transaction, `getMetadata` locks the queue: what is read there
   * and then set loses no change of another caller.
   */
  setMetadata(queue: QueueRef, metadataText: string): Promise<void>;
  /**
   * For each queue the names of those whose `_dead_letter_queue` it is, ascending, at most `limit`. In the order asked,
   * with one statement.
   */
  listByDeadLetterQueues(params: { queues: readonly QueueRef[]; limit: number }): Promise<string[][]>;
  /**
   * Queues with a `_max_claim_count` whose `_dead_letter_queue` does not exist, ordered by project and the missing
   * queue's name, at most `limit`. Some may be left out when there are more than a thousand.
   */
  listWithoutDeadLetterQueue(params: {
    projects: Where;
    limit: number;
  }): Promise<Pick<Queue, "project" | "name" | "metadataText">[]>;
  /**
   * Repairs the columns that the two searches above use, so that they match the metadata of these queues. During an
   * update, processes of an older version write metadata without them. Metadata written meanwhile is left to its
   * writer.
   */
  repairDeadLetterQueues(queues: readonly QueueRef[]): Promise<void>;
  /** Queues with `_metrics: true`, the one created first before the others, at most `limit`. */
  listWithMetrics(params: { limit: number }): Promise<QueueRef[]>;
  /**
   * A page of queues. The marker is the last queue's name when one project is ordered by name, else an opaque text.
   * Keyset paging over an index in every order, filtered or not: as fast with 100,000 queues as with 100, and as many
   * times slower as there are projects, unless it is one or all. Only two lists may read all that match the rest: a
   * search in another order than by name, and a condition on samples that few meet. Metadata is "{}" unless `detailed`.
   */
  list(params: {
    projects: Where;
    page: PageRequest;
    filter?: QueueFilter;
    /** Default: by name, ascending. */
    orderBy?: QueueOrder;
    detailed?: boolean;
  }): Promise<Page<Queue>>;
  /** Counts the queues that `list` lists: exact up to 10,000; above that `value` is 10,000 and `exact` false. */
  count(params: { projects: Where; filter?: QueueFilter }): Promise<{ value: number; exact: boolean }>;
  /** `count` of each project, in the order given, with one statement. */
  countByProjects(projects: readonly string[]): Promise<{ value: number; exact: boolean }[]>;
  /**
   * Names of the projects that have queues, ascending; reads the index by skipping. `search` is a prefix. The marker is
   * "=" and the name, so that the marker of the project "" is not empty.
   */
  listProjects(params: { page: PageRequest; search?: string }): Promise<Page<string>>;
  /** Those of these projects that have queues, in any order, with one statement. */
  projectsWithQueues(projects: readonly string[]): Promise<string[]>;
}

// ------------------------------------------------------------------------------------------------- pools

export interface Pool {
  name: string;
  /** With its password, only for opening drivers. GraphQL and the pages show `maskedUri`. */
  uri: string;
  maskedUri: string;
  /** The share of new queues that the pool gets. 0: none. */
  weight: number;
  /** The flavor of its queues, which need not exist. Null: the pool is for queues without a flavor. */
  flavor: string | null;
  /** JSON text of an object. */
  optionsText: string;
  /** The store's identity (see StoreFacts) when it was last read. Null until the pool is opened or inspected. */
  identity: string | null;
  createdAt: Date;
  updatedAt: Date;
}

export interface NewPool {
  name: string;
  uri: string;
  /**
   * Identity of the store at the URI. Left out when it was not inspected; then the known one stays if the place does.
   */
  identity?: string;
  /** Identity of the store at the pool's former URI, just read. Used when the record has none. */
  formerIdentity?: string;
  weight: number;
  flavor?: string | null;
  optionsText?: string;
}

export interface PoolsController {
  list(params: { page: PageRequest }): Promise<Page<Pool>>;
  /** POOL_DOES_NOT_EXIST. */
  get(name: string): Promise<Pool>;
  /** The pools that exist, in any order, with one statement. */
  getMany(names: readonly string[]): Promise<Pool[]>;
  /**
   * Creates a pool, or replaces the one of the same name; returns true when it was new. Makes no connection.
   *
   * - POOL_URI_IN_USE: the URI or the identity is that of another pool or of the control database. Of two calls at
   *   once, one gets the store.
   * - POOL_IN_USE: the identity differs from the known one while the catalogue maps queues to the pool. Their messages
   *   would stay behind.
   */
  create(pool: NewPool): Promise<boolean>;
  /** Changes what is given. POOL_DOES_NOT_EXIST, BAD_INPUT when nothing is given, and the errors of `create`. */
  update(name: string, changes: Partial<Omit<NewPool, "name">>): Promise<Pool>;
  /**
   * Records the identity of the store that was found when the pool was opened at `uri`. Returns the pool already
   * registered for this store, which keeps it; else null, also when the pool has another URI by now or is deleted.
   * Another identity than the known one, or `lost`, is recorded as a loss: see `listLosses`. That another pool has the
   * store is recorded too: see `listTwins`.
   */
  note(params: { name: string; uri: string; identity: string; lost?: boolean }): Promise<string | null>;
  /**
   * The pools whose storage was found without what it had held, by name, and when that was seen. An operator ends the
   * state by setting the pool's URI again, even to the same one, or by deleting the pool.
   */
  listLosses(): Promise<{ pool: string; at: Date }[]>;
  /**
   * The pools, by name, whose store was found to be that of another pool, `sameAs`, when they were last opened. Setting
   * the pool's URI again ends the state until the pool is opened again.
   */
  listTwins(): Promise<{ pool: string; sameAs: string }[]>;
  /** The pool with this identity, the built-in one included. Null when no pool is known to have it. */
  findByIdentity(identity: string): Promise<string | null>;
  /** `findByIdentity` of each, in the order given. The number of statements does not grow with them. */
  findByIdentities(identities: readonly string[]): Promise<(string | null)[]>;
  /**
   * Silent when there is no such pool. POOL_IN_USE while the catalogue maps queues to it, POOL_IN_USE_BY_FLAVOR when it
   * is the last pool of an existing flavor.
   */
  delete(name: string): Promise<void>;
  exists(name: string): Promise<boolean>;
  /** Pools of the flavor, or those without a flavor when it is null. */
  getPoolsByFlavor(flavor: string | null): Promise<Pool[]>;
  /** Pools of any of these flavors, or without a flavor when one of them is null, with one statement. */
  getPoolsByFlavors(flavors: readonly (string | null)[]): Promise<Pool[]>;
  dropAll(): Promise<void>;
}

// ----------------------------------------------------------------------------------------------- flavors

/** A flavor of a project. Its pools are those whose `flavor` is its name. */
export interface Flavor {
  project: string;
  name: string;
  createdAt: Date;
  updatedAt: Date;
}

export interface FlavorsController {
  /** By project and name. The marker is the last flavor's name when it is one project, else an opaque text. */
  list(params: { projects: Where; page: PageRequest }): Promise<Page<Flavor>>;
  /** FLAVOR_DOES_NOT_EXIST. */
  get(params: { project: string; name: string }): Promise<Flavor>;
  /** The flavors that exist, in any order, with one statement. */
  getMany(flavors: readonly { project: string; name: string }[]): Promise<Flavor[]>;
  /**
   * Creates the flavor if it is missing, and sets `flavor` on the pools given. Pools that have it already keep it.
   * Returns true when it was new. POOL_DOES_NOT_EXIST, which changes nothing.
   */
  create(params: { project: string; name: string; pools: readonly string[] }): Promise<boolean>;
  /** Makes these its only pools. FLAVOR_DOES_NOT_EXIST, POOL_DOES_NOT_EXIST. */
  update(params: { project: string; name: string; pools: readonly string[] }): Promise<void>;
  /** Silent when there is none. Clears `flavor` on its pools unless another project has a flavor of that name. */
  delete(params: { project: string; name: string }): Promise<void>;
  /** Without `project`: in any project. */
  exists(params: { project?: string; name: string }): Promise<boolean>;
  /** Deletes the flavors of all projects, and clears `flavor` on their pools. */
  dropAll(): Promise<void>;
}

// --------------------------------------------------------------------------------------------- catalogue

export interface CatalogueEntry {
  project: string;
  queue: string;
  pool: string;
  /** The queue's life in that pool. New, and higher, with each insert or update: a recreated queue is a new life. */
  epoch: number;
}

export interface CatalogueController {
  /**
   * Entries of these projects, of one pool or all, in order of insertion. With `search`, those whose queue's name
   * begins with it, by name. The marker is opaque.
   */
  list(params: { projects: Where; pool?: string; search?: string; page: PageRequest }): Promise<Page<CatalogueEntry>>;
  /** `list` of each pool, in the order given. The number of statements does not grow with the pools. */
  listOfPools(params: {
    pools: readonly string[];
    projects: Where;
    page: PageRequest;
  }): Promise<Page<CatalogueEntry>[]>;
  /** QUEUE_NOT_MAPPED. */
  get(queue: QueueRef): Promise<CatalogueEntry>;
  /** The entries that exist, in any order, with one statement. */
  getMany(queues: readonly QueueRef[]): Promise<CatalogueEntry[]>;
  /**
   * Maps the queue to the pool with a new epoch, and returns the entry. Does not check that the pool exists. With
   * `ifAbsent` an existing entry stays and is returned; of two calls at once, both return the same one.
   */
  insert(queue: QueueRef, pool: string, options?: { ifAbsent?: boolean }): Promise<CatalogueEntry>;
  /** Maps the queue to another pool, with a new epoch. Moves no messages. QUEUE_NOT_MAPPED. */
  update(queue: QueueRef, pool: string): Promise<CatalogueEntry>;
  /** Silent when there is none. */
  delete(queue: QueueRef): Promise<void>;
  exists(queue: QueueRef): Promise<boolean>;
  /** Counts the queues that a pool holds: exact up to 10,000. */
  countByPool(pool: string): Promise<{ value: number; exact: boolean }>;
  /** The same of each, of these projects alone, in the order given, with one statement. */
  countByPools(params: { pools: readonly string[]; projects: Where }): Promise<{ value: number; exact: boolean }[]>;
  /**
   * Deletes the entries that are there now. Not in one step, unless in a transaction: an error between two steps has
   * `partial` and the number of deleted `entries` in its details.
   */
  dropAll(): Promise<void>;
}

// ------------------------------------------------------------------------------------------------- moves

/** The record of an attempt to move a queue to another pool, until it has ended. A queue has at most one. */
export interface QueueMove {
  project: string;
  queue: string;
  source: string;
  target: string;
  /** The queue's epoch in the source. */
  sourceEpoch: number;
  /**
   * The queue's epoch in the target, and the attempt's fence in both pools. Each attempt draws a new one; so does a
   * process that takes over an attempt in phase "copying".
   */
  epoch: number;
  /**
   * - "copying": the catalogue names the source, and the attempt can be undone. Hazard: a control database that failed
   *   over may have lost the switch, so ask the pools before anything is deleted.
   * - "switched": the catalogue names the target. Only the source is left to be freed.
   */
  phase: "copying" | "switched";
  /** The process that may work on the attempt, for as long as its lease lasts. */
  holder: string;
  startedAt: Date;
}

/** The records of moves that have not ended. A move writes its record first and deletes it last. */
export interface MoveLedger {
  /**
   * Records a new attempt. Null when the queue has one already, is not mapped, or is mapped to `target`. Of two calls
   * at once, one begins.
   */
  begin(params: { queue: QueueRef; target: string; holder: string; leaseSeconds: number }): Promise<QueueMove | null>;
  /** Lengthens the lease. False when the attempt was taken over or has ended. */
  renew(params: { move: QueueMove; leaseSeconds: number }): Promise<boolean>;
  /**
   * Maps the queue to the target with the attempt's epoch, or with `openEpoch` when the target opened the queue in an
   * earlier attempt. Returns false, and changes nothing, when the attempt was taken over or the catalogue entry has
   * changed since it began.
   */
  switch(move: QueueMove, openEpoch?: number): Promise<boolean>;
  /**
   * Makes `holder` the holder of an attempt whose lease has lapsed, or with `own` of the caller's own attempt that has
   * stopped. Returns the present record, with a new epoch if it is "copying". Null when another process was faster.
   */
  takeOver(params: { move: QueueMove; holder: string; leaseSeconds: number; own?: boolean }): Promise<QueueMove | null>;
  /** Deletes the record. Silent when the attempt was taken over or has ended. */
  end(move: QueueMove): Promise<void>;
  find(queue: QueueRef): Promise<QueueMove | null>;
  /** Attempts whose lease has lapsed, the oldest first, without those whose source is among `exceptSources`. */
  listLapsed(params: { limit: number; exceptSources?: readonly string[] }): Promise<QueueMove[]>;
}

// ------------------------------------------------------------------------------------------------- audit

export interface AuditEntry {
  id: string;
  at: Date;
  actor: string;
  /** The name of the GraphQL mutation. */
  action: string;
  project: string | null;
  target: string;
  outcome: "intended" | "done" | "refused" | "failed";
  /** JSON text of an object: before and after, reason, count. It holds no secrets and no message bodies. */
  detailsText: string;
  requestId: string;
  /** Why, in the words of the one who acted. Null: nobody said. */
  reason: string | null;
  /** The client's IP address. Null for what the service did itself, and for entries of earlier versions. */
  address: string | null;
}

export type NewAuditEntry = Omit<AuditEntry, "id" | "at" | "address"> & Partial<Pick<AuditEntry, "address">>;

/** Entries that meet all that is given. */
export interface AuditFilter {
  actor?: string;
  action?: string;
  target?: string;
  outcome?: AuditEntry["outcome"];
  requestId?: string;
  /** From this time on. */
  from?: Date;
  /** Before this time. */
  to?: Date;
}

export interface AuditController {
  /** Returns the new entry's id. */
  append(entry: NewAuditEntry): Promise<string>;
  /** Sets the outcome of an intended action. An entry that has one keeps it. */
  settle(id: string, outcome: "done" | "failed", detailsText?: string): Promise<void>;
  /** Deletes entries older than `days` (1 or more), the oldest first, at most `limit`. Returns how many. */
  trim(params: { days: number; limit: number }): Promise<number>;
  /** Newest first; marker = id. Entries of no project are among those of all. */
  list(params: { projects: Where; page: PageRequest; filter?: AuditFilter }): Promise<Page<AuditEntry>>;
  /** The entries that exist, in any order, with one statement. A text that is no id finds none. */
  getMany(ids: readonly string[]): Promise<AuditEntry[]>;
}

// ----------------------------------------------------------------------------------- garbage collections

/** A garbage collection of all pools. */
export interface Collection {
  at: Date;
  durationSeconds: number;
  total: GcResult;
  /** The pools in which it failed, and why, in words for people. */
  failed: { pool: string; error: string }[];
}

export interface CollectionsController {
  /** Keeps this one as the last, for all processes. */
  record(collection: Omit<Collection, "at">): Promise<void>;
  /** The last one of any process. Null before the first. */
  last(): Promise<Collection | null>;
}
