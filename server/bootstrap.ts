/** Puts the parts together. The only file that knows concrete classes. */
import { performance } from "node:perf_hooks";
import type { Logger } from "pino";
import { migrate } from "../prisma/migrate.ts";
import type { Config } from "./config.ts";
import { DomainError } from "./errors.ts";
import type { HealthHistory } from "./history/history.ts";
import type { Turn } from "./history/sampler.ts";
import { createHealthHistory } from "./history/store.ts";
import type { JobStore } from "./jobs/job.ts";
import { createJobStore } from "./jobs/store.ts";
import type { KeyValueStore } from "./kvs/key-value-store.ts";
import { createMemoryBackend } from "./kvs/memory.ts";
import { createPostgresBackend } from "./kvs/postgres.ts";
import { createRedisBackend } from "./kvs/redis.ts";
import { createKeyValueStores, type KeyValueStores } from "./kvs/stores.ts";
import { countMessages, createMetrics, type Metrics } from "./metrics.ts";
import { createOperations } from "./operations/create-operations.ts";
import type { Operations } from "./operations/operations.ts";
import { createSecretBox } from "./secret-box.ts";
import type { ControlDriver } from "./storage/control-driver.ts";
import { DEFAULT_POOL, type PooledDataDriver } from "./storage/data-driver.ts";
import { createDriverRegistry } from "./storage/driver-registry.ts";
import { createPoolingDriver } from "./storage/pooling/driver.ts";
import type { QueueLocation } from "./storage/pooling/pool-catalog.ts";
import { createPostgresControlDriver } from "./storage/postgres/control/control-driver.ts";
import { openPostgresDataDriver } from "./storage/postgres/data-driver.ts";
import { parsePostgresUri } from "./storage/postgres/sql/address.ts";
import { openConnections } from "./storage/postgres/sql/connection.ts";
import { inspectPostgresStore } from "./storage/postgres/store-inspection.ts";
import { Timeline } from "./storage/postgres/timeline.ts";
import { inspectRedisStore, openRedisDataDriver } from "./storage/redis/data-driver.ts";
import { parseRedisUri } from "./storage/redis/server/address.ts";

export interface Engine {
  readonly config: Config;
  readonly control: ControlDriver;
  readonly data: PooledDataDriver;
  readonly stores: KeyValueStores;
  readonly jobs: JobStore;
  readonly history: HealthHistory;
  /** Which process takes the next samples. */
  readonly turns: KeyValueStore<Turn>;
  readonly operations: Operations;
  readonly metrics: Metrics;
  /** Waits for calls in flight, then closes all connections. Twice is once. */
  close(): Promise<void>;
}

/**
 * Brings the control database up to date and opens everything on it. `config` must have DATABASE_URL and SECRET_KEY.
 * What it opened before it failed, it closes. `clock` moves the databases' clocks forward, for tests.
 */
export async function openEngine(
  config: Config,
  options: { log: Logger; clock?: { offsetMs: number } },
): Promise<Engine> {
  const { log, clock = { offsetMs: 0 } } = options;
  const { DATABASE_URL: url, SECRET_KEY: secretKey } = config;
  if (url === undefined || secretKey === undefined) throw new Error("The engine needs DATABASE_URL and SECRET_KEY.");
  let closing: Promise<void> | undefined;
  const warn = (message: string, error: unknown) => {
    // Connections that end may still say so after the pool has let them go.
    if (!closing) log.warn({ err: error }, message);
  };

  // Connects at its first use.
  const onRedisError = (error: unknown) => warn("The key-value store's connection to Redis broke", error);
  const redis =
    config.REDIS_URL === undefined ? null : createRedisBackend({ uri: config.REDIS_URL, clock, onError: onRedisError });

  const applied = await migrate({ url, only: "all" });
  if (applied.length > 0) log.info({ migrations: applied }, "The database's tables are up to date");

  const onPoolError = (pool: string | null) => (error: unknown) =>
    warn(pool === null ? "A pool that is looked at had an error" : `The pool ${pool} had an error`, error);
  const openPostgresPool = (uri: string, pool: string | null) =>
    openPostgresDataDriver({
      uri,
      connections: config.DATABASE_CONNECTIONS,
      clock,
      undoSeconds: config.UNDO_SECONDS,
      onError: onPoolError(pool),
    });
  // The built-in pool is this same store, and tells of what happened to it.
  const timeline = new Timeline(() => undefined);
  const connections = openConnections({
    url,
    onConnect: (client) => timeline.check(client),
    connections: config.DATABASE_CONNECTIONS,
    applicationName: "isimud control",
    onError: (error) => warn("An idle connection to the control database broke", error),
  });
  const defaultDriver = await openPostgresPool(url, DEFAULT_POOL).catch(async (error: unknown) => {
    await connections.end();
    throw error;
  });

  const control = createPostgresControlDriver({
    connections,
    schema: parsePostgresUri(url).schema,
    secrets: createSecretBox(secretKey),
    defaultPoolUri: url,
  });
  await requireSecretKey(control).catch(async (error: unknown) => {
    await Promise.all([defaultDriver.close(), control.close()]);
    await connections.end();
    throw error;
  });
  const stores = createKeyValueStores({
    backends: {
      memory: createMemoryBackend({ clock }),
      postgres: createPostgresBackend({ connections, clock }),
      ...(redis === null ? {} : { redis }),
    },
    clock,
  });
  const metrics = createMetrics({
    connections: () => ({
      total: connections.totalCount,
      idle: connections.idleCount,
      waiting: connections.waitingCount,
    }),
  });
  const registry = createDriverRegistry();
  registry.register(["postgres", "postgresql"], {
    check: parsePostgresUri,
    async inspect(uri) {
      await migrate({ url: uri, only: "pool", rehearsal: true });
      return inspectPostgresStore(uri);
    },
    async open(uri, pool) {
      await migrate({ url: uri, only: "pool" });
      return openPostgresPool(uri, pool);
    },
  });
  registry.register(["redis", "rediss", "valkey", "valkeys"], {
    check: parseRedisUri,
    inspect: (uri) => inspectRedisStore(uri, onPoolError(null)),
    open: (uri, pool) =>
      openRedisDataDriver({ uri, clock, undoSeconds: config.UNDO_SECONDS, onError: onPoolError(pool) }),
  });
  // The drivers' cache is this process's own and read on every call: no locks, no digests of keys.
  const places = stores.get<QueueLocation>("isimud.places");
  places.configure({
    backingStore: "memory",
    keyMangler: false,
    locking: false,
    expirationSeconds: 1,
    maximumEntries: 50_000,
  });
  const data = countMessages(
    createPoolingDriver({
      control,
      cache: places,
      registry,
      defaultDriver,
      onError: (error) => warn("A pool failed", error),
    }),
    metrics.messages,
  );
  const jobs = createJobStore({ connections });
  const everySeconds = config.HEALTH_INTERVAL;
  const history = createHealthHistory({ connections, clock, everySeconds });
  const turns = stores.get<Turn>("isimud.turns");
  turns.configure({
    backingStore: "postgres",
    keyMangler: false,
    ...(everySeconds === 0 ? {} : { expirationSeconds: everySeconds }),
  });
  const operations = createOperations({
    control,
    data,
    stores,
    jobs,
    history,
    limits: config,
    now: () => performance.now(),
    warn,
    info: (message) => log.info(message),
  });

  const close = async () => {
    await data.close();
    await control.close();
    await redis?.close();
    await connections.end();
  };
  return {
    config,
    control,
    data,
    stores,
    jobs,
    history,
    turns,
    operations,
    metrics,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

/** A wrong key would show only at the first look at a pool, as an error that no client can mend. A single damaged secret does not stop the start: it is entered again. */
async function requireSecretKey(control: ControlDriver): Promise<void> {
  try {
    await control.pools.list({ page: { limit: 1 } });
  } catch (error) {
    if (error instanceof DomainError && "sealedWith" in error.details) throw error;
  }
}
