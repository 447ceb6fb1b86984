/** The pools' drivers: opened at their first use, kept while the pool stays where it is, and closed when it moves or goes. */
import { DomainError, hasCode } from "../../errors.ts";
import type { Pool, PoolsController } from "../control-driver.ts";
import { type ArrivalListener, type DataDriver, DEFAULT_POOL } from "../data-driver.ts";
import type { DriverRegistry } from "../driver-registry.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";

/** How long a pool's URI, or the failure to open it, counts before it is looked at again. */
const REMEMBER_MS = 1000;
/** How long it counts that a pool was found away: whoever tries it meanwhile says so again, and if nobody does, it may be back. */
const AWAY_MS = 60_000;
/** Between two tries to write down which store a pool is. */
const NOTE_EVERY_MS = 10_000;

interface OpenPool {
  readonly uri: string;
  readonly driver: Promise<DataDriver>;
  /** Null until it is open. */
  opened: DataDriver | null;
  failed: boolean;
  checkedAt: number;
  /** When it was last tried to write down which store it is. */
  notedAt: number;
  /** The driver's, as far as it is written down. */
  lostAt: Date | undefined;
  /** The pool that is this store already, as far as was told. */
  double: string | null;
}

export class OpenPools {
  readonly #pools: Pick<PoolsController, "get" | "note">;
  readonly #registry: DriverRegistry;
  readonly #defaultDriver: DataDriver;
  readonly #now: () => number;
  readonly #onError: (error: unknown) => void;
  readonly #open = new Map<string, OpenPool>();
  readonly #checking = new Map<string, Promise<DataDriver>>();
  readonly #breakers = new Map<string, CircuitBreaker>();
  /** When each was last found away, until it is found there. */
  readonly #awayAt = new Map<string, number>();
  readonly #closing = new Set<Promise<void>>();
  readonly #noting = new Set<Promise<void>>();
  readonly #watchers = new Set<ArrivalListener>();
  /** How to stop watching each open pool; empty while nobody watches. */
  readonly #watched = new Map<DataDriver, () => void>();
  #closed = false;

  constructor(params: {
    pools: Pick<PoolsController, "get" | "note">;
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

  /** The pool's driver if it is open and its URI was looked at within the second. */
  peek(name: string): DataDriver | undefined {
    if (name === DEFAULT_POOL) return this.#defaultDriver;
    const pool = this.#open.get(name);
    if (pool === undefined || pool.opened === null || this.#now() - pool.checkedAt >= REMEMBER_MS) return undefined;
    return pool.opened;
  }

  /** The pool's driver if it is open, whenever its URI was looked at: for what is asked about a call that goes another way. */
  opened(name: string): DataDriver | undefined {
    return name === DEFAULT_POOL ? this.#defaultDriver : (this.#open.get(name)?.opened ?? undefined);
  }

  /** POOL_DOES_NOT_EXIST, STORAGE_UNAVAILABLE. Those who ask at the same time share one look and one opening. */
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

  /** A pool that moves or is made anew begins with a new one. */
  breakerOf(name: string): CircuitBreaker {
    let breaker = this.#breakers.get(name);
    if (breaker === undefined) {
      breaker = new CircuitBreaker(name, this.#now);
      this.#breakers.set(name, breaker);
    }
    return breaker;
  }

  /** What a call says that went past the breaker. */
  noteReachable(name: string, reachable: boolean): void {
    if (reachable) this.#awayAt.delete(name);
    else this.#awayAt.set(name, this.#now());
  }

  /** Is it known to be away, it or a part of it? By what calls met lately; nothing is asked for it. */
  isAway(name: string): boolean {
    const awayAt = this.#awayAt.get(name);
    if (awayAt !== undefined && this.#now() - awayAt <= AWAY_MS) return true;
    return this.#breakers.get(name)?.isAway() ?? false;
  }

  /** Of the pools that are open, and of those that open later. */
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

  /** Closes it once its calls in flight have ended; one that is still opening is closed when it is open, without waiting. The built-in pool stays. */
  async forget(name: string): Promise<void> {
    this.#checking.delete(name);
    this.#awayAt.delete(name);
    const pool = this.#open.get(name);
    if (pool === undefined) return;
    const closing = this.#retire(name, pool);
    if (pool.opened !== null) await closing;
  }

  /** Closes all, the built-in pool too. Twice is once. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const name of this.#open.keys()) void this.forget(name);
    await Promise.all([...this.#closing, ...this.#noting, this.#defaultDriver.close()]);
  }

  async #check(name: string): Promise<DataDriver> {
    const known = this.#open.get(name);
    // A pool that just failed to open is not tried by each caller anew: they would all wait for its time-out.
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
      return await this.#pools.get(name);
    } catch (error) {
      if (hasCode(error, "POOL_DOES_NOT_EXIST")) {
        if (known !== undefined) void this.#retire(name, known);
        throw error;
      }
      // The control plane is out of reach; where the pool was a moment ago is the best guess, and writes check the epoch there.
      if (known?.opened) return { uri: known.uri, identity: known.opened.identity };
      throw error instanceof DomainError && error.kind === "unavailable" ? isNotKnown(name, error) : error;
    }
  }

  /**
   * Has it written down which store the pool is, where that is not known or no longer so: of a pool that was registered without a look, say. And that it lost
   * what it held. One that
   * turns out to be another pool's store is told of and goes on: each queue lives in one pool, so neither sees the other's, but none moves between the two.
   */
  #note(name: string, pool: OpenPool, registered: string | null): void {
    const { uri, opened } = pool;
    if (opened === null) return;
    const { identity, lostAt } = opened;
    const lost = lostAt !== pool.lostAt;
    if ((identity === registered && !lost) || this.#now() - pool.notedAt < NOTE_EVERY_MS) return;
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
      if (error instanceof DomainError && error.kind === "unavailable") throw error;
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
        // It never opened, which whoever asked for it has heard.
        () => undefined,
      )
      .catch(this.#onError)
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
    await closing;
  }
}

/** It is not the pool that failed. */
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
