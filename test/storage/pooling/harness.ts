/** The pooling driver over a real control database and pools in memory that a test can break. */
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, vi } from "vitest";
import { DomainError } from "../../../server/errors.ts";
import type { ControlDriver } from "../../../server/storage/control-driver.ts";
import type { QueueRef } from "../../../server/storage/queue-ref.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";
import { FakePool } from "../../support/fake-pool.ts";
import { openPooled, type Pooled, type PooledOptions } from "../../support/pooled.ts";

/** A secret that must appear nowhere. */
export const CANARY = "canary-Zq81";

/** Must be called once in a test file; each test begins without pools and catalogue. */
export function preparePools() {
  const state = {
    /** The URI of the control database. */
    url: "",
    clock: { offsetMs: 0 },
    now: 0,
    /** The pool "default". */
    builtIn: new FakePool(),
    /** URIs that were opened, in order. */
    opened: [] as string[],
  };
  let fakes = new Map<string, FakePool>();
  let database: TestDatabase;
  const running: Pooled[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    state.url = database.url;
  });
  afterAll(() => database.drop());
  beforeEach(() => {
    Object.assign(state, { clock: { offsetMs: 0 }, now: 0, builtIn: new FakePool(), opened: [] });
    fakes = new Map();
  });
  afterEach(async () => {
    vi.useRealTimers();
    for (const pooled of running.splice(0)) {
      await pooled.control.catalogue.dropAll();
      await pooled.control.pools.dropAll();
      await pooled.close();
    }
  });

  /** The pool that the URI fake://NAME opens, created at its first use. */
  const fake = (name: string): FakePool => {
    const known = fakes.get(name) ?? new FakePool();
    fakes.set(name, known);
    return known;
  };

  return {
    state,
    fake,

    async start(options: Partial<PooledOptions> = {}): Promise<Pooled> {
      const { url, clock, builtIn } = state;
      const pooled = await openPooled({ url, clock, now: () => state.now, defaultDriver: builtIn.driver, ...options });
      pooled.registry.register(["fake"], {
        check: () => undefined,
        async inspect(uri) {
          const pool = fake(new URL(uri).hostname);
          await pool.before("open");
          return pool.driver;
        },
        async open(uri) {
          state.opened.push(uri);
          const pool = fake(new URL(uri).hostname);
          await pool.before("open");
          return pool.driver;
        },
      });
      running.push(pooled);
      return pooled;
    },

    wait(milliseconds: number): void {
      state.now += milliseconds;
      state.clock.offsetMs += milliseconds;
    },
  };
}

export const addPool = (pooled: Pooled, name: string, weight = 1, flavor: string | null = null) =>
  pooled.control.pools.create({ name, uri: `fake://${name}`, weight, flavor });

/** A queue in the catalogue that has no row in its pool yet. */
export async function aQueue(
  pooled: Pooled,
  pool: string,
  name: string = randomUUID(),
): Promise<QueueRef & { epoch: number }> {
  const queue = { project: "p", name };
  await pooled.control.queues.create(queue);
  const { epoch } = await pooled.control.catalogue.insert(queue, pool);
  return { ...queue, epoch };
}

export const aPost = ({ project, name }: QueueRef) => ({
  queue: { project, name },
  messages: [{ bodyText: "1", ttlSeconds: 60, delaySeconds: 0 }],
  clientId: null,
});

/** Counts the lookups in the control plane, and lets a test break it. */
export function watched() {
  const seen = { get: 0, getMany: 0, pools: 0, broken: false };
  const look = (kind: "get" | "getMany" | "pools") => {
    seen[kind] += 1;
    if (seen.broken) throw new DomainError("STORAGE_UNAVAILABLE", "The control plane is gone.");
  };
  const watch = (control: ControlDriver): ControlDriver => ({
    ...control,
    catalogue: {
      ...control.catalogue,
      get: async (queue) => {
        look("get");
        return control.catalogue.get(queue);
      },
      getMany: async (queues) => {
        look("getMany");
        return control.catalogue.getMany(queues);
      },
    },
    pools: {
      ...control.pools,
      get: async (name) => {
        look("pools");
        return control.pools.get(name);
      },
      list: async (params) => {
        look("pools");
        return control.pools.list(params);
      },
    },
  });
  return { seen, watch };
}
