import { randomUUID } from "node:crypto";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { DomainError } from "../../../server/errors.ts";
import { writeRefusedError } from "../../../server/storage/errors/read-only-storage.ts";
import type { LocationCache } from "../../../server/storage/pooling/pool-catalog.ts";
import type { QueueRef } from "../../../server/storage/queue-ref.ts";
import { memoryCache } from "../../support/pooled.ts";
import { addPool, aPost, aQueue, CANARY, preparePools, watched } from "./harness.ts";

const { fake, start, state, wait } = preparePools();

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
    expect(state.builtIn.messagesOf(there)).toHaveLength(1);
    expect(fake("one").messagesOf(there)).toHaveLength(0);
    expect([...fake("one").rows.values()][0]?.epoch).toBe(here.epoch);
  });

  it("concurrent calls share one lookup, and none looks up again within a second", async () => {
    const { seen, watch } = watched();
    const pooled = await start({ watch });
    await addPool(pooled, "one");
    const queue = await aQueue(pooled, "one");
    fake("one").rows.set(JSON.stringify(["p", queue.name]), { epoch: queue.epoch, messages: [] });
    await Promise.all(Array.from({ length: 50 }, () => pooled.data.messages.post(aPost(queue))));
    expect(seen).toMatchObject({ get: 1, pools: 1 });
    expect(state.opened).toEqual(["fake://one"]);
    // Less than a second, because the cache's clock also runs in real time.
    wait(500);
    await pooled.data.messages.post(aPost(queue));
    expect(seen).toMatchObject({ get: 1, pools: 1 });
    wait(500);
    await pooled.data.messages.post(aPost(queue));
    expect(seen).toMatchObject({ get: 2, pools: 2 });
    expect(fake("one").messagesOf(queue)).toHaveLength(52);
  });

  it("follows a queue that another process moved, while the old location is still cached", async () => {
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

  it("follows a queue that was created again in the same pool", async () => {
    const pooled = await start();
    await addPool(pooled, "one");
    const queue = await aQueue(pooled, "one");
    await pooled.data.messages.post(aPost(queue));
    const again = await pooled.control.catalogue.update(queue, "one");
    await fake("one").driver.attachQueue({ ...queue, epoch: again.epoch });
    await pooled.data.messages.post(aPost(queue));
    expect(fake("one").messagesOf(queue)).toHaveLength(1);
  });

  it("attaches a queue whose row in the pool a crash left out", async () => {
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

  it("says that an unmapped queue does not exist, and finds it as soon as it is mapped", async () => {
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

  it("tries twice, and never reports a stale epoch to a caller that named none", async () => {
    const pooled = await start();
    await addPool(pooled, "one");
    const queue = await aQueue(pooled, "one");
    fake("one").before = (call) => {
      if (call === "messages.post") throw new DomainError("QUEUE_EPOCH_STALE", "Another epoch.");
    };
    await expect(pooled.data.messages.post(aPost(queue))).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    expect(fake("one").calls.filter((call) => call === "messages.post")).toHaveLength(2);
  });

  it("refuses a stale epoch that the caller names", async () => {
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

  it("forgets a location when told, and keeps apart queues whose project and name join to the same text", async () => {
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
    expect(state.builtIn.rows.size).toBe(3);
    const before = seen.get;
    await pooled.data.forgetQueue(queues[0] as QueueRef);
    for (const queue of queues) await pooled.data.messages.post(aPost(queue));
    expect(seen.get).toBe(before + 1);
    for (const queue of queues) await pooled.control.queues.delete(queue);
  });
});

describe("the failure of a storage", () => {
  const cause = new Error("connect ECONNREFUSED");
  const unreachable = new DomainError("STORAGE_UNAVAILABLE", "The storage cannot be reached.", { cause });
  const named = (code = "STORAGE_UNAVAILABLE") => ({
    code,
    message: 'Pool "one": The storage cannot be reached.',
    details: { pool: "one" },
    cause,
  });

  it("names its pool, whichever way the call took", async () => {
    const pooled = await start();
    for (const pool of ["one", "two"]) await addPool(pooled, pool);
    const [known, unknown, fresh] = [
      await aQueue(pooled, "one"),
      await aQueue(pooled, "one"),
      await aQueue(pooled, "one"),
    ];
    await pooled.data.messages.post(aPost(known));
    const breaks = (calls: readonly string[]) => {
      fake("one").before = (call) => {
        if (calls.includes(call)) throw unreachable;
      };
    };
    breaks(["messages.post", "messages.stats", "gc"]);
    await expect(pooled.data.messages.post(aPost(known))).rejects.toMatchObject(named());
    await expect(pooled.data.messages.post(aPost(unknown))).rejects.toMatchObject(named());
    await expect(pooled.data.messages.stats([known])).rejects.toMatchObject(named());
    // An error that no caller gets goes to the log.
    await pooled.data.gc();
    expect(pooled.errors).toMatchObject([named()]);
    // Here the call fails when it attaches the queue that the pool lacks.
    breaks(["attachQueue"]);
    await expect(pooled.data.messages.post(aPost(fresh))).rejects.toMatchObject(named());
    await expect(pooled.data.attachQueue(fresh)).rejects.toMatchObject(named());
  });

  it("names a pool that could not be opened, but not its URI", async () => {
    const pooled = await start();
    await pooled.control.pools.create({ name: "one", uri: `fake://u:${CANARY}@one`, weight: 1 });
    const queue = await aQueue(pooled, "one");
    fake("one").before = () => {
      throw unreachable;
    };
    const failures = await Promise.all(
      [pooled.data.pool("one"), pooled.data.messages.post(aPost(queue)), pooled.data.attachQueue(queue)].map((call) =>
        call.catch((error: unknown) => error),
      ),
    );
    expect(failures).toMatchObject([named(), named(), named()]);
    // The callers got the error, so it is not logged too.
    expect(pooled.errors).toEqual([]);
    expect(inspect(failures, { depth: 9 })).not.toContain(CANARY);
  });

  it("keeps its code, its details and its cause, for each caller that shares it", async () => {
    const pooled = await start();
    await addPool(pooled, "one");
    const queue = await aQueue(pooled, "one");
    await pooled.data.attachQueue(queue);
    const doubtful = new DomainError("OUTCOME_UNKNOWN", unreachable.message, { cause });
    for (const failure of [doubtful, new DomainError("DEADLINE_EXCEEDED", unreachable.message, { cause })]) {
      fake("one").before = () => {
        throw failure;
      };
      const calls = [1, 2].map(() => pooled.data.messages.post(aPost(queue)).catch((error: unknown) => error));
      expect(await Promise.all(calls)).toMatchObject([named(failure.code), named(failure.code)]);
    }
    fake("one").before = () => {
      throw writeRefusedError("disk-full", cause);
    };
    await expect(pooled.data.messages.post(aPost(queue))).rejects.toMatchObject({
      details: { pool: "one", takesWrites: false },
    });
  });

  it("is not blamed on the pool when the control database cannot say where the pool is", async () => {
    const { seen, watch } = watched();
    const pooled = await start({ watch });
    await addPool(pooled, "one");
    seen.broken = true;
    await expect(pooled.data.pool("one")).rejects.toMatchObject({
      code: "STORAGE_UNAVAILABLE",
      message: expect.stringMatching(/^Where the pool "one" is could not be looked up .*The control plane is gone/),
    });
  });
});

describe("with a broken location cache", () => {
  const fails = async (): Promise<never> => {
    throw new Error("The cache is broken.");
  };
  const never = () => new Promise<never>(() => {});
  const stale = { pool: "nowhere", epoch: 1 };
  const caches: Record<string, () => LocationCache> = {
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
    "that answers without a promise": () => memoryCache(state.clock),
    "in another process": () => ({
      ...asPromises(memoryCache(state.clock)),
      peek: () => undefined,
    }),
  };
  const asPromises = (cache: LocationCache): LocationCache => ({
    peek: (key) => cache.peek(key),
    get: (key) => cache.get(key),
    set: (key, place, options) => cache.set(key, place, options),
    deleteMulti: (keys) => cache.deleteMulti(keys),
  });

  it.each(Object.keys(caches))("a location cache %s changes no answer", async (kind) => {
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

  it("a location cache with an old epoch of the same pool lets nothing be written to that epoch", async () => {
    const cache = memoryCache(state.clock);
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
