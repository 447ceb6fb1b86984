/**
 * The key-value store in memory: the conformance suites, and what only this backend does: peeking, a maximum of
 * entries, and waiting in order of arrival.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createMemoryBackend } from "../../server/kvs/memory.ts";
import type { RegionOptions } from "../../server/kvs/region.ts";
import { createKeyValueStores } from "../../server/kvs/stores.ts";
import { describeKeyValue } from "../conformance/key-value.suite.ts";
import type { KeyValueWorld } from "../conformance/key-value-harness.ts";
import { describeKeyValueLists } from "../conformance/key-value-lists.suite.ts";
import { describeKeyValueLocks } from "../conformance/key-value-locks.suite.ts";

function openStores(clock = { offsetMs: 0 }) {
  return createKeyValueStores({ backends: { memory: createMemoryBackend({ clock }) }, durable: "memory", clock });
}

function aStore(options: Partial<RegionOptions> = {}) {
  const store = openStores().get("store");
  store.configure({ backingStore: "memory", ...options });
  return store;
}

const open = async (): Promise<KeyValueWorld> => {
  const clock = { offsetMs: 0 };
  return { stores: openStores(clock), backingStore: "memory", clock, close: async () => {} };
};
describeKeyValue("memory", open);
describeKeyValueLocks("memory", open);
describeKeyValueLists("memory", open);

describe("key-value store in memory", () => {
  it("can be peeked at without waiting, and hands out the same object each time", async () => {
    const store = aStore({ keyMangler: false });
    expect(store.peek("k")).toBeUndefined();
    await store.set("k", { cached: true });
    expect(store.peek("k")).toEqual({ cached: true });
    expect(store.peek("k")).toBe(await store.get("k"));
  });

  it("forgets the least recently used entry beyond its maximum", async () => {
    const store = aStore({ maximumEntries: 2 });
    await store.setMulti({ a: 1, b: 2 });
    expect(store.peek("a")).toBe(1);
    await store.set("c", 3);
    expect([store.peek("a"), store.peek("b"), store.peek("c")]).toEqual([1, undefined, 3]);
  });

  it("says that users cannot make stores where no backend is durable", async () => {
    const stores = createKeyValueStores({ backends: { memory: createMemoryBackend() } });
    await expect(stores.create("mine")).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
    await expect(stores.open("mine")).rejects.toMatchObject({ code: "STORE_DOES_NOT_EXIST" });
    await expect(stores.keys("mine", { limit: 1 })).rejects.toMatchObject({ code: "STORE_DOES_NOT_EXIST" });
    stores.get("internal").configure({ backingStore: "memory" });
    expect((await stores.keyValueStores({ limit: 10 })).items).toMatchObject([{ name: "internal", internal: true }]);
  });
});

describe("waiting for a lock in memory", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("serves waiters in the order in which they came", async () => {
    const store = aStore({ lockTimeoutSeconds: 60 });
    const lock = await store.getLock("k").acquire();
    const order: number[] = [];
    const waiters = [1, 2, 3].map(async (number) => {
      await using _own = await store.getLock("k").acquire();
      order.push(number);
    });
    await lock.release();
    await Promise.all(waiters);
    expect(order).toEqual([1, 2, 3]);
  });

  it("passes the lock of a holder that never releases it on, the moment it is dropped", async () => {
    const store = aStore({ lockTimeoutSeconds: 5 });
    const dead = await store.getLock("k").acquire();
    await vi.advanceTimersByTimeAsync(1);
    const heir = store.getLock("k");
    const acquired = heir.acquire();
    await vi.advanceTimersByTimeAsync(4998);
    expect(heir.active).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(heir.active).toBe(true);
    await acquired;
    await expect(store.set("k", 1, { lock: dead })).rejects.toMatchObject({ code: "LOCK_NOT_VALID" });
    await store.set("k", 2, { lock: heir });
  });

  it("ends with LOCK_TIMEOUT and the key when others are served all the time", async () => {
    const store = aStore({ lockTimeoutSeconds: 5 });
    await store.getLock("k").acquire();
    await vi.advanceTimersByTimeAsync(1);
    const [served, late] = [store.getLock("k"), store.getLock("k")];
    const first = served.acquire();
    const outcome = expect(late.acquire()).rejects.toMatchObject({ code: "LOCK_TIMEOUT", details: { target: "k" } });
    await vi.advanceTimersByTimeAsync(5000);
    await first;
    await outcome;
    expect(served.active).toBe(true);
    expect(late.active).toBe(false);
  });

  it("leaves the line when it gives up: the next one is served", async () => {
    const clock = { offsetMs: 0 };
    const region = createMemoryBackend({ clock }).open("region", {});
    const times = { lifeSeconds: 60, waitSeconds: 60 };
    const first = await region.acquireLock("k", "first", times);
    const impatient = region.acquireLock("k", "impatient", { ...times, waitSeconds: 1 });
    const patient = region.acquireLock("k", "patient", times);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await impatient).toBeNull();
    await region.releaseLock("k", { holder: "first", fence: first?.fence ?? 0 });
    expect(await patient).toMatchObject({ remainingSeconds: 60 });
  });

  it("waits on while the holder renews its lock", async () => {
    const store = aStore({ lockTimeoutSeconds: 5 });
    const lock = await store.getLock("k").acquire();
    const heir = store.getLock("k");
    const acquired = heir.acquire({ waitSeconds: 20 });
    await vi.advanceTimersByTimeAsync(3000);
    await lock.renew(10);
    await vi.advanceTimersByTimeAsync(9999);
    expect(heir.active).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await acquired;
    expect(heir.active).toBe(true);
  });

  it("serves one whose patience ends in the moment in which the holder is dropped", async () => {
    const store = aStore({ lockTimeoutSeconds: 5 });
    const dead = await store.getLock("k").acquire();
    const heir = store.getLock("k").acquire();
    await vi.advanceTimersByTimeAsync(5000);
    await using own = await heir;
    expect(own.active).toBe(true);
    expect(dead.expired).toBe(true);
  });
});
