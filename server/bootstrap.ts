/**
 * Creates the engine from its parts. The only file that knows concrete drivers and backends. What signs people in and
 * what speaks to Redis is loaded where it is used: their libraries are most of the modules of a start.
 */
import { performance } from "node:perf_hooks";
import type { Logger } from "pino";
import { migrate } from "../prisma/migrate.ts";
import type { Accounts } from "./access/accounts/accounts.ts";
import { AccessChanges } from "./access/changes.ts";
import { type Identification, openIdentification } from "./access/identification.ts";
import { createPresentAccess, type PresentAccess } from "./access/present-access.ts";
import type { Config } from "./config.ts";
import { DomainError } from "./errors.ts";
import { FailureLog } from "./failure-log.ts";
import type { ConsumerStore } from "./history/consumer.ts";
import { createConsumerStore } from "./history/consumer-store.ts";
import type { HealthHistory } from "./history/health-history.ts";
import { createHealthHistory } from "./history/health-store.ts";
import type { SampleStore } from "./history/sample-history.ts";
import { createSampleStore } from "./history/sample-store.ts";
import type { Turn } from "./history/sampler.ts";
import type { DryRunStore } from "./jobs/dry-run.ts";
import { createDryRunStore } from "./jobs/dry-run-store.ts";
import type { JobStore } from "./jobs/job.ts";
import { createJobStore } from "./jobs/store.ts";
import type { KeyValueStore } from "./kvs/key-value-store.ts";
import { createMemoryBackend } from "./kvs/memory.ts";
import { createPostgresBackend } from "./kvs/postgres.ts";
import type { createRedisBackend } from "./kvs/redis.ts";
import { createKeyValueStores, type KeyValueStores } from "./kvs/stores.ts";
import { countMessages, createMetrics, type Metrics } from "./metrics/process-metrics.ts";
import { createOperations } from "./operations/create-operations.ts";
import type { Operations } from "./operations/operations.ts";
import type { ProblemStore } from "./problems/problem.ts";
import { createProblemStore } from "./problems/store.ts";
import { createSecretBox } from "./secret-box.ts";
import type { ControlDriver } from "./storage/control-driver.ts";
import { DEFAULT_POOL } from "./storage/data-driver.ts";
import { createDriverRegistry } from "./storage/driver-registry.ts";
import type { PooledDataDriver } from "./storage/pooled-data-driver.ts";
import { createPoolingDriver } from "./storage/pooling/driver.ts";
import type { QueueLocation } from "./storage/pooling/pool-catalog.ts";
import { createPostgresControlDriver } from "./storage/postgres/control/control-driver.ts";
import { openPostgresDataDriver } from "./storage/postgres/data-driver.ts";
import { parsePostgresUri } from "./storage/postgres/sql/address.ts";
import { openConnection, openConnections } from "./storage/postgres/sql/connection.ts";
import { inspectPostgresStore } from "./storage/postgres/store-inspection.ts";
import { Timeline } from "./storage/postgres/timeline.ts";
import { parseRedisUri } from "./storage/redis/server/address.ts";

export interface Engine {
  readonly config: Config;
  readonly control: ControlDriver;
  readonly data: PooledDataDriver;
  readonly stores: KeyValueStores;
  readonly jobs: JobStore;
  readonly dryRuns: DryRunStore;
  readonly presentAccess: PresentAccess;
  readonly accounts: Accounts;
  /** What changes in the tables of rights. */
  readonly changes: AccessChanges;
  /** Null with AUTH=none. */
  readonly identification: Identification | null;
  readonly history: HealthHistory;
  readonly samples: SampleStore;
  readonly consumers: ConsumerStore;
  readonly problems: ProblemStore;
  /** Which process takes the next samples. */
  readonly turns: KeyValueStore<Turn>;
  readonly operations: Operations;
  readonly metrics: Metrics;
  /** Waits for calls in flight, then closes all connections. Idempotent. */
  close(): Promise<void>;
}

interface Clock {
  offsetMs: number;
}

/** What the parts of an engine are opened with. */
interface Opening {
  config: Config;
  url: string;
  clock: Clock;
  warn: (message: string, error: unknown) => void;
}

function noAccounts(config: Config, clock: Clock): Accounts {
  const now = () => new Date(Date.now() + clock.offsetMs);
  return { config, now, sessions: null, signIn: null, close: async () => undefined };
}

/**
 * Applies the missing migrations to the control database and opens everything on it. `config` must have DATABASE_URL
 * and SECRET_KEY. If it fails, it closes what it opened. `clock` moves the databases' clocks forward, for tests.
 */
export async function openEngine(config: Config, options: { log: Logger; clock?: Clock }): Promise<Engine> {
  const { log, clock = { offsetMs: 0 } } = options;
  const { DATABASE_URL: url, SECRET_KEY: secretKey } = config;
  if (url === undefined || secretKey === undefined) throw new Error("The engine needs DATABASE_URL and SECRET_KEY.");
  let closing: Promise<void> | undefined;
  const warn = (message: string, error: unknown) => {
    // A connection may report its end after its pool was closed.
    if (!closing) log.warn({ err: error }, message);
  };
  const failures = new FailureLog({ warn, info: (message) => log.info(message) });
  const opening = { config, url, clock, warn };

  const redis = await createRedis(opening);
  const signIns = config.AUTH === "none" ? null : await import("./access/accounts/accounts.ts");
  const applied = await migrate({ url, only: "all" });
  if (applied.length > 0) log.info({ migrations: applied }, "The database's tables are up to date");

  const connections = openControlConnections(opening);
  const defaultDriver = await openPostgresPool(opening, url, DEFAULT_POOL).catch(async (error: unknown) => {
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

  const { stores, locations, turns } = createStores(opening, connections, redis);
  const metrics = createMetrics({
    connections: () => ({
      total: connections.totalCount,
      idle: connections.idleCount,
      waiting: connections.waitingCount,
    }),
  });
  const data = countMessages(
    createPoolingDriver({
      control,
      cache: locations,
      registry: createRegistry(opening),
      defaultDriver,
      onError: (error) => warn("A pool failed", error),
    }),
    metrics.messages,
  );
  const jobs = createJobStore({ connections });
  const dryRuns = createDryRunStore({ connections });
  const presentAccess = createPresentAccess({ auth: config.AUTH, tokens: control.tokens, people: control.people });
  const hearing = "Hearing of changed rights";
  const changes = new AccessChanges((name) => openConnection(url, name), {
    failed: (error) => failures.failed(hearing, error),
    recovered: () => failures.succeeded(hearing),
  });
  const { schema } = parsePostgresUri(url);
  const accounts =
    signIns?.openAccounts({ config, connections, schema, control, changes, clock, warn }) ?? noAccounts(config, clock);
  const { sessions } = accounts;
  const identification =
    config.AUTH === "none"
      ? null
      : openIdentification({ settings: config, store: control.tokens, sessions, changes, connections, clock });
  const history = createHealthHistory({ connections, clock, everySeconds: config.HEALTH_INTERVAL });
  const samples = createSampleStore({
    ...{ connections, clock, isOn: config.QUEUE_SAMPLES === "on" },
    maxBytes: config.QUEUE_SAMPLES_MIB === 0 ? null : config.QUEUE_SAMPLES_MIB * 1_048_576,
  });
  const consumers = createConsumerStore({ connections, clock, isOn: config.QUEUE_SAMPLES === "on" });
  const problems = createProblemStore({ connections, clock });
  const operations = createOperations({
    control,
    data,
    stores,
    jobs,
    dryRuns,
    presentAccess,
    history,
    samples,
    consumers,
    problems,
    limits: config,
    accounts,
    now: () => performance.now(),
    warn,
    info: (message) => log.info(message),
  });

  const close = async () => {
    identification?.close();
    await accounts.close();
    changes.close();
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
    dryRuns,
    presentAccess,
    accounts,
    changes,
    identification,
    history,
    samples,
    consumers,
    problems,
    turns,
    operations,
    metrics,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

type RedisBackend = ReturnType<typeof createRedisBackend>;
type Connections = ReturnType<typeof openConnections>;

/** The backend for key-value stores on Redis. It connects at its first use. */
async function createRedis({ config, clock, warn }: Opening): Promise<RedisBackend | null> {
  if (config.REDIS_URL === undefined) return null;
  const { createRedisBackend } = await import("./kvs/redis.ts");
  const onError = (error: unknown) => warn("The key-value store's connection to Redis broke", error);
  return createRedisBackend({ uri: config.REDIS_URL, clock, onError });
}

function openControlConnections({ config, url, warn }: Opening): Connections {
  // It reports nothing: the driver of the pool `default`, which is the same store, reports what happens to it.
  const timeline = new Timeline(() => undefined);
  return openConnections({
    url,
    onConnect: (client) => timeline.check(client),
    connections: config.DATABASE_CONNECTIONS,
    applicationName: "isimud control",
    onError: (error) => warn("An idle connection to the control database broke", error),
  });
}

/** `pool` is null for a pool that is only inspected. */
function onPoolError({ warn }: Opening, pool: string | null): (error: unknown) => void {
  return (error) =>
    warn(pool === null ? "A pool had an error while it was inspected" : `The pool ${pool} had an error`, error);
}

function openPostgresPool(
  opening: Opening,
  uri: string,
  pool: string | null,
): ReturnType<typeof openPostgresDataDriver> {
  const { config, clock } = opening;
  return openPostgresDataDriver({
    uri,
    connections: config.DATABASE_CONNECTIONS,
    clock,
    undoSeconds: config.UNDO_SECONDS,
    onError: onPoolError(opening, pool),
  });
}

const redisDriver = () => import("./storage/redis/data-driver.ts");

/** The data drivers, by the scheme of a pool's URI. */
function createRegistry(opening: Opening): ReturnType<typeof createDriverRegistry> {
  const { config, clock } = opening;
  const registry = createDriverRegistry();
  registry.register(["postgres", "postgresql"], {
    check: parsePostgresUri,
    async inspect(uri) {
      await migrate({ url: uri, only: "pool", rehearsal: true });
      return inspectPostgresStore(uri);
    },
    async open(uri, pool) {
      await migrate({ url: uri, only: "pool" });
      return openPostgresPool(opening, uri, pool);
    },
  });
  registry.register(["redis", "rediss", "valkey", "valkeys"], {
    check: parseRedisUri,
    async inspect(uri) {
      const { inspectRedisStore } = await redisDriver();
      return inspectRedisStore(uri, onPoolError(opening, null));
    },
    async open(uri, pool) {
      const { openRedisDataDriver } = await redisDriver();
      return openRedisDataDriver({
        uri,
        clock,
        undoSeconds: config.UNDO_SECONDS,
        onError: onPoolError(opening, pool),
      });
    },
  });
  return registry;
}

/** The key-value stores, and the two that Isimud itself uses. */
function createStores({ clock }: Opening, connections: Connections, redis: RedisBackend | null) {
  const stores = createKeyValueStores({
    backends: {
      memory: createMemoryBackend({ clock }),
      postgres: createPostgresBackend({ connections, clock }),
      ...(redis === null ? {} : { redis }),
    },
    clock,
  });
  // Only this process uses this cache, and every call reads it: it needs no locks and no digests of its keys.
  const locations = stores.get<QueueLocation>("isimud.locations");
  locations.configure({
    backingStore: "memory",
    keyMangler: false,
    locking: false,
    expirationSeconds: 1,
    maximumEntries: 50_000,
  });
  const turns = stores.get<Turn>("isimud.turns");
  turns.configure({ backingStore: "postgres", keyMangler: false });
  return { stores, locations, turns };
}

/**
 * Reads one pool, because a wrong key would otherwise show only at the first use of a pool, as an error that no client
 * can fix. A single damaged secret does not stop the start: an operator enters it again.
 */
async function requireSecretKey(control: ControlDriver): Promise<void> {
  try {
    await control.pools.list({ page: { limit: 1 } });
  } catch (error) {
    if (error instanceof DomainError && "sealedWith" in error.details) throw error;
  }
}
