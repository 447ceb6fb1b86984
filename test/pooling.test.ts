import { randomUUID } from "node:crypto";
import { inspect } from "node:util";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { DomainError } from "../server/errors.ts";
import type { ControlDriver } from "../server/storage/control-driver.ts";
import type { QueueRef } from "../server/storage/data-driver.ts";
import type { PlaceCache } from "../server/storage/pooling/pool-catalog.ts";
import { weightedChoice } from "../server/storage/pooling/weighted-choice.ts";
import { openConnections } from "../server/storage/postgres/connection.ts";
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from "./support/database.ts";
import { aStoredMessage, FakePool } from "./support/fake-pool.ts";
import { memoryCache, openPooled, type Pooled, type PooledOptions } from "./support/pooled.ts";

const CANARY = "canary-Zq81";

describe("a weighted choice", () => {
  const pools = [
    { name: "a", weight: 1 },
    { name: "off", weight: 0 },
    { name: "b", weight: 3 },
  ];
  const at = (dice: number) => weightedChoice(pools, () => dice)?.name;

  it("falls where the dice say, in proportion to weight", () => {
    expect([0, 0.24, 0.25, 0.5, 0.999].map(at)).toEqual(["a", "a", "b", "b", "b"]);
  });

  it("gives each candidate its share of all throws, and never one of weight 0", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 6 }), (weights) => {
        const candidates = weights.map((weight, index) => ({ index, weight }));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        if (total === 0) {
          expect(weightedChoice(candidates, () => 0)).toBeNull();
          return;
        }
        const drawn = weights.map(() => 0);
        for (let step = 0; step < total; step += 1) {
          const chosen = weightedChoice(candidates, () => (step + 0.5) / total);
          drawn[chosen?.index ?? -1] = (drawn[chosen?.index ?? -1] ?? 0) + 1;
        }
        expect(drawn).toEqual(weights);
      }),
    );
  });

  it("gives none when there is none", () => {
    expect(weightedChoice([], () => 0)).toBeNull();
    expect(weightedChoice([{ weight: 0 }], () => 0)).toBeNull();
  });
});

describe("the pooling driver", () => {
  let database: TestDatabase;
  let clock: { offsetMs: number };
  let now: number;
  let builtIn: FakePool;
  let fakes: Map<string, FakePool>;
  let opened: string[];
  const running: Pooled[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());
  beforeEach(() => {
    clock = { offsetMs: 0 };
    now = 0;
    builtIn = new FakePool();
    fakes = new Map();
    opened = [];
  });
  afterEach(async () => {
    vi.useRealTimers();
    for (const pooled of running.splice(0)) {
      await pooled.control.catalogue.dropAll();
      await pooled.control.pools.dropAll();
      await pooled.close();
    }
  });

  /** Of the fake that a URI fake://NAME opens; made at the first use. */
  const fake = (name: string) => {
    const known = fakes.get(name) ?? new FakePool();
    fakes.set(name, known);
    return known;
  };
  const start = async (options: Partial<PooledOptions> = {}) => {
    const pooled = await openPooled({
      url: database.url,
      clock,
      now: () => now,
      defaultDriver: builtIn.driver,
      ...options,
    });
    pooled.registry.register(["fake"], async (uri) => {
      opened.push(uri);
      const pool = fake(new URL(uri).hostname);
      await pool.before("open");
      return pool.driver;
    });
    running.push(pooled);
    return pooled;
  };
  const addPool = (pooled: Pooled, name: string, weight = 1, flavor: string | null = null) =>
    pooled.control.pools.create({ name, uri: `fake://${name}`, weight, flavor });
  /** A queue of the control plane that no pool has a row of yet. */
  const aQueue = async (pooled: Pooled, pool: string, name = randomUUID()): Promise<QueueRef & { epoch: number }> => {
    const queue = { project: "p", name };
    await pooled.control.queues.create(queue);
    const { epoch } = await pooled.control.catalogue.insert(queue, pool);
    return { ...queue, epoch };
  };
  const aPost = ({ project, name }: QueueRef) => ({
    queue: { project, name },
    messages: [{ bodyText: "1", ttlSeconds: 60, delaySeconds: 0 }],
    clientId: null,
  });
  const wait = (milliseconds: number) => {
    now += milliseconds;
    clock.offsetMs += milliseconds;
  };
  /** Counts the looks at the catalogue, and lets a test break the control plane. */
  const watched = () => {
    const seen = { get: 0, getMany: 0, pools: 0, broken: false };
    const check = () => {
      if (seen.broken) throw new DomainError("STORAGE_UNAVAILABLE", "The control plane is gone.");
    };
    const watch = (control: ControlDriver): ControlDriver => ({
      ...control,
      catalogue: {
        ...control.catalogue,
        get: async (queue) => {
          seen.get += 1;
          check();
          return control.catalogue.get(queue);
        },
        getMany: async (queues) => {
          seen.getMany += 1;
          check();
          return control.catalogue.getMany(queues);
        },
      },
      pools: {
        ...control.pools,
        get: async (name) => {
          seen.pools += 1;
          check();
          return control.pools.get(name);
        },
      },
    });
    return { seen, watch };
  };

  describe("routing", () => {
    it("sends each queue's calls to its pool, with its epoch", async () => {
      const pooled = await start();
      await addPool(pooled, "one");
      const [here, there] = [await aQueue(pooled, "one"), await aQueue(pooled, "default")];
      await pooled.data.attachQueue(here);
      await pooled.data.attachQueue(there);
      await pooled.data.messages.post(aPost(here));
      await pooled.data.messages.post(aPost(there));
      expect(fake("one").messagesOf(here)).toHaveLength(1);
      expect(builtIn.messagesOf(there)).toHaveLength(1);
      expect(fake("one").messagesOf(there)).toHaveLength(0);
      expect([...fake("one").rows.values()][0]?.epoch).toBe(here.epoch);
    });

    it("many calls at once share one look, and none looks again within a second", async () => {
      const { seen, watch } = watched();
      const pooled = await start({ watch });
      await addPool(pooled, "one");
      const queue = await aQueue(pooled, "one");
      fake("one").rows.set(JSON.stringify(["p", queue.name]), { epoch: queue.epoch, messages: [] });
      await Promise.all(Array.from({ length: 50 }, () => pooled.data.messages.post(aPost(queue))));
      expect(seen).toMatchObject({ get: 1, pools: 1 });
      expect(opened).toEqual(["fake://one"]);
      // The cache's clock moves by itself too, so not quite a second.
      wait(500);
      await pooled.data.messages.post(aPost(queue));
      expect(seen).toMatchObject({ get: 1, pools: 1 });
      wait(500);
      await pooled.data.messages.post(aPost(queue));
      expect(seen).toMatchObject({ get: 2, pools: 2 });
      expect(fake("one").messagesOf(queue)).toHaveLength(52);
    });

    it("follows a queue that another process moved, within the second in which the old place is remembered", async () => {
      const pooled = await start();
      for (const pool of ["one", "two"]) await addPool(pooled, pool);
      const queue = await aQueue(pooled, "one");
      await pooled.data.messages.post(aPost(queue));
      await fake("one").driver.detachQueue(queue);
      const moved = await pooled.control.catalogue.update(queue, "two");
      await pooled.data.messages.post(aPost(queue));
      expect(fake("two").messagesOf(queue)).toHaveLength(1);
      expect([...fake("two").rows.values()][0]?.epoch).toBe(moved.epoch);
      expect(fake("one").rows.size).toBe(0);
    });

    it("follows a queue that was made again in the same pool", async () => {
      const pooled = await start();
      await addPool(pooled, "one");
      const queue = await aQueue(pooled, "one");
      await pooled.data.messages.post(aPost(queue));
      const again = await pooled.control.catalogue.update(queue, "one");
      await fake("one").driver.attachQueue({ ...queue, epoch: again.epoch });
      await pooled.data.messages.post(aPost(queue));
      expect(fake("one").messagesOf(queue)).toHaveLength(1);
    });

    it("gives a pool the row that a crash left out", async () => {
      const pooled = await start();
      await addPool(pooled, "one");
      const queue = await aQueue(pooled, "one");
      await pooled.data.messages.post(aPost(queue));
      expect(fake("one").calls).toEqual(["messages.post", "attachQueue", "messages.post"]);
      expect(fake("one").messagesOf(queue)).toHaveLength(1);
    });

    it("does not bring a deleted queue back, though its catalogue entry remains", async () => {
      const pooled = await start();
      await addPool(pooled, "one");
      const queue = await aQueue(pooled, "one");
      await pooled.data.messages.post(aPost(queue));
      await pooled.control.queues.delete(queue);
      await fake("one").driver.detachQueue(queue);
      await expect(pooled.data.messages.post(aPost(queue))).rejects.toMatchObject({ code: "QUEUE_DOES_NOT_EXIST" });
      expect(await pooled.data.messages.stats([{ project: "p", name: queue.name }])).toEqual([null]);
      expect(fake("one").rows.size).toBe(0);
    });

    it("says that an unmapped queue does not exist, and knows it as soon as it is mapped", async () => {
      const pooled = await start();
      await addPool(pooled, "one");
      const name = randomUUID();
      await expect(pooled.data.messages.post(aPost({ project: "p", name }))).rejects.toMatchObject({
        code: "QUEUE_DOES_NOT_EXIST",
      });
      const queue = await aQueue(pooled, "one", name);
      await pooled.data.messages.post(aPost(queue));
      expect(fake("one").messagesOf(queue)).toHaveLength(1);
      await pooled.data.detachQueue({ project: "p", name: "never" });
    });

    it("tries twice and never tells of an epoch that the caller knows nothing of", async () => {
      const pooled = await start();
      await addPool(pooled, "one");
      const queue = await aQueue(pooled, "one");
      fake("one").before = (call) => {
        if (call === "messages.post") throw new DomainError("QUEUE_EPOCH_STALE", "Another life.");
      };
      await expect(pooled.data.messages.post(aPost(queue))).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
      expect(fake("one").calls.filter((call) => call === "messages.post")).toHaveLength(2);
    });

    it("checks an epoch that the caller names", async () => {
      const pooled = await start();
      await addPool(pooled, "one");
      const queue = await aQueue(pooled, "one");
      await pooled.data.attachQueue(queue);
      const old = { ...queue, epoch: queue.epoch - 1 };
      await expect(pooled.data.messages.post({ ...aPost(queue), queue: old })).rejects.toMatchObject({
        code: "QUEUE_EPOCH_STALE",
      });
      await pooled.data.messages.post({ ...aPost(queue), queue });
    });

    it("does not repeat a call whose outcome is unknown", async () => {
      const pooled = await start();
      await addPool(pooled, "one");
      const queue = await aQueue(pooled, "one");
      await pooled.data.attachQueue(queue);
      fake("one").before = (call) => {
        if (call === "messages.post") throw new DomainError("OUTCOME_UNKNOWN", "It broke.");
      };
      await expect(pooled.data.messages.post(aPost(queue))).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" });
      expect(fake("one").calls.filter((call) => call === "messages.post")).toHaveLength(1);
    });

    it("forgets a place when told, and keeps queues apart whose names join alike", async () => {
      const { seen, watch } = watched();
      const pooled = await start({ watch });
      const queues = [
        { project: "a.b", name: "c" },
        { project: "a", name: "b.c" },
        { project: "", name: "a.b.c" },
      ];
      for (const queue of queues) {
        await pooled.control.queues.create(queue);
        await pooled.control.catalogue.insert(queue, "default");
        await pooled.data.messages.post(aPost(queue));
      }
      expect(builtIn.rows.size).toBe(3);
      const before = seen.get;
      await pooled.data.forgetQueue(queues[0] as QueueRef);
      for (const queue of queues) await pooled.data.messages.post(aPost(queue));
      expect(seen.get).toBe(before + 1);
      for (const queue of queues) await pooled.control.queues.delete(queue);
    });
  });

  describe("with a broken cache", () => {
    const fails = async (): Promise<never> => {
      throw new Error("The cache is broken.");
    };
    const never = () => new Promise<never>(() => {});
    const stale = { pool: "nowhere", epoch: 1 };
    const caches: Record<string, () => PlaceCache> = {
      "that throws": () => ({
        peek: () => {
          throw new Error("The cache is broken.");
        },
        get: fails,
        set: fails,
        deleteMulti: fails,
      }),
      "that hangs": () => ({ peek: () => undefined, get: never, set: never, deleteMulti: never }),
      "that never keeps anything": () => ({
        peek: () => undefined,
        get: fails,
        set: async () => {},
        deleteMulti: async () => {},
      }),
      "that keeps all without a promise": () => memoryCache(clock),
      "elsewhere, of another process": () => ({
        ...asPromises(memoryCache(clock)),
        peek: () => undefined,
      }),
    };
    const asPromises = (cache: PlaceCache): PlaceCache => ({
      peek: (key) => cache.peek(key),
      get: (key) => cache.get(key),
      set: (key, place, options) => cache.set(key, place, options),
      deleteMulti: (keys) => cache.deleteMulti(keys),
    });

    it.each(Object.keys(caches))("%s, the answers are the same", async (kind) => {
      const pooled = await start({ cache: caches[kind]?.() });
      await addPool(pooled, "one");
      const queue = await aQueue(pooled, "one");
      await pooled.data.attachQueue(queue);
      await pooled.data.messages.post(aPost(queue));
      await pooled.data.messages.post(aPost(queue));
      expect(fake("one").messagesOf(queue)).toHaveLength(2);
      expect(await pooled.data.messages.stats([{ project: "p", name: queue.name }])).toMatchObject([{ total: 2 }]);
      await expect(pooled.data.messages.post(aPost({ project: "p", name: "gone" }))).rejects.toMatchObject({
        code: "QUEUE_DOES_NOT_EXIST",
      });
    });

    it("that holds an old place of the same pool, nothing is written to the wrong life", async () => {
      const cache = memoryCache(clock);
      const pooled = await start({ cache });
      await addPool(pooled, "one");
      const queue = await aQueue(pooled, "one");
      await pooled.data.attachQueue(queue);
      await cache.set(`1:p${queue.name}`, { ...stale, pool: "one" }, { ttlSeconds: 1 });
      await pooled.data.messages.post(aPost(queue));
      expect(fake("one").messagesOf(queue)).toHaveLength(1);
      expect([...fake("one").rows.values()][0]?.epoch).toBe(queue.epoch);
    });
  });

  describe("statistics of many queues", () => {
    it("come in the order asked, with one call to each pool and one look at the catalogue", async () => {
      const { seen, watch } = watched();
      const pooled = await start({ watch });
      for (const pool of ["one", "two"]) await addPool(pooled, pool);
      const queues: QueueRef[] = [];
      for (let index = 0; index < 6; index += 1) {
        const { epoch, ...queue } = await aQueue(pooled, index % 2 === 0 ? "one" : "two");
        const messages = Array.from({ length: index }, () => aStoredMessage());
        fake(index % 2 === 0 ? "one" : "two").rows.set(JSON.stringify(["p", queue.name]), { epoch, messages });
        queues.push(queue);
      }
      const asked = [...queues.toReversed(), { project: "p", name: "gone" }, queues[2] as QueueRef];
      const totals = (await pooled.data.messages.stats(asked)).map((stats) => stats?.total ?? null);
      expect(totals).toEqual([5, 4, 3, 2, 1, 0, null, 2]);
      expect(seen).toMatchObject({ getMany: 1, get: 0 });
      expect(fake("one").calls).toEqual(["messages.stats"]);
      expect(fake("two").calls).toEqual(["messages.stats"]);
      expect(await pooled.data.messages.stats([])).toEqual([]);
    });

    it("are unknown for the queues of a pool that fails, while the others' are seen", async () => {
      const pooled = await start();
      for (const pool of ["one", "two"]) await addPool(pooled, pool);
      const [here, there] = [await aQueue(pooled, "one"), await aQueue(pooled, "two")];
      await pooled.data.attachQueue(here);
      await pooled.data.attachQueue(there);
      fake("two").before = () => {
        throw new DomainError("STORAGE_UNAVAILABLE", "It is gone.");
      };
      const [one, two] = await pooled.data.messages.stats([
        { project: "p", name: here.name },
        { project: "p", name: there.name },
      ]);
      expect([one?.total, two]).toEqual([0, null]);
      expect(pooled.errors).toMatchObject([{ code: "STORAGE_UNAVAILABLE" }]);
      await expect(pooled.data.messages.stats([{ project: "p", name: there.name }])).rejects.toMatchObject({
        code: "STORAGE_UNAVAILABLE",
      });
    });

    it("of a queue that its pool lacks are those of an empty one, and of one that moved those of the new place", async () => {
      const pooled = await start();
      for (const pool of ["one", "two"]) await addPool(pooled, pool);
      const [fresh, moving] = [await aQueue(pooled, "one"), await aQueue(pooled, "one")];
      await pooled.data.messages.post(aPost(moving));
      await fake("one").driver.detachQueue(moving);
      const { epoch } = await pooled.control.catalogue.update(moving, "two");
      fake("two").rows.set(JSON.stringify(["p", moving.name]), {
        epoch,
        messages: [aStoredMessage(), aStoredMessage()],
      });
      const totals = await pooled.data.messages.stats([
        { project: "p", name: fresh.name },
        { project: "p", name: moving.name },
      ]);
      expect(totals.map((stats) => stats?.total)).toEqual([0, 2]);
    });
  });

  describe("moving messages", () => {
    const held = { id: "claim", expiresAt: new Date(60_000) };
    const twoQueues = async (pooled: Pooled, other: string) => {
      for (const pool of ["one", "two"]) await addPool(pooled, pool);
      const [from, to] = [await aQueue(pooled, "one"), await aQueue(pooled, other)];
      await pooled.data.attachQueue(from);
      await pooled.data.attachQueue(to);
      const messages = [
        aStoredMessage({ claim: held }),
        aStoredMessage({ claim: null }),
        aStoredMessage({ claim: held }),
      ];
      fake("one")
        .messagesOf(from)
        .push(...messages);
      const ids = messages.map((message) => message.id);
      const move = {
        from: { project: "p", name: from.name },
        to: { project: "p", name: to.name },
        ids,
        claimId: "claim",
        ttlSeconds: null,
      };
      return { from, to, ids, move };
    };

    it("within one pool is the pool's own step", async () => {
      const pooled = await start();
      const { move } = await twoQueues(pooled, "one");
      expect(await pooled.data.messages.transfer(move)).toBe(3);
      expect(fake("one").calls.filter((call) => call.startsWith("messages"))).toEqual(["messages.transfer"]);
    });

    it("between two pools copies what the claim holds, then deletes it", async () => {
      const pooled = await start();
      const { from, to, ids, move } = await twoQueues(pooled, "two");
      expect(await pooled.data.messages.transfer(move)).toBe(2);
      expect(
        fake("two")
          .messagesOf(to)
          .map((message) => message.id),
      ).toEqual([ids[0], ids[2]]);
      expect(
        fake("one")
          .messagesOf(from)
          .map((message) => message.id),
      ).toEqual([ids[1]]);
      expect(await pooled.data.messages.transfer(move)).toBe(0);
    });

    it("leaves all where they were, and copies once, when the claim lapses in between", async () => {
      const pooled = await start();
      const { from, to, move } = await twoQueues(pooled, "two");
      fake("one").before = (call) => {
        if (call === "messages.bulkDelete") for (const message of fake("one").messagesOf(from)) message.claim = null;
      };
      expect(await pooled.data.messages.transfer(move)).toBe(0);
      expect(fake("one").messagesOf(from)).toHaveLength(3);
      fake("one").before = () => {};
      for (const message of fake("one").messagesOf(from)) message.claim = held;
      expect(await pooled.data.messages.transfer(move)).toBe(3);
      expect(fake("two").messagesOf(to)).toHaveLength(3);
      expect(fake("one").messagesOf(from)).toHaveLength(0);
    });

    it("between two pools loses nothing when the target fails", async () => {
      const pooled = await start();
      const { from, move } = await twoQueues(pooled, "two");
      fake("two").before = () => {
        throw new DomainError("STORAGE_UNAVAILABLE", "It is gone.");
      };
      await expect(pooled.data.messages.transfer(move)).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
      expect(fake("one").messagesOf(from)).toHaveLength(3);
    });
  });

  describe("open pools", () => {
    it("are opened at their first use, and again when their URI changes, once the old one has been closed", async () => {
      const pooled = await start();
      await addPool(pooled, "one");
      expect(opened).toEqual([]);
      await Promise.all([pooled.data.pool("one"), pooled.data.pool("one")]);
      expect(opened).toEqual(["fake://one"]);
      await pooled.control.pools.update("one", { uri: "fake://elsewhere" });
      expect(await pooled.data.pool("one")).toBe(fake("one").driver);
      wait(1000);
      expect(await pooled.data.pool("one")).toBe(fake("elsewhere").driver);
      expect(fake("one").closed).toBe(1);
      expect(fake("elsewhere").closed).toBe(0);
    });

    it("are closed at once when told to forget them", async () => {
      const pooled = await start();
      await addPool(pooled, "one");
      await pooled.data.pool("one");
      await pooled.control.pools.update("one", { uri: "fake://elsewhere" });
      await pooled.data.forgetPool("one");
      expect(fake("one").closed).toBe(1);
      expect(await pooled.data.pool("one")).toBe(fake("elsewhere").driver);
      await pooled.data.forgetPool("never");
      await pooled.data.forgetPool("default");
      expect(builtIn.closed).toBe(0);
    });

    it("are closed when the pool is gone", async () => {
      const pooled = await start();
      await addPool(pooled, "one");
      await pooled.data.pool("one");
      await pooled.control.pools.delete("one");
      wait(1000);
      await expect(pooled.data.pool("one")).rejects.toMatchObject({ code: "POOL_DOES_NOT_EXIST" });
      expect(fake("one").closed).toBe(1);
    });

    it("stay in use while the control plane is out of reach", async () => {
      const { seen, watch } = watched();
      const pooled = await start({ watch });
      await addPool(pooled, "one");
      await pooled.data.pool("one");
      seen.broken = true;
      wait(1000);
      expect(await pooled.data.pool("one")).toBe(fake("one").driver);
      await expect(pooled.data.pool("two")).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    });

    it("that cannot be opened are tried once a second, whoever asks, and tell no secret", async () => {
      const pooled = await start();
      await pooled.control.pools.create({ name: "dead", uri: `fake://u:${CANARY}@dead`, weight: 1 });
      fake("dead").before = () => {
        throw new Error(`fake://u:${CANARY}@dead does not answer`);
      };
      const ask = () => pooled.data.pool("dead").catch((error: unknown) => error);
      const failures = [...(await Promise.all([ask(), ask(), ask()])), await ask()];
      expect(opened).toHaveLength(1);
      for (const failure of failures) {
        expect(failure).toMatchObject({ code: "STORAGE_UNAVAILABLE", details: { pool: "dead" } });
        expect(String(failure)).not.toContain(CANARY);
      }
      fake("dead").before = () => {};
      wait(1000);
      expect(await pooled.data.pool("dead")).toBe(fake("dead").driver);
      expect(opened).toHaveLength(2);
    });

    it("are all closed in the end, also one that is still opening", async () => {
      const pooled = await start();
      for (const pool of ["one", "two"]) await addPool(pooled, pool);
      let open = () => {};
      fake("two").before = (call) => (call === "open" ? new Promise((resolve) => (open = resolve)) : undefined);
      await pooled.data.pool("one");
      const late = pooled.data.pool("two");
      await vi.waitFor(() => expect(opened).toHaveLength(2));
      const closing = pooled.data.close();
      open();
      await closing;
      await late;
      expect([builtIn.closed, fake("one").closed, fake("two").closed]).toEqual([1, 1, 1]);
      wait(1000);
      await expect(pooled.data.pool("one")).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
    });
  });

  describe("arrivals", () => {
    it("are heard from the pools that are open and those that open later, until nobody listens", async () => {
      const pooled = await start();
      for (const pool of ["one", "two"]) await addPool(pooled, pool);
      await pooled.data.pool("one");
      const heard: string[] = [];
      const stops = ["a", "b"].map((who) =>
        pooled.data.watchArrivals(({ name }, count) => heard.push(`${who} ${name} ${count}`)),
      );
      await pooled.data.pool("two");
      const arrive = (pool: FakePool, name: string) => {
        for (const listener of pool.listeners) listener({ project: "p", name }, 3);
      };
      for (const [pool, name] of [
        [builtIn, "x"],
        [fake("one"), "y"],
        [fake("two"), "z"],
      ] as const)
        arrive(pool, name);
      expect(heard.sort()).toEqual(["a x 3", "a y 3", "a z 3", "b x 3", "b y 3", "b z 3"]);
      await pooled.data.forgetPool("one");
      expect(fake("one").listeners.size).toBe(0);
      stops[0]?.();
      arrive(fake("two"), "w");
      expect(heard.filter((line) => line.includes(" w "))).toEqual(["b w 3"]);
      stops[1]?.();
      expect([builtIn.listeners.size, fake("two").listeners.size]).toEqual([0, 0]);
    });
  });

  describe("calls to all pools", () => {
    const hang = () => new Promise<void>(() => {});

    it("collect in each of them, and pass over one that fails", async () => {
      const pooled = await start();
      for (const pool of ["one", "two"]) await addPool(pooled, pool);
      expect(await pooled.data.gc()).toEqual({ messages: 3, claims: 6, subscriptions: 9, queues: 12 });
      fake("two").before = () => {
        throw new DomainError("STORAGE_UNAVAILABLE", "It is gone.");
      };
      expect(await pooled.data.gc()).toMatchObject({ messages: 2 });
      expect(pooled.errors).toMatchObject([{ code: "STORAGE_UNAVAILABLE" }]);
      for (const pool of [builtIn, fake("one")]) pool.before = fake("two").before;
      await expect(pooled.data.gc()).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    });

    it("wait for a dead pool no longer than its own deadline", async () => {
      const pooled = await start();
      for (const pool of ["one", "dead"]) await addPool(pooled, pool);
      for (const pool of ["one", "dead"]) await pooled.data.pool(pool);
      fake("dead").before = hang;
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      for (const [call, milliseconds, answer] of [
        ["isAlive", 3000, false],
        ["health", 10_000, { storageReachable: false, operations: [] }],
        ["gc", 60_000, { messages: 2, claims: 4, subscriptions: 6, queues: 8 }],
      ] as const) {
        let settled: unknown = "waiting";
        const done = pooled.data[call]().then((result) => {
          settled = result;
        });
        while (![fake("one"), fake("dead")].every((pool) => pool.calls.includes(call))) {
          await new Promise((resolve) => setImmediate(resolve));
        }
        await vi.advanceTimersByTimeAsync(milliseconds - 1);
        expect(settled).toBe("waiting");
        await vi.advanceTimersByTimeAsync(1);
        await done;
        expect(settled).toEqual(answer);
        expect(fake("one").calls.filter((one) => one === call)).toHaveLength(1);
      }
      // A collection that is still going on is joined, not begun again.
      const again = pooled.data.gc();
      while (fake("one").calls.filter((one) => one === "gc").length < 2) await new Promise((r) => setImmediate(r));
      await vi.advanceTimersByTimeAsync(60_000);
      await again;
      expect(fake("dead").calls.filter((one) => one === "gc")).toHaveLength(1);
    });

    it("are alive and healthy when all pools are, and show the worst of each operation", async () => {
      const pooled = await start();
      await addPool(pooled, "one");
      expect(await pooled.data.isAlive()).toBe(true);
      const probe = (succeeded: boolean, seconds: number) => async () => ({
        storageReachable: true,
        operations: [
          { operation: "post_messages" as const, succeeded, seconds, error: succeeded ? null : "It broke." },
        ],
      });
      builtIn.driver.health = probe(true, 5);
      fake("one").driver.health = probe(true, 2);
      expect((await pooled.data.health()).operations).toMatchObject([{ succeeded: true, seconds: 5 }]);
      fake("one").driver.health = probe(false, 2);
      expect(await pooled.data.health()).toMatchObject({
        storageReachable: true,
        operations: [{ succeeded: false, seconds: 2, error: "It broke." }],
      });
    });
  });

  describe("the pool of a new queue", () => {
    it("is drawn by weight among those of its flavor, or those without one", async () => {
      let dice = 0;
      const pooled = await start({ random: () => dice });
      await addPool(pooled, "a", 1);
      await addPool(pooled, "b", 3);
      await addPool(pooled, "gold", 1, "gold");
      await addPool(pooled, "off", 0, "gold");
      expect(await pooled.data.choosePool(null)).toBe("a");
      dice = 0.25;
      expect(await pooled.data.choosePool(null)).toBe("b");
      dice = 0.999;
      expect(await pooled.data.choosePool(null)).toBe("b");
      expect(await pooled.data.choosePool("gold")).toBe("gold");
    });

    it("is the built-in one only without a flavor, and when no registered pool takes queues", async () => {
      const pooled = await start();
      expect(await pooled.data.choosePool(null)).toBe("default");
      await addPool(pooled, "off", 0);
      await addPool(pooled, "gold", 0, "gold");
      expect(await pooled.data.choosePool(null)).toBe("default");
      for (const flavor of ["gold", "unknown"]) {
        await expect(pooled.data.choosePool(flavor)).rejects.toMatchObject({
          code: "NO_POOL_FOUND",
          details: { flavor },
        });
      }
      await pooled.control.pools.update("off", { weight: 1 });
      expect(await pooled.data.choosePool(null)).toBe("off");
    });
  });

  describe("two real pools", () => {
    it("do not share a fate: one whose database is gone harms no queue of the other, and comes back when it does", async () => {
      const pooled = await start();
      const [healthy, doomed] = [await createEmptyDatabase(), await createEmptyDatabase()];
      await pooled.control.pools.create({ name: "healthy", uri: healthy.url, weight: 1 });
      await pooled.control.pools.create({ name: "doomed", uri: doomed.url, weight: 1 });
      const [well, ill] = [await aQueue(pooled, "healthy"), await aQueue(pooled, "doomed")];
      for (const queue of [well, ill]) await pooled.data.messages.post(aPost(queue));
      const admin = openConnections({ url: database.url, connections: 1 });
      const name = new URL(doomed.url).pathname.slice(1);
      await admin.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", [name]);
      await expect
        .poll(() =>
          admin.query(`ALTER DATABASE ${name} RENAME TO ${name}_away`).then(
            () => "away",
            () => "busy",
          ),
        )
        .toBe("away");

      const failure = await pooled.data.messages.post(aPost(ill)).catch((error: unknown) => error);
      expect(failure).toMatchObject({ kind: "unavailable" });
      await pooled.data.messages.post(aPost(well));
      const [first, second] = await pooled.data.messages.stats([
        { project: "p", name: well.name },
        { project: "p", name: ill.name },
      ]);
      expect([first?.total, second]).toEqual([2, null]);
      expect(await pooled.data.isAlive()).toBe(false);

      await admin.query(`ALTER DATABASE ${name}_away RENAME TO ${name}`);
      expect((await pooled.data.messages.stats([{ project: "p", name: ill.name }]))[0]?.total).toBe(1);
      expect(await pooled.data.isAlive()).toBe(true);
      await admin.end();
      for (const pool of ["healthy", "doomed"]) await pooled.data.forgetPool(pool);
      await Promise.all([healthy.drop(), doomed.drop()]);
    });
  });

  describe("verifying a URI", () => {
    it("makes a new pool's tables, says what it can do, and leaves nothing open", async () => {
      const pooled = await start();
      const empty = await createEmptyDatabase();
      const url = new URL(empty.url);
      url.searchParams.set("schema", "brand_new");
      expect(await pooled.data.verify(url.toString())).toContain("CLAIMS");
      expect(await pooled.data.verify(url.toString())).toContain("FIFO");
      await pooled.control.pools.create({ name: "real", uri: url.toString(), weight: 1 });
      expect(await (await pooled.data.pool("real")).isAlive()).toBe(true);
      await pooled.data.forgetPool("real");
      await empty.drop();
    });

    it("refuses a scheme that no driver has, before it connects", async () => {
      const pooled = await start();
      for (const uri of [`http://u:${CANARY}@h/`, "file:///etc/passwd", `u:${CANARY}@h`, ""]) {
        const error = await pooled.data.verify(uri).catch((failure: unknown) => failure);
        expect(error).toMatchObject({ code: "BAD_INPUT", message: expect.stringContaining("fake://") });
        expect(inspect(error, { depth: 9 })).not.toContain(CANARY);
      }
    });

    it("says why a pool cannot be reached, without its secrets", async () => {
      const pooled = await start();
      const server = new URL(database.url);
      const missing = new URL(database.url);
      missing.pathname = "/no_such_database";
      const cases: [string, string][] = [
        [`postgresql://u:${CANARY}@127.0.0.1:1/db`, "nothing listens"],
        [missing.toString(), "no such database"],
        [`postgresql://u:${CANARY}@127.0.0.1:1/db?schema=a;b`, "schema"],
      ];
      for (const [uri, reason] of cases) {
        const error = await pooled.data.verify(uri).catch((failure: unknown) => failure);
        expect(error).toMatchObject({
          code: expect.stringMatching(/^(POOL_NOT_REACHABLE|BAD_INPUT)$/),
          message: expect.stringContaining(reason),
        });
        expect(inspect(error, { depth: 9 })).not.toContain(CANARY);
        expect(String(error)).not.toContain(server.password || CANARY);
      }
    });

    it("gives up after its time-out, and closes what opens too late", async () => {
      const pooled = await start();
      let open = () => {};
      fake("slow").before = () => new Promise((resolve) => (open = resolve));
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      const verdict = expect(pooled.data.verify("fake://slow")).rejects.toMatchObject({
        code: "POOL_NOT_REACHABLE",
        message: expect.stringContaining("too long"),
      });
      await vi.advanceTimersByTimeAsync(5000);
      await verdict;
      expect(fake("slow").closed).toBe(0);
      open();
      vi.useRealTimers();
      await vi.waitFor(() => expect(fake("slow").closed).toBe(1));
    });
  });
});
