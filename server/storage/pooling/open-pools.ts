/** The pools' drivers: opened at the first use, and closed when the pool's URI changes or the pool is deleted. */
import { DomainError, hasCode, isUnavailable } from "../../errors.ts";
import type { Pool, PoolsController } from "../control-driver.ts";
import { type ArrivalListener, type DataDriver, DEFAULT_POOL } from "../data-driver.ts";
import type { DriverRegistry } from "../driver-registry.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";

/** How long a pool's URI, or the failure to open it, is used before the record is read again. */
const REMEMBER_MS = 1000;
/** How long a pool counts as failing after a failure. If no call tries it meanwhile, it may have recovered. */
const AWAY_MS = 60_000;
/** Time between two attempts to record which store a pool is. */
const NOTE_EVERY_MS = 10_000;

interface OpenPool {
  readonly uri: string;
  readonly driver: Promise<DataDriver>;
  /** Null until it is open. */
  opened: DataDriver | null;
  failed: boolean;
  checkedAt: number;
  /** When the store's identity was last recorded, or tried to be. */
  notedAt: number;
  /** The driver's `lostAt` that was last recorded. */
  lostAt: Date | undefined;
  /** The other pool that is the same store, if that was reported. */
  double: string | null;
}

export class OpenPools {
  readonly #pools: Pick<PoolsController, "get" | "getMany" | "note">;
  readonly #registry: DriverRegistry;
  readonly #defaultDriver: DataDriver;
  readonly #now: () => number;
  readonly #onError: (error: unknown) => void;
  readonly #open = new Map<string, OpenPool>();
  readonly #checking = new Map<string, Promise<DataDriver>>();
  readonly #breakers = new Map<string, CircuitBreaker>();
  /** When each pool last failed, until a call succeeds. */
  readonly #awayAt = new Map<string, number>();
  /** Pools that are to be looked up in this turn, and their records. */
  #asking: { names: Set<string>; records: Promise<Map<string, Pool>> } | null = null;
  readonly #closing = new Set<Promise<void>>();
  readonly #noting = new Set<Promise<void>>();
  readonly #watchers = new Set<ArrivalListener>();
  /** How to stop watching each open pool; empty while nobody watches. */
  readonly #watched = new Map<DataDriver, () => void>();
  #closed = false;

  constructor(params: {
    pools: Pick<PoolsController, "get" | "getMany" | "note">;
    registry: DriverRegistry;
    defaultDriver: DataDriver;
    now: () => number;
    onError: (error: unknown) => void;
  }) {
    this.#pools = params.pools;
    this.#registry = params.registry;
    this.#defaultDriver = params.defaultDriver;
    this.#now = params.now;
    this.#onError = params.onError;
  }

  /** The pool's driver, if it is open and its record was read within the last second. */
  peek(name: string): DataDriver | undefined {
    if (name === DEFAULT_POOL) return this.#defaultDriver;
    const pool = this.#open.get(name);
    if (pool === undefined || pool.opened === null || this.#now() - pool.checkedAt >= REMEMBER_MS) return undefined;
    return pool.opened;
  }

  /** The pool's driver if it is open, however old its record is. Only for questions about a call, not for the call. */
  opened(name: string): DataDriver | undefined {
    return name === DEFAULT_POOL ? this.#defaultDriver : (this.#open.get(name)?.opened ?? undefined);
  }

  /** POOL_DOES_NOT_EXIST, STORAGE_UNAVAILABLE. Callers at the same time share one look-up and one opening. */
  get(name: string): Promise<DataDriver> {
    const driver = this.peek(name);
    if (driver !== undefined) return Promise.resolve(driver);
    const running = this.#checking.get(name);
    if (running !== undefined) return running;
    const started = this.#check(name).finally(() => {
      if (this.#checking.get(name) === started) this.#checking.delete(name);
    });
    this.#checking.set(name, started);
    return started;
  }

  /** A pool whose URI changes, or that is created again, gets a new breaker. */
  breakerOf(name: string): CircuitBreaker {
    let breaker = this.#breakers.get(name);
    if (breaker === undefined) {
      breaker = new CircuitBreaker(name, this.#now);
      this.#breakers.set(name, breaker);
    }
    return breaker;
  }

  /** Records the outcome of a call that did not pass through the breaker. */
  noteReachable(name: string, reachable: boolean): void {
    if (reachable) this.#awayAt.delete(name);
    else this.#awayAt.set(name, this.#now());
  }

  /** True when the pool or a part of it was seen failing within the last minute. Never probes. */
  isAway(name: string): boolean {
    const awayAt = this.#awayAt.get(name);
    if (awayAt !== undefined && this.#now() - awayAt <= AWAY_MS) return true;
    return this.#breakers.get(name)?.isAway() ?? false;
  }

  /** Watches the pools that are open, and those that open later. */
  watchArrivals(listener: ArrivalListener): () => void {
    this.#watchers.add(listener);
    this.#watch(this.#defaultDriver);
    for (const pool of this.#open.values()) this.#watch(pool.opened);
    return () => {
      this.#watchers.delete(listener);
      if (this.#watchers.size > 0) return;
      for (const driver of this.#watched.keys()) this.#unwatch(driver);
    };
  }

  #watch(driver: DataDriver | null): void {
    if (driver === null || this.#watchers.size === 0 || this.#watched.has(driver)) return;
    const stop = driver.watchArrivals((queue, count) => {
      for (const watcher of this.#watchers) watcher(queue, count);
    });
    this.#watched.set(driver, stop);
  }

  #unwatch(driver: DataDriver): void {
    this.#watched.get(driver)?.();
    this.#watched.delete(driver);
  }

  /**
   * Closes the pool's driver once its calls in flight have ended. One that is still opening is closed later, without
   * waiting for it here. The built-in pool stays open.
   */
  async forget(name: string): Promise<void> {
    this.#checking.delete(name);
    this.#awayAt.delete(name);
    const pool = this.#open.get(name);
    if (pool === undefined) return;
    const closing = this.#retire(name, pool);
    if (pool.opened !== null) await closing;
  }

  /** Closes all drivers, that of the built-in pool too. May be called twice. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const name of this.#open.keys()) void this.forget(name);
    await Promise.all([...this.#closing, ...this.#noting, this.#defaultDriver.close()]);
  }

  async #check(name: string): Promise<DataDriver> {
    const known = this.#open.get(name);
    // Callers do not try again to open a pool that has just failed: they would all wait for its time-out.
    if (known?.failed && this.#now() - known.checkedAt < REMEMBER_MS) return known.driver;
    const registered = await this.#lookUp(name, known);
    const current = this.#open.get(name);
    if (current !== undefined && current.uri === registered.uri && !current.failed) {
      current.checkedAt = this.#now();
      this.#note(name, current, registered.identity);
      return current.driver;
    }
    if (current !== undefined) void this.#retire(name, current);
    return this.#start(name, registered);
  }

  async #lookUp(name: string, known: OpenPool | undefined): Promise<Pick<Pool, "uri" | "identity">> {
    try {
      return await this.#record(name);
    } catch (error) {
      if (hasCode(error, "POOL_DOES_NOT_EXIST")) {
        if (known !== undefined) void this.#retire(name, known);
        throw error;
      }
      // Without the control database, the known URI is the best guess. Writes check the queue's epoch there.
      if (known?.opened) return { uri: known.uri, identity: known.opened.identity };
      throw isUnavailable(error) ? isNotKnown(name, error) : error;
    }
  }

  /**
   * The pools that are asked for in one turn of the event loop are looked up with one statement. POOL_DOES_NOT_EXIST.
   */
  async #record(name: string): Promise<Pool> {
    if (this.#asking === null) {
      const names = new Set<string>();
      this.#asking = { names, records: Promise.resolve().then(() => this.#records(names)) };
    }
    this.#asking.names.add(name);
    return (await this.#asking.records).get(name) ?? (await this.#pools.get(name));
  }

  /** Empty for a single pool, and when one of the records cannot be read: then each is looked up by itself. */
  async #records(names: ReadonlySet<string>): Promise<Map<string, Pool>> {
    this.#asking = null;
    if (names.size === 1) return new Map();
    const found = await this.#pools.getMany([...names]).catch(() => []);
    return new Map(found.map((pool) => [pool.name, pool]));
  }

  /**
   * Records the store's identity when it is unknown or has changed, and that the store lost what it held. A pool that
   * is the same store as another one is reported, and goes on: each queue is in one of them, so they do not disturb
   * each other. But no queue can move between them.
   */
  #note(name: string, pool: OpenPool, registered: string | null): void {
    const { uri, opened } = pool;
    if (opened === null) return;
    const { identity, lostAt } = opened;
    const lost = lostAt !== pool.lostAt;
    const known = identity === registered && !lost && pool.double === null;
    if (known || this.#now() - pool.notedAt < NOTE_EVERY_MS) return;
    pool.notedAt = this.#now();
    const noting = this.#pools
      .note({ name, uri, identity, lost })
      .then((holder) => {
        if (holder !== null && holder !== pool.double) this.#onError(isDouble(name, holder));
        if (holder === null && registered !== null && registered !== identity) this.#onError(isAnother(name));
        pool.double = holder;
        pool.lostAt = lostAt;
      })
      .catch(this.#onError)
      .finally(() => this.#noting.delete(noting));
    this.#noting.add(noting);
  }

  #start(name: string, { uri, identity }: Pick<Pool, "uri" | "identity">): Promise<DataDriver> {
    if (this.#closed) throw new DomainError("SHUTTING_DOWN", "The server is stopping.");
    const driver = this.#registry.open(uri, name).catch((error: unknown) => {
      if (isUnavailable(error)) throw error;
      throw new DomainError("STORAGE_UNAVAILABLE", `The pool ${JSON.stringify(name)} cannot be opened.`, {
        details: { pool: name },
        cause: error,
      });
    });
    const pool: OpenPool = {
      uri,
      driver,
      opened: null,
      failed: false,
      checkedAt: this.#now(),
      notedAt: Number.NEGATIVE_INFINITY,
      lostAt: undefined,
      double: null,
    };
    this.#open.set(name, pool);
    driver.then(
      (opened) => {
        pool.opened = opened;
        pool.checkedAt = this.#now();
        this.noteReachable(name, true);
        if (this.#open.get(name) !== pool) return;
        this.#watch(opened);
        this.#note(name, pool, identity);
      },
      () => {
        pool.failed = true;
        this.noteReachable(name, false);
        pool.checkedAt = this.#now();
      },
    );
    return driver;
  }

  async #retire(name: string, pool: OpenPool): Promise<void> {
    if (this.#open.get(name) === pool) {
      this.#open.delete(name);
      this.#breakers.delete(name);
    }
    if (pool.opened !== null) this.#unwatch(pool.opened);
    const closing = pool.driver
      .then(
        (driver) => driver.close(),
        // It never opened: the callers that wanted it have got the error.
        () => undefined,
      )
      .catch(this.#onError)
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
    await closing;
  }
}

/** The control database failed, not the pool. */
function isNotKnown(pool: string, error: DomainError): DomainError {
  return new DomainError(
    error.code,
    `Where the pool ${JSON.stringify(pool)} is could not be looked up in the control database: ${error.message}`,
    { details: { ...error.details, pool }, cause: error.cause },
  );
}

function isDouble(pool: string, holder: string): Error {
  return new Error(
    `The pools ${JSON.stringify(holder)} and ${JSON.stringify(pool)} are the same server and namespace, or one is a copy of the other. Give ${JSON.stringify(pool)} no new queues, move those that it has to a third pool, and delete it.`,
  );
}

function isAnother(pool: string): Error {
  return new Error(
    `The pool ${JSON.stringify(pool)} is another storage than when it was last opened, though its URI says the same place. What its queues held there is not in this one.`,
  );
}
