/**
 * The control plane's seam: what queues, pools and flavors are, and which pool holds which queue.
 *
 * Drivers check types, never limits or rights (operations do). Lists are ordered by name unless they say otherwise.
 * A store that cannot be reached is STORAGE_UNAVAILABLE.
 */
import type { Page, PageRequest } from "./list-pages.ts";
import type { QueueRef } from "./queue-ref.ts";

export interface ControlDriver {
  readonly queues: QueueController;
  readonly pools: PoolsController;
  readonly flavors: FlavorsController;
  readonly catalogue: CatalogueController;
  readonly moveLedger: MoveLedger;
  readonly audit: AuditController;

  /**
   * Runs `work` with a driver whose writes commit together, or not at all when it throws. Two transactions that
   * write the same record run one after the other. Not nested.
   */
  transaction<T>(work: (tx: Omit<ControlDriver, "transaction" | "close" | "isAlive">) => Promise<T>): Promise<T>;
  /** Never throws; answers within its own deadline. */
  isAlive(): Promise<boolean>;
  close(): Promise<void>;
}

// ------------------------------------------------------------------------------------------------ queues

export interface Queue {
  project: string;
  name: string;
  /** JSON text of an object, kept to the letter: reserved attributes and the user's own. "{}" when there is none. */
  metadataText: string;
  createdAt: Date;
  updatedAt: Date;
}

export interface QueueController {
  /** True if created; false if it was there, which changes nothing. Two at once: one gets true. */
  create(queue: QueueRef, metadataText?: string): Promise<boolean>;
  /** Silent when there is none. */
  delete(queue: QueueRef): Promise<void>;
  exists(queue: QueueRef): Promise<boolean>;
  /** QUEUE_DOES_NOT_EXIST. */
  get(queue: QueueRef): Promise<Queue>;
  /** Those that exist, in no promised order; one statement for all. */
  getMany(queues: readonly QueueRef[]): Promise<Queue[]>;
  /** QUEUE_DOES_NOT_EXIST. */
  getMetadata(queue: QueueRef): Promise<string>;
  /** Replaces all of it. QUEUE_DOES_NOT_EXIST. Inside a transaction, `getMetadata` followed by this loses no other change. */
  setMetadata(queue: QueueRef, metadataText: string): Promise<void>;
  /** The names of queues whose metadata has this one as `_dead_letter_queue`, ascending, at most `limit`. */
  listByDeadLetterQueue(params: { queue: QueueRef; limit: number }): Promise<string[]>;
  /**
   * Queues whose metadata has a `_max_claim_count` and names a `_dead_letter_queue` that does not exist, by project and
   * that name, at most `limit`. Of more than a thousand whose dead letter queue is missing some may be left out.
   * `projects` left out = of all.
   */
  listWithoutDeadLetterQueue(params: {
    projects?: readonly string[];
    limit: number;
  }): Promise<Pick<Queue, "project" | "name" | "metadataText">[]>;
  /**
   * Brings what these two search in line with the metadata of those that exist: processes of an older version, beside
   * which this one is started, set the one and do not know the other. Metadata that is set meanwhile is left to its
   * writer.
   */
  mendDeadLetterQueues(queues: readonly QueueRef[]): Promise<void>;
  /**
   * A page of queues. `project` left out = of all projects. The marker is the last queue's name when sorted by name in
   * one project, an opaque text otherwise. Keyset paging: as fast at 100,000 queues as at 100. Metadata is "{}" unless detailed.
   */
  list(params: {
    project?: string;
    page: PageRequest;
    prefix?: string;
    sort?: "name" | "createdAt";
    descending?: boolean;
    detailed?: boolean;
  }): Promise<Page<Queue>>;
  /** How many queues a project (or all) has: exact up to 10,000, then value 10,000 and exact false. */
  count(params: { project?: string; prefix?: string }): Promise<{ value: number; exact: boolean }>;
  /** Names of projects that have queues, ascending, by skipping along the index; marker = name (prefixed with "=", so that the unnamed project's is not empty). `search` is a prefix. */
  listProjects(params: { page: PageRequest; search?: string }): Promise<Page<string>>;
}

// ------------------------------------------------------------------------------------------------- pools

export interface Pool {
  name: string;
  /** With its password: for opening drivers only. Doors show `maskedUri`. */
  uri: string;
  maskedUri: string;
  /** 0 = takes no new queues. */
  weight: number;
  /** A loose name: the flavor need not exist. Null = for queues without a flavor. */
  flavor: string | null;
  /** JSON text of an object. */
  optionsText: string;
  /** Which store it is (see StoreFacts), as last seen there. Null = nobody has looked yet. */
  identity: string | null;
  createdAt: Date;
  updatedAt: Date;
}

export interface NewPool {
  name: string;
  uri: string;
  /** What the URI led to. Left out: nobody looked, and what is known stays only while the URI says the same place. */
  identity?: string;
  /** What its former URI was just seen to lead to. Counts where nothing is written down, as of a pool that turned out to be another one's double. */
  formerIdentity?: string;
  weight: number;
  flavor?: string | null;
  optionsText?: string;
}

export interface PoolsController {
  list(params: { page: PageRequest }): Promise<Page<Pool>>;
  /** POOL_DOES_NOT_EXIST. */
  get(name: string): Promise<Pool>;
  /**
   * Replaces one of the same name. A URI or an identity that says the server and namespace of another pool, or of this control database, is POOL_URI_IN_USE; of
   * two at once one gets it. An identity other than the known one is POOL_IN_USE while the catalogue maps queues to the pool: their messages would be left
   * behind. True if it was new. No connection is made at this level.
   */
  create(pool: NewPool): Promise<boolean>;
  /** Changes what is given. POOL_DOES_NOT_EXIST, and as create; nothing given is BAD_INPUT. */
  update(name: string, changes: Partial<Omit<NewPool, "name">>): Promise<Pool>;
  /**
   * Writes down what was found when the pool was opened at `uri`, whatever was known before. Gives the pool that is this same store already, and writes
   * nothing then; null otherwise, also when the pool is elsewhere by now or gone. Another store than the known one, or `lost`, is a loss: see `listLosses`.
   */
  note(params: { name: string; uri: string; identity: string; lost?: boolean }): Promise<string | null>;
  /**
   * The pools whose storage was found without what it had held, by name, and when that was. Each stays among them until it is given a URI
   * again, its own too, or is deleted: an operator does that who knows.
   */
  listLosses(): Promise<{ pool: string; at: Date }[]>;
  /** The pool that is this store, the built-in one too; null when none is known to be. */
  findByIdentity(identity: string): Promise<string | null>;
  /** Silent when there is none. POOL_IN_USE while the catalogue maps queues to it, POOL_IN_USE_BY_FLAVOR when it is the last pool of an existing flavor. */
  delete(name: string): Promise<void>;
  exists(name: string): Promise<boolean>;
  /** Pools of the flavor, or with null those without one. */
  getPoolsByFlavor(flavor: string | null): Promise<Pool[]>;
  dropAll(): Promise<void>;
}

// ----------------------------------------------------------------------------------------------- flavors

/** Belongs to a project. Its pools are those whose `flavor` is its name. */
export interface Flavor {
  project: string;
  name: string;
  createdAt: Date;
  updatedAt: Date;
}

export interface FlavorsController {
  list(params: { project: string; page: PageRequest }): Promise<Page<Flavor>>;
  /** FLAVOR_DOES_NOT_EXIST. */
  get(params: { project: string; name: string }): Promise<Flavor>;
  /** Makes it if it is not there, and sets `flavor` on the listed pools; pools of it from before stay in it. POOL_DOES_NOT_EXIST changes nothing. True if it was new. */
  create(params: { project: string; name: string; pools: readonly string[] }): Promise<boolean>;
  /** Its pools are exactly these from now on. FLAVOR_DOES_NOT_EXIST, POOL_DOES_NOT_EXIST. */
  update(params: { project: string; name: string; pools: readonly string[] }): Promise<void>;
  /** Silent when there is none. Clears the flavor of its pools when no other project has a flavor of that name. */
  delete(params: { project: string; name: string }): Promise<void>;
  /** Without a project: in any. */
  exists(params: { project?: string; name: string }): Promise<boolean>;
  dropAll(): Promise<void>;
}

// --------------------------------------------------------------------------------------------- catalogue

export interface CatalogueEntry {
  project: string;
  queue: string;
  pool: string;
  /** Grows with each insert and update of any entry, so that a queue made again never meets its former life. */
  epoch: number;
}

export interface CatalogueController {
  /** In order of insertion, of one project or of all, of one pool or of all; with `search`, those whose queue's name begins with it, by name. The marker is opaque. */
  list(params: { project?: string; pool?: string; search?: string; page: PageRequest }): Promise<Page<CatalogueEntry>>;
  /** QUEUE_NOT_MAPPED. */
  get(queue: QueueRef): Promise<CatalogueEntry>;
  /** Those that are mapped, in no promised order; one statement for all. */
  getMany(queues: readonly QueueRef[]): Promise<CatalogueEntry[]>;
  /**
   * Maps the queue to the pool with a new epoch; does not ask whether the pool exists. `ifAbsent`: an entry that is there stays as it is.
   * Gives the entry that holds afterwards. Two at once agree on one.
   */
  insert(queue: QueueRef, pool: string, options?: { ifAbsent?: boolean }): Promise<CatalogueEntry>;
  /** With a new epoch. QUEUE_NOT_MAPPED. */
  update(queue: QueueRef, pool: string): Promise<CatalogueEntry>;
  /** Silent when there is none. */
  delete(queue: QueueRef): Promise<void>;
  exists(queue: QueueRef): Promise<boolean>;
  /** How many queues a pool holds: exact up to 10,000. */
  countByPool(pool: string): Promise<{ value: number; exact: boolean }>;
  dropAll(): Promise<void>;
}

// ------------------------------------------------------------------------------------------------- moves

/** An attempt to move a queue to another pool that has not ended. A queue has at most one. */
export interface QueueMove {
  project: string;
  queue: string;
  source: string;
  target: string;
  /** The queue's life where it was. */
  sourceEpoch: number;
  /** The life that it begins. Drawn anew by each attempt and by whoever takes one over, so it is the attempt's fence in both pools. */
  epoch: number;
  /** "copying": the catalogue names the source, and all can be undone. "switched": it names the target, and only the source is left to be freed. */
  phase: "copying" | "switched";
  /** Who does it, for as long as his lease lasts. */
  holder: string;
  startedAt: Date;
}

export interface MoveLedger {
  /** Null when the queue is on the move already, is not mapped, or is mapped to `target`. Of two at once one begins. */
  begin(params: { queue: QueueRef; target: string; holder: string; leaseSeconds: number }): Promise<QueueMove | null>;
  /** False when the attempt was taken over, or has ended. */
  renew(params: { move: QueueMove; leaseSeconds: number }): Promise<boolean>;
  /**
   * Maps the queue to the target with the attempt's epoch, or with `openEpoch` when the target opened the queue in an
   * earlier attempt. Returns false, and changes nothing, when the attempt was taken over or the catalogue entry has
   * changed since it began.
   */
  switch(move: QueueMove, openEpoch?: number): Promise<boolean>;
  /** Of an attempt whose lease has lapsed, or with `own` of one that the caller made and does no more. Gives it as it is now, with a new epoch while it can be undone; null when somebody else was faster. */
  takeOver(params: { move: QueueMove; holder: string; leaseSeconds: number; own?: boolean }): Promise<QueueMove | null>;
  /** Silent when it was taken over or has ended. */
  end(move: QueueMove): Promise<void>;
  find(queue: QueueRef): Promise<QueueMove | null>;
  /** Whose holders have not been heard of, of other pools than `exceptSources`. */
  listLapsed(params: { limit: number; exceptSources?: readonly string[] }): Promise<QueueMove[]>;
}

// ------------------------------------------------------------------------------------------------- audit

export interface AuditEntry {
  id: string;
  at: Date;
  actor: string;
  /** Verb and noun, as the GraphQL mutation is called. */
  action: string;
  project: string | null;
  target: string;
  outcome: "intended" | "done" | "refused" | "failed";
  /** JSON text of an object: before and after, reason, count. No secrets, no bodies. */
  detailsText: string;
  requestId: string;
}

export interface AuditController {
  /** Gives the new entry's id. */
  append(entry: Omit<AuditEntry, "id" | "at">): Promise<string>;
  /** The outcome of an intended action, once: an entry that has its outcome keeps it. */
  settle(id: string, outcome: "done" | "failed", detailsText?: string): Promise<void>;
  /** Deletes entries older than so many days (1 or more), the oldest first and at most `limit`, and says how many. */
  trim(params: { days: number; limit: number }): Promise<number>;
  /** Newest first; marker = id. */
  list(params: { page: PageRequest; project?: string; actor?: string }): Promise<Page<AuditEntry>>;
}
