import type { Access } from "../access/access.ts";
import type { Capability, Page } from "../storage/data-driver.ts";
import type { PageParams } from "./addresses.ts";
import type { DropAllParams, DropAllResult } from "./drop-all.ts";

export interface PoolRecord {
  name: string;
  /** The pool "default" that the control database itself is: no weight, cannot be changed or deleted. */
  builtIn: boolean;
  /** Without its password. Null for the built-in pool. */
  maskedUri: string | null;
  /** Null for the built-in pool, which takes a queue only when no registered pool fits. 0 = no new queues. */
  weight: number | null;
  flavor: string | null;
  /** JSON text of an object. */
  optionsText: string;
  createdAt: Date | null;
  updatedAt: Date | null;
}

export interface PoolChanges {
  uri?: string | null;
  weight?: number | null;
  /** null and "" take it out of its flavor; undefined leaves it. */
  flavor?: string | null;
  optionsText?: string | null;
  /** false: do not connect to the URI (then nor can its capabilities be checked). Default true. */
  verify?: boolean;
}

/** Reading needs the role viewer, changing admin. No result holds a password. */
export interface PoolOperations {
  /** By name; the built-in pool stands first, on the first page. */
  list(access: Access, params: PageParams): Promise<Page<PoolRecord>>;
  /** POOL_DOES_NOT_EXIST. */
  get(access: Access, params: { name: string }): Promise<PoolRecord>;
  exists(access: Access, params: { name: string }): Promise<boolean>;
  /** Pools of the flavor, or with null those without one (the built-in pool not among them). */
  getByFlavor(access: Access, params: { flavor: string | null }): Promise<PoolRecord[]>;
  /** How many queues it holds, exact up to 10,000. POOL_DOES_NOT_EXIST. */
  countQueues(access: Access, params: { name: string }): Promise<{ value: number; exact: boolean }>;
  /** What its storage can do; null when it cannot be reached now. POOL_DOES_NOT_EXIST. */
  capabilities(access: Access, params: { name: string }): Promise<Capability[] | null>;
  /** Connects and says what is there, and registers nothing. Admin. BAD_INPUT, POOL_NOT_REACHABLE. */
  verify(access: Access, params: { uri: string }): Promise<Capability[]>;
  /**
   * Registers a pool. One of that name is POOL_ALREADY_EXISTS unless `replace`, which sets everything anew.
   * BAD_INPUT, POOL_NOT_REACHABLE, POOL_URI_IN_USE, POOL_CAPABILITIES_MISMATCH (it lacks what the flavor's first pool can do).
   */
  create(
    access: Access,
    params: { name: string; uri: string; weight: number; replace?: boolean } & Omit<PoolChanges, "uri" | "weight">,
  ): Promise<{ pool: PoolRecord; created: boolean }>;
  /** Changes what is given. Nothing given is BAD_INPUT. POOL_DOES_NOT_EXIST, and as create. */
  update(access: Access, params: { name: string } & PoolChanges): Promise<PoolRecord>;
  /** `deleted` false when there was none. POOL_IN_USE (details.queues { value, exact }), POOL_IN_USE_BY_FLAVOR. */
  delete(access: Access, params: { name: string }): Promise<{ deleted: boolean }>;
  /** Unregisters every pool, never the built-in one. POOL_IN_USE while any of them holds queues. */
  dropAll(access: Access, params: DropAllParams): Promise<DropAllResult>;
}
