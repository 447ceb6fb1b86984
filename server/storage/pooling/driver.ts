/** The data driver over all pools: sends each queue's calls to the pool that the catalogue names. */
import { DomainError } from "../../errors.ts";
import type { ControlDriver } from "../control-driver.ts";
import { type DataDriver, DEFAULT_POOL } from "../data-driver.ts";
import { withDeadline } from "../deadlines/deadline.ts";
import type { DriverHealth, GcResult } from "../driver-health.ts";
import type { DriverRegistry } from "../driver-registry.ts";
import { addPoolName } from "../errors/add-pool-name.ts";
import type { PooledDataDriver } from "../pooled-data-driver.ts";
import { routedBatch } from "./batch-reads.ts";
import { OpenPools } from "./open-pools.ts";
import { type LocationCache, PoolCatalog } from "./pool-catalog.ts";
import { Router, routedClaims, routedMessages, routedSubscriptions } from "./routed-calls.ts";
import { weightedChoice } from "./weighted-choice.ts";

/** Time limits for each pool alone: a dead pool delays no other pool's answer. */
const ALIVE_TIMEOUT_MS = 3000;
const HEALTH_TIMEOUT_MS = 10_000;
const GC_TIMEOUT_MS = 60_000;
const REACH_TIMEOUT_MS = 5000;
/** Pools read at a time for calls that go to all of them. */
const POOL_PAGE = 100;

/**
 * `defaultDriver` is that of the built-in pool "default", the control database; `close` closes it too. `cache` keeps
 * locations for a second. `random` and `now` (milliseconds) are for tests. `onError` gets the failures of pools that no
 * caller gets; it must not throw.
 */
export function createPoolingDriver(params: {
  control: ControlDriver;
  cache: LocationCache;
  registry: DriverRegistry;
  defaultDriver: DataDriver;
  random?: () => number;
  now?: () => number;
  onError?: (error: unknown) => void;
}): PooledDataDriver {
  const { control, cache, registry, defaultDriver } = params;
  const random = params.random ?? Math.random;
  const onError = params.onError ?? (() => undefined);
  const catalog = new PoolCatalog(control, cache);
  const pools = new OpenPools({
    pools: control.pools,
    registry,
    defaultDriver,
    now: params.now ?? (() => performance.now()),
    onError,
  });
  const router = new Router(catalog, pools, onError);
  const collecting = new Map<string, Promise<GcResult>>();

  async function poolNames(): Promise<string[]> {
    const names = [DEFAULT_POOL];
    let after: string | undefined;
    do {
      const page = await control.pools.list({ page: { after, limit: POOL_PAGE } });
      names.push(...page.items.map((pool) => pool.name));
      after = page.nextMarker ?? undefined;
    } while (after !== undefined);
    return names;
  }

  /** Calls one pool, whatever queues it holds. */
  function at<T>(name: string, work: (driver: DataDriver) => T | Promise<T>): Promise<T> {
    return pools.get(name).then(work).catch(addPoolName(name));
  }

  /** Asks these pools at the same time. The answer is null for a pool that failed or took too long. */
  function askAll<T>(names: string[], milliseconds: number, ask: (driver: DataDriver, name: string) => Promise<T>) {
    return Promise.all(
      names.map(async (name): Promise<T | null> => {
        try {
          const answer = at(name, (driver) => ask(driver, name));
          return await withDeadline(answer, milliseconds, () => {
            throw tooLate(name);
          });
        } catch (error) {
          onError(error);
          return null;
        }
      }),
    );
  }

  return {
    identity: defaultDriver.identity,
    capabilities: defaultDriver.capabilities,
    messages: routedMessages(router),
    claims: routedClaims(router),
    subscriptions: routedSubscriptions(router),
    batch: routedBatch({ router, catalog, pools }),
    tryStats: (queues) => router.tryStats(queues),
    // A move is between two pools, each opened with `pool`.
    transfer: null,

    attachQueue: (queue) => router.attach(queue),

    async detachQueue(queue) {
      await catalog.forget(queue);
      const [entry] = await control.catalogue.getMany([queue]);
      if (entry === undefined) return;
      await at(entry.pool, (driver) => driver.detachQueue(queue));
    },

    watchArrivals: (listener) => pools.watchArrivals(listener),

    async isAlive() {
      try {
        return (await askAll(await poolNames(), ALIVE_TIMEOUT_MS, (driver) => driver.isAlive())).every(
          (alive) => alive === true,
        );
      } catch (error) {
        onError(error);
        return false;
      }
    },

    async health() {
      try {
        return worstOf(await askAll(await poolNames(), HEALTH_TIMEOUT_MS, (driver) => driver.health()));
      } catch (error) {
        onError(error);
        return { storageReachable: false, writesRefused: null, freeBytes: null, operations: [] };
      }
    },

    async gc() {
      const names = await poolNames().catch((error: unknown) => {
        // The registered pools are unknown now. The built-in pool is collected all the same.
        onError(error);
        return [DEFAULT_POOL];
      });
      const results = await askAll(names, GC_TIMEOUT_MS, (driver, name) => {
        // A collection that passes the deadline goes on, and the next call joins it.
        const running = collecting.get(name);
        if (running !== undefined) return running;
        const started = driver.gc().finally(() => collecting.delete(name));
        collecting.set(name, started);
        return started;
      });
      const collected = results.filter((result) => result !== null);
      if (collected.length === 0) {
        throw new DomainError("STORAGE_UNAVAILABLE", "No pool could be collected. Try again in a few seconds.");
      }
      return collected.reduce((sum, one) => ({
        messages: sum.messages + one.messages,
        claims: sum.claims + one.claims,
        subscriptions: sum.subscriptions + one.subscriptions,
        queues: sum.queues + one.queues,
      }));
    },

    close: () => pools.close(),

    // Reads the pools for each new queue, so that a change of a pool's flavor counts at once.
    async choosePool(flavor, draw = random) {
      const fitting = await control.pools.getPoolsByFlavor(flavor);
      const healthy = fitting.filter(({ name }) => !pools.isAway(name));
      const chosen = weightedChoice(healthy, draw) ?? weightedChoice(fitting, draw);
      if (chosen !== null) return chosen.name;
      if (flavor === null) return DEFAULT_POOL;
      throw new DomainError(
        "NO_POOL_FOUND",
        `No pool of the flavor ${JSON.stringify(flavor)} takes new queues. Give it a pool with a weight above 0.`,
        { details: { flavor } },
      );
    },

    noteReachable: (name, reachable) => pools.noteReachable(name, reachable),
    pool: (name) => pools.get(name).catch(addPoolName(name)),

    checkUri: (uri) => registry.check(uri),
    inspect: (uri) => withDeadline(registry.inspect(uri), REACH_TIMEOUT_MS, throwNotReachable).catch(notUsable),

    async prepare(uri) {
      const opening = registry.open(uri, null);
      try {
        const driver = await withDeadline(opening, REACH_TIMEOUT_MS, throwNotReachable);
        const { identity, capabilities } = driver;
        await driver.close();
        return { identity, capabilities };
      } catch (error) {
        // A driver that opens after all is not needed any more.
        opening.then((driver) => driver.close()).catch(() => undefined);
        return notUsable(error);
      }
    },

    locateQueues: async (queues) => void (await catalog.findMany(queues)),
    forgetQueue: (queue) => catalog.forget(queue),
    forgetPool: (name) => pools.forget(name),
  };
}

/** For each operation the worst answer: a failed one, else the slowest. A pool without an answer is not reachable. */
function worstOf(answers: readonly (DriverHealth | null)[]): DriverHealth {
  const operations = new Map<string, DriverHealth["operations"][number]>();
  for (const one of answers.flatMap((answer) => answer?.operations ?? [])) {
    const worst = operations.get(one.operation);
    const worse =
      worst === undefined ||
      (worst.succeeded === one.succeeded ? one.durationSeconds > worst.durationSeconds : worst.succeeded);
    if (worse) operations.set(one.operation, one);
  }
  return {
    storageReachable: answers.every((answer) => answer?.storageReachable === true),
    writesRefused: answers.find((answer) => answer?.writesRefused)?.writesRefused ?? null,
    // A sum over several storages would mean nothing.
    freeBytes: null,
    operations: [...operations.values()],
  };
}

/** By error code, the system's or the server's. An error's own text could hold the URI. */
const REASONS: Record<string, string> = {
  ECONNREFUSED: "nothing listens at this host and port",
  ECONNRESET: "the server closed the connection",
  EHOSTUNREACH: "the host cannot be reached",
  ENETUNREACH: "the network cannot be reached",
  ENOENT: "there is no such socket",
  ENOTFOUND: "the host's name is not known",
  EAI_AGAIN: "the host's name could not be looked up",
  ETIMEDOUT: "it took too long to connect",
  "28P01": "the server does not accept this user and password",
  "28000": "the server does not let this user in from here",
  "3D000": "there is no such database",
  "25006": "the server is a replica, or read-only",
  "42501": "this user may not make tables there",
  // A schema that it may not enter.
  "3F000": "this user may not make tables there",
  "53300": "the server has no connection to spare",
};

function notUsable(error: unknown): never {
  throw error instanceof DomainError && error.kind === "invalid" ? error : notReachable(error);
}

function throwNotReachable(): never {
  throw notReachable();
}

function notReachable(error?: unknown): DomainError {
  return new DomainError("POOL_NOT_REACHABLE", `The pool cannot be used: ${reasonOf(error)}. Check its URI.`, {
    cause: error,
  });
}

/** The message of a DomainError holds no secrets. Of other errors only the code is used. */
function reasonOf(error: unknown): string {
  if (error === undefined) return "it took too long to connect";
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const reason = REASONS[String((cause as { code?: unknown }).code)];
    if (reason !== undefined) return reason;
  }
  return error instanceof DomainError ? error.message.replace(/\.$/, "") : "it refused the connection";
}

function tooLate(pool: string): DomainError {
  return new DomainError("DEADLINE_EXCEEDED", `The pool ${JSON.stringify(pool)} took too long.`, { details: { pool } });
}
