/**
 * A pooling driver on a control database of its own, put together as in server/bootstrap.ts. Tests may replace parts of
 * it.
 */
import { migrate } from "../../prisma/migrate.ts";
import { createMemoryBackend } from "../../server/kvs/memory.ts";
import { createKeyValueStores } from "../../server/kvs/stores.ts";
import { createSecretBox } from "../../server/secret-box.ts";
import type { ControlDriver } from "../../server/storage/control-driver.ts";
import type { DataDriver } from "../../server/storage/data-driver.ts";
import { createDriverRegistry, type DriverRegistry } from "../../server/storage/driver-registry.ts";
import type { PooledDataDriver } from "../../server/storage/pooled-data-driver.ts";
import { createPoolingDriver } from "../../server/storage/pooling/driver.ts";
import type { LocationCache, QueueLocation } from "../../server/storage/pooling/pool-catalog.ts";
import { createPostgresControlDriver } from "../../server/storage/postgres/control/control-driver.ts";
import { openPostgresDataDriver } from "../../server/storage/postgres/data-driver.ts";
import { parsePostgresUri } from "../../server/storage/postgres/sql/address.ts";
import { openConnections } from "../../server/storage/postgres/sql/connection.ts";
import { inspectPostgresStore } from "../../server/storage/postgres/store-inspection.ts";
import { parseRedisUri } from "../../server/storage/redis/server/address.ts";

export interface Pooled {
  control: ControlDriver;
  data: PooledDataDriver;
  registry: DriverRegistry;
  /** Errors that the pooling driver reported and did not throw. */
  errors: unknown[];
  close(): Promise<void>;
}

export interface PooledOptions {
  /** The URL of the control database, which must be migrated. */
  url: string;
  clock?: { offsetMs: number };
  /** Connections to each database. Default 4. */
  connections?: number;
  /** Of the drivers of all pools. */
  keptPopsBytes?: number;
  defaultDriver?: DataDriver;
  cache?: LocationCache;
  now?: () => number;
  random?: () => number;
  /** Wraps the control driver that the pooling driver uses. */
  watch?: (control: ControlDriver) => ControlDriver;
}

/** Its library has more modules than all of ours, which processes that move queues between databases need not load. */
const redisDriver = () => import("../../server/storage/redis/data-driver.ts");

export async function openPooled(options: PooledOptions): Promise<Pooled> {
  const { url, clock = { offsetMs: 0 }, connections: most = 4, keptPopsBytes } = options;
  const connections = openConnections({ url, connections: most });
  const control = createPostgresControlDriver({
    connections,
    schema: "public",
    secrets: createSecretBox("the key of the tests"),
    defaultPoolUri: url,
  });
  const registry = createDriverRegistry();
  registry.register(["postgresql"], {
    check: parsePostgresUri,
    async inspect(uri) {
      await migrate({ url: uri, only: "pool", rehearsal: true });
      return inspectPostgresStore(uri);
    },
    async open(uri) {
      await migrate({ url: uri, only: "pool" });
      return openPostgresDataDriver({ uri, connections: most, clock, keptPopsBytes });
    },
  });
  registry.register(["redis", "rediss"], {
    check: parseRedisUri,
    inspect: async (uri) => (await redisDriver()).inspectRedisStore(uri, () => undefined),
    open: async (uri) => (await redisDriver()).openRedisDataDriver({ uri, clock, keptPopsBytes }),
  });
  const errors: unknown[] = [];
  const data = createPoolingDriver({
    control: options.watch?.(control) ?? control,
    cache: options.cache ?? memoryCache(clock),
    registry,
    defaultDriver: options.defaultDriver ?? (await openPostgresDataDriver({ uri: url, connections: most, clock })),
    now: options.now,
    random: options.random,
    onError: (error) => errors.push(error),
  });
  return {
    control,
    data,
    registry,
    errors,
    async close() {
      await data.close();
      await control.close();
      await connections.end();
    },
  };
}

export function memoryCache(clock: { offsetMs: number }): LocationCache {
  const stores = createKeyValueStores({ backends: { memory: createMemoryBackend({ clock }) }, clock });
  const store = stores.get<QueueLocation>("locations");
  store.configure({ backingStore: "memory", keyMangler: false, locking: false, expirationSeconds: 1 });
  return store;
}
