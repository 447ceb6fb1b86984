/** The key-value stores of this process, by name. Operators list stores, keys and locks here. */
import { DomainError, hasCode } from "../errors.ts";
import { type BatchResult, resultOf } from "../storage/batch-result.ts";
import type { Page, PageRequest } from "../storage/list-pages.ts";
import { type Clock, monotonicNow } from "./clock.ts";
import { byCodePoint } from "./code-point-order.ts";
import { DeletedStores, type DeletionMark } from "./deleted-stores.ts";
import { KeyValueStore } from "./key-value-store.ts";
import type { Lock } from "./lock.ts";
import {
  type Backend,
  type Backends,
  DEFAULT_LOCK_TIMEOUT_SECONDS,
  Region,
  type RegionOptions,
  type StoredKey,
  type StoredLock,
} from "./region.ts";
import { checkUserStoreName, DEFINITION_SECONDS, isSameDefinition, type StoreDefinition } from "./store-definition.ts";
import { cutPage, isInRange, lockMarker, lockRange } from "./store-pages.ts";

/** The stores that hold the definitions of users' stores, and marks of deleted ones. No user can choose these names. */
const DEFINITIONS = "isimud.stores";
const DELETED = "isimud.deleted-stores";
/**
 * How long a user's call waits for a lock that asks for no other time. Users call over HTTP: a lock acquired after the
 * request has ended would have no holder.
 */
export const USER_LOCK_WAIT_SECONDS = 5;
export interface StoreSummary {
  name: string;
  /** A backend's short name. */
  backingStore: string;
  /** True: Isimud uses it itself. Its keys may be shown, its values never. */
  internal: boolean;
  /** How long a lock lasts that asks for no other time. Null for an internal store. */
  lockTimeoutSeconds: number | null;
  /** How long a value lasts. Null: until it is deleted, or the store is internal. */
  expirationSeconds: number | null;
}

export interface KeyValueStores {
  /**
   * The store of that name in this process. The first call creates it as an internal store, unconfigured; later calls
   * return the same one. Only the first call's `region` counts: it may be configured already, and shared.
   */
  get<V = unknown>(name: string, region?: Region): KeyValueStore<V>;
  /** Creates a region that several stores can share. The caller passes it to `get`. */
  region(name: string): Region;

  /** The short name of the backend that keeps users' stores. */
  readonly durable: string;
  /**
   * Creates a user's store in the durable backend, permanently and for all processes, and returns true. With `replace`
   * a user's store of that name gets this definition instead, and false is returned: later values and locks follow it,
   * in other processes within DEFINITION_SECONDS. Else STORE_ALREADY_CONFIGURED when the name is taken. BAD_INPUT for
   * an invalid name or time.
   */
  create(name: string, definition?: StoreDefinition, options?: { replace?: boolean }): Promise<boolean>;
  /**
   * Deletes a user's store with its values and locks. Other processes follow within DEFINITION_SECONDS. Of many values
   * the rest is freed later, by `sweep`. False: there was no such store. STORE_DOES_NOT_EXIST for an internal one.
   */
  delete(name: string): Promise<boolean>;
  /**
   * A user's store, whichever process created it. STORE_DOES_NOT_EXIST, also for internal stores: nobody may read their
   * values.
   */
  open(name: string): Promise<KeyValueStore>;

  /**
   * All users' stores, and the internal stores that this process has configured or that have entries in the durable
   * backend. Ascending by name; marker = name.
   */
  keyValueStores(page: PageRequest): Promise<Page<StoreSummary>>;
  /** Those of these stores that exist, in the order given, with at most three statements for all. */
  getMany(names: readonly string[]): Promise<StoreSummary[]>;
  /**
   * The keys of a store, as its backend stores them: digests if the store has the default mangler. Ascending; marker =
   * key. STORE_DOES_NOT_EXIST.
   */
  keys(name: string, page: PageRequest): Promise<Page<StoredKey>>;
  /**
   * Live locks of all stores, or of one. Ascending by region and key; the marker is opaque. STORE_DOES_NOT_EXIST,
   * BAD_INPUT for a text that is no marker.
   */
  locks(params: { store?: string; page: PageRequest }): Promise<Page<StoredLock>>;
  /**
   * Live entries of each store, in the order given: exact up to COUNT_LIMIT; above it, `value` is COUNT_LIMIT and
   * `exact` is false. A store that does not exist, or whose backend fails, is an error of its own. Like the two lists
   * of many stores below: one statement, or one pipeline, for each backend.
   */
  countMany(names: readonly string[]): Promise<BatchResult<{ value: number; exact: boolean }>[]>;
  /** `keys` of each store. */
  keysOfMany(names: readonly string[], page: PageRequest): Promise<BatchResult<Page<StoredKey>>[]>;
  /** `locks` of each store. */
  locksOfMany(names: readonly string[], page: PageRequest): Promise<BatchResult<Page<StoredLock>>[]>;
  /** Frees expired entries and locks in all backends. Returns how many. Part of garbage collection. */
  sweep(): Promise<number>;
}

/** `durable` is the short name of the backend that keeps users' stores. Default: postgres. */
export function createKeyValueStores(params: { backends: Backends; durable?: string; clock?: Clock }): KeyValueStores {
  return new Registry(params.backends, params.durable ?? "postgres", params.clock ?? { offsetMs: 0 });
}

interface Registered {
  store: KeyValueStore;
  region: Region;
  internal: boolean;
  /** Of a user's store: what it was opened with, and when that was read. */
  definition?: StoreDefinition;
  readAt?: number;
}

class Registry implements KeyValueStores {
  readonly #backends: Backends;
  readonly durable: string;
  readonly #clock: Clock;
  readonly #stores = new Map<string, Registered>();

  constructor(backends: Backends, durableName: string, clock: Clock) {
    this.#backends = backends;
    this.durable = durableName;
    this.#clock = clock;
  }

  get<V>(name: string, region?: Region): KeyValueStore<V> {
    const registered = this.#stores.get(name) ?? this.#register(name, region ?? this.region(name), true);
    return registered.store as KeyValueStore<V>;
  }

  region(name: string): Region {
    return new Region(name, this.#backends);
  }

  async create(
    name: string,
    definition: StoreDefinition = {},
    { replace = false }: { replace?: boolean } = {},
  ): Promise<boolean> {
    checkUserStoreName(name);
    const { lockTimeoutSeconds, expirationSeconds } = definition;
    const definitions = this.#definitions();
    // Refuses invalid times before anything is written.
    this.region(name).configure(this.#userOptions(definition));
    await using lock = await definitions.getLock(name).acquire();
    const defined = await this.#defined(name);
    if (defined === undefined) await this.#freeDeleted(name, lock);
    const isUsed = async () => this.#stores.get(name)?.internal === true || (await this.#isFilled(name));
    if (defined === undefined ? await isUsed() : !replace) {
      throw new DomainError("STORE_ALREADY_CONFIGURED", `There is a store ${name} already. Use another name.`, {
        details: { store: name },
      });
    }
    if (defined === undefined || !isSameDefinition(defined, definition)) {
      await definitions.set(name, { lockTimeoutSeconds, expirationSeconds }, { lock });
    }
    this.#stores.delete(name);
    return defined === undefined;
  }

  async delete(name: string): Promise<boolean> {
    const [found] = await this.#findMany([name]);
    if (found?.internal) throw storeIsInternal(name);
    const definitions = this.#definitions();
    await using lock = await definitions.getLock(name).acquire();
    if ((await this.#defined(name)) === undefined) return false;
    const deleted = this.#deleted();
    await deleted.mark(name);
    await definitions.delete(name, { lock });
    this.#stores.delete(name);
    await deleted.free(name, lock);
    return true;
  }

  async open(name: string): Promise<KeyValueStore> {
    const known = this.#stores.get(name);
    if (known?.internal === true) throw storeIsInternal(name);
    const now = monotonicNow(this.#clock);
    if (known?.readAt !== undefined && now - known.readAt < DEFINITION_SECONDS * 1000) return known.store;
    const definition = await this.#defined(name);
    if (definition === undefined) throw storeDoesNotExist(name);
    // Another call may have opened it meanwhile.
    const latest = this.#stores.get(name);
    const usable =
      latest?.definition !== undefined && isSameDefinition(latest.definition, definition) ? latest : undefined;
    const opened = usable ?? this.#register(name, this.region(name), false);
    if (!opened.store.isConfigured) opened.store.configure(this.#userOptions(definition));
    Object.assign(opened, { definition, readAt: now });
    return opened.store;
  }

  async keyValueStores(page: PageRequest): Promise<Page<StoreSummary>> {
    const range = { ...page, limit: page.limit + 1 };
    const names = new Set<string>();
    const durable = this.#backends[this.durable];
    if (durable !== undefined) {
      for (const { key } of (await durable.keys([DEFINITIONS], range)).flat()) names.add(key);
      for (const name of await durable.regions(range)) names.add(name);
    }
    // Another process may have deleted a user's store that this one has opened.
    for (const [name, { region, internal }] of this.#stores) {
      if (internal && region.isConfigured && isInRange(name, page)) names.add(name);
    }
    const found = cutPage([...names].sort(byCodePoint), page, (name) => name);
    // A store that was listed because of an entry that has expired meanwhile does not exist any more.
    const items = await this.getMany(found.items);
    return { ...found, items, markers: items.map(({ name }) => name) };
  }

  async getMany(names: readonly string[]): Promise<StoreSummary[]> {
    const stores = await this.#findMany(names);
    return names.flatMap((name, index): StoreSummary[] => {
      const store = stores[index];
      return store === undefined ? [] : [summaryOf(name, store)];
    });
  }

  async keys(name: string, page: PageRequest): Promise<Page<StoredKey>> {
    return only(await this.keysOfMany([name], page));
  }

  async locks({ store, page }: { store?: string; page: PageRequest }): Promise<Page<StoredLock>> {
    if (store !== undefined) return only(await this.locksOfMany([store], page));
    const range = lockRange(page);
    const found = (await Promise.all(Object.values(this.#backends).map((backend) => backend.locks(range)))).flat();
    found.sort((a, b) => byCodePoint(a.region, b.region) || byCodePoint(a.key, b.key));
    return cutPage(found, page, lockMarker);
  }

  countMany(names: readonly string[]): Promise<BatchResult<{ value: number; exact: boolean }>[]> {
    return this.#ofEach(names, (backend, regions) => backend.counts(regions));
  }

  keysOfMany(names: readonly string[], page: PageRequest): Promise<BatchResult<Page<StoredKey>>[]> {
    const range = { ...page, limit: page.limit + 1 };
    return this.#ofEach(names, async (backend, regions) =>
      (await backend.keys(regions, range)).map((found) => cutPage(found, page, ({ key }) => key)),
    );
  }

  async locksOfMany(names: readonly string[], page: PageRequest): Promise<BatchResult<Page<StoredLock>>[]> {
    const range = lockRange(page);
    return this.#ofEach(names, async (backend, regions) =>
      (await backend.locksOf(regions, range)).map((found) => cutPage(found, page, lockMarker)),
    );
  }

  async sweep(): Promise<number> {
    const freed = await Promise.all(Object.values(this.#backends).map((backend) => backend.sweep()));
    const left = this.#backends[this.durable] === undefined ? 0 : await this.#deleted().sweep(DELETED);
    return freed.reduce((sum, count) => sum + count, left);
  }

  #register(name: string, region: Region, internal: boolean): Registered {
    const registered = { store: new KeyValueStore(region, this.#clock), region, internal };
    this.#stores.set(name, registered);
    return registered;
  }

  #durable(): Backend {
    const backend = this.#backends[this.durable];
    if (backend === undefined) {
      throw new DomainError("NOT_SUPPORTED", "Without a durable backing store, users cannot create stores.");
    }
    return backend;
  }

  #definitions(): KeyValueStore<StoreDefinition> {
    return this.#own<StoreDefinition>(DEFINITIONS);
  }

  #deleted(): DeletedStores {
    return new DeletedStores({
      backend: this.#durable(),
      marks: this.#own<DeletionMark>(DELETED),
      definitions: this.#definitions(),
      clock: this.#clock,
    });
  }

  /** An internal store in the durable backend. */
  #own<V>(name: string): KeyValueStore<V> {
    this.#durable();
    const store = this.get<V>(name);
    if (!store.isConfigured) store.configure({ backingStore: this.durable, keyMangler: false });
    return store;
  }

  /** Frees all that a deleted store of that name left, so that a new one begins empty. */
  async #freeDeleted(name: string, lock: Lock): Promise<void> {
    const deleted = this.#deleted();
    if (!(await deleted.among([name])).has(name)) return;
    const { done } = await deleted.free(name, lock, Number.POSITIVE_INFINITY);
    if (!done) {
      throw new DomainError("LOCK_TIMEOUT", `A deleted store ${name} is still being emptied. Try again.`, {
        details: { store: name },
      });
    }
    await deleted.unmark(name);
  }

  async #defined(name: string): Promise<StoreDefinition | undefined> {
    if (this.#backends[this.durable] === undefined) return undefined;
    try {
      return await this.#definitions().get(name);
    } catch (error) {
      if (hasCode(error, "KEY_DOES_NOT_EXIST")) return undefined;
      throw error;
    }
  }

  /** Keys are stored as they are, so that users can read the list of keys. */
  #userOptions(definition: StoreDefinition): RegionOptions {
    return {
      ...definition,
      backingStore: this.durable,
      keyMangler: false,
      lockWaitSeconds: USER_LOCK_WAIT_SECONDS,
    };
  }

  async #isFilled(name: string): Promise<boolean> {
    const [count] = await this.#durable().counts([name]);
    return count !== undefined && count.value > 0;
  }

  /**
   * Finds where stores' entries are: first among this process's internal stores, then in the durable backend, with at
   * most three questions for all. Undefined for a store that does not exist.
   */
  async #findMany(names: readonly string[]): Promise<(FoundStore | undefined)[]> {
    const found = new Map<string, FoundStore>();
    for (const name of names) {
      const known = this.#stores.get(name);
      if (!known?.internal || !known.region.isConfigured) continue;
      const { backingStore } = known.region.settings;
      const backend = this.#backends[backingStore] as Backend;
      found.set(name, { backend, region: known.region.name, backingStore, internal: true, ...NO_TIMES });
    }
    const [backend, backingStore] = [this.#backends[this.durable], this.durable];
    const unknown = [...new Set(names)].filter((name) => !found.has(name));
    if (backend !== undefined && unknown.length > 0) {
      const definitions = await this.#definitions().getMulti(unknown);
      const undefinedOnes = unknown.filter((name, index) => {
        const definition = definitions[index];
        if (definition === undefined) return true;
        const { lockTimeoutSeconds = DEFAULT_LOCK_TIMEOUT_SECONDS, expirationSeconds = null } = definition;
        const times = { lockTimeoutSeconds, expirationSeconds };
        found.set(name, { backend, region: name, backingStore, internal: false, ...times });
        return false;
      });
      const counts = undefinedOnes.length === 0 ? [] : await backend.counts(undefinedOnes);
      const filled = undefinedOnes.filter((_, index) => counts[index]?.value);
      const deleted = await this.#deleted().among(filled);
      filled.forEach((name) => {
        if (!deleted.has(name)) found.set(name, { backend, region: name, backingStore, internal: true, ...NO_TIMES });
      });
    }
    return names.map((name) => found.get(name));
  }

  /** Asks each backend once for all its stores among these. */
  async #ofEach<T>(
    names: readonly string[],
    ask: (backend: Backend, regions: readonly string[]) => Promise<T[]>,
  ): Promise<BatchResult<T>[]> {
    const stores = await this.#findMany(names);
    const results = names.map((name): BatchResult<T> => storeDoesNotExist(name));
    const indexes = names.map((_, index) => index).filter((index) => stores[index] !== undefined);
    await Promise.all(
      [...Map.groupBy(indexes, (index) => stores[index]?.backend as Backend)].map(async ([backend, group]) => {
        const given = await resultOf(
          ask(
            backend,
            group.map((index) => stores[index]?.region as string),
          ),
        );
        group.forEach((index, position) => {
          results[index] = given instanceof DomainError ? given : (given[position] as T);
        });
      }),
    );
    return results;
  }
}

interface FoundStore extends Omit<StoreSummary, "name"> {
  backend: Backend;
  region: string;
}

const NO_TIMES = { lockTimeoutSeconds: null, expirationSeconds: null };

function summaryOf(name: string, store: FoundStore): StoreSummary {
  const { backingStore, internal, lockTimeoutSeconds, expirationSeconds } = store;
  return { name, backingStore, internal, lockTimeoutSeconds, expirationSeconds };
}

function storeDoesNotExist(name: string): DomainError {
  return new DomainError("STORE_DOES_NOT_EXIST", `There is no store ${name}. Create it first.`, {
    details: { store: name },
  });
}

function storeIsInternal(name: string): DomainError {
  return new DomainError(
    "STORE_DOES_NOT_EXIST",
    `The store ${name} is internal: only Isimud itself may use its values and locks.`,
    { details: { store: name } },
  );
}

/** The result of a batch of one. */
function only<T>([result]: readonly BatchResult<T>[]): T {
  if (result === undefined || result instanceof DomainError) throw result;
  return result;
}
