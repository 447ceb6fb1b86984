/** A pool of connections that works with fewer while the server refuses more. */
import pg from "pg";

/** SQLSTATE too_many_connections: of the server, the database or the role. */
export const TOO_MANY_CONNECTIONS = "53300";
/** A pool that was refused a connection opens no more for so long. */
const GROW_AFTER_MS = 2000;
/** Between two attempts of a pool that has no connection. */
const TRY_EVERY_MS = 250;

type Connected = (
  error: Error | undefined,
  client: pg.PoolClient | undefined,
  release: (error?: Error | boolean) => void,
) => void;

interface Caller {
  readonly connected: Connected;
  /** As performance.now() counts. */
  readonly until: number;
  /** Runs from the first refusal on. */
  timer?: NodeJS.Timeout;
  isLate?: boolean;
}

/** All of this process: pools of one server share its connections. */
const openPools = new Set<ConnectionPool>();

/**
 * When the server refuses one more connection, the pool keeps to those that it has, and callers wait for them as long
 * as they would wait for any. After GROW_AFTER_MS it tries to grow again, by one connection at a time.
 *
 * Hazard: the pools of a process share the server's connections, and a busy pool would leave none to another. So a pool
 * keeps its last connection even when idle, and a pool that is refused its first gets one from the largest.
 */
export class ConnectionPool extends pg.Pool {
  readonly #most: number;
  readonly #patienceMs: number;
  readonly #server: string;
  /** Without those that are still connecting, for which `pg` emits "remove" too when they fail. */
  readonly #connected = new Set<pg.PoolClient>();
  #growsAt = 0;
  #givesUpOne = false;
  /** Callers of a pool that has no connection and was refused its first. One of them tries again, for all. */
  readonly #starving = new Set<Caller>();
  #lastRefusal: Error | undefined;
  #nextTry: NodeJS.Timeout | undefined;

  constructor(config: pg.PoolConfig & { max: number; connectionTimeoutMillis: number }) {
    super({ ...config, min: 1 });
    this.#most = config.max;
    this.#patienceMs = config.connectionTimeoutMillis;
    this.#server = `${config.host}:${config.port}`;
    this.on("connect", (client) => {
      this.#connected.add(client);
      this.#growsAt = 0;
      const starving = [...this.#starving];
      this.#starving.clear();
      for (const caller of starving) this.#connect(caller);
    });
    this.on("remove", (client) => {
      this.#connected.delete(client);
    });
    openPools.add(this);
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(connected: Connected): void;
  // biome-ignore lint/suspicious/noConfusingVoidType: pg's own signature
  override connect(connected?: Connected): Promise<pg.PoolClient> | void {
    const until = performance.now() + this.#patienceMs;
    if (connected !== undefined) return this.#connect({ connected, until });
    return new Promise((resolve, reject) => {
      const settle: Connected = (error, client) => (client === undefined ? reject(error) : resolve(client));
      this.#connect({ connected: settle, until });
    });
  }

  override end(): Promise<void>;
  override end(ended: () => void): void;
  override end(ended?: () => void): Promise<void> | void {
    openPools.delete(this);
    return ended === undefined ? super.end() : super.end(ended);
  }

  #connect(caller: Caller): void {
    if (this.#starving.size > 0) {
      this.#starve(caller);
      return;
    }
    this.#grow();
    super.connect((error, client, release) => {
      // Not `release`: `pg` gives none when the caller's time was up in its own queue.
      if (caller.isLate) return client?.release();
      if ((error as { code?: unknown } | undefined)?.code !== TOO_MANY_CONNECTIONS) {
        clearTimeout(caller.timer);
        return caller.connected(error, client, release);
      }
      this.#lastRefusal = error;
      this.#keepTo(this.#working());
      this.#limitWait(caller);
      if (this.#working() > 0) return this.#connect(caller);
      this.#starve(caller);
      this.#askForOne();
    });
  }

  #starve(caller: Caller): void {
    this.#starving.add(caller);
    this.#limitWait(caller);
    this.#nextTry ??= setTimeout(() => {
      this.#nextTry = undefined;
      const [first, ...rest] = this.#starving;
      this.#starving.clear();
      if (first === undefined) return;
      this.#connect(first);
      for (const one of rest) this.#starve(one);
    }, TRY_EVERY_MS);
  }

  #limitWait(caller: Caller): void {
    const giveUp = () => {
      caller.isLate = true;
      this.#starving.delete(caller);
      caller.connected(this.#lastRefusal, undefined, () => undefined);
    };
    caller.timer ??= setTimeout(giveUp, Math.max(0, caller.until - performance.now()));
  }

  /** While ended connections close, the count of connected ones is too high. */
  #working(): number {
    return Math.min(this.#connected.size, this.totalCount);
  }

  #grow(): void {
    const isFull = this.totalCount >= this.options.max && this.waitingCount >= this.idleCount;
    if (this.options.max >= this.#most || !isFull || performance.now() < this.#growsAt) return;
    this.options.max += 1;
    this.#growsAt = performance.now() + GROW_AFTER_MS;
  }

  #keepTo(connections: number): void {
    this.options.max = Math.max(1, connections);
    this.#growsAt = performance.now() + GROW_AFTER_MS;
  }

  #askForOne(): void {
    const others = [...openPools].filter((pool) => pool !== this && pool.#server === this.#server);
    const largest = others.reduce<ConnectionPool | null>(
      (found, pool) => (pool.#working() > (found === null ? 1 : found.#working()) ? pool : found),
      null,
    );
    if (largest !== null) largest.#giveUpOne();
  }

  /** Closes the next connection that is free. One at a time, however many pools ask. */
  #giveUpOne(): void {
    if (this.#givesUpOne) return;
    this.#givesUpOne = true;
    this.#keepTo(this.#working() - 1);
    super.connect((_error, client) => {
      this.#givesUpOne = false;
      client?.release(true);
    });
  }
}
