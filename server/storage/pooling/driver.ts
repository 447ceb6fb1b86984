/** The data driver over all pools: sends each queue's calls to the pool that the catalogue names. */
import { DomainError } from "../../errors.ts";
import type { ControlDriver } from "../control-driver.ts";
import { type DataDriver, DEFAULT_POOL } from "../data-driver.ts";
import { withDeadline } from "../deadlines/deadline.ts";
import type { DriverRegistry } from "../driver-registry.ts";
import { addPoolName } from "../errors/add-pool-name.ts";
import type { PooledDataDriver } from "../pooled-data-driver.ts";
import { AllPools } from "./all-pools.ts";
import { routedBatch } from "./batch-reads.ts";
import { notUsable, throwNotReachable } from "./not-reachable.ts";
import { OpenPools } from "./open-pools.ts";
import { type LocationCache, PoolCatalog } from "./pool-catalog.ts";
import { Router, routedClaims, routedLives, routedMessages, routedSubscriptions } from "./routed-calls.ts";
import { weightedChoice } from "./weighted-choice.ts";

const REACH_TIMEOUT_MS = 5000;

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
  const all = new AllPools({ registered: control.pools, pools, onError });

  return {
    identity: defaultDriver.identity,
    capabilities: defaultDriver.capabilities,
    messages: routedMessages(router),
    claims: routedClaims(router),
    subscriptions: routedSubscriptions(router),
    batch: routedBatch({ router, catalog, pools }),
    activity: {
      changed: (params) => all.changed(params),
      read: (queues) => router.readings(queues),
    },
    lives: routedLives(router),
    tryStats: (queues) => router.tryStats(queues),
    // A move is between two pools, each opened with `pool`, and so is what is brought back in one.
    transfer: null,
    undo: null,

    attachQueue: (queue) => router.attach(queue),

    async detachQueue(queue, undoToken) {
      await catalog.forget(queue);
      const [entry] = await control.catalogue.getMany([queue]);
      if (entry === undefined) return;
      await pools
        .get(entry.pool)
        .then((driver) => driver.detachQueue(queue, undoToken))
        .catch(addPoolName(entry.pool));
    },

    watchArrivals: (listener) => pools.watchArrivals(listener),

    isAlive: () => all.isAlive(),
    health: () => all.health(),
    gc: () => all.gc(),

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
