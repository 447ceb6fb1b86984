/** What every backend of the key-value store guarantees about its write locks. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RegionOptions } from "../../server/kvs/region.ts";
import { configuredStore, type KeyValueWorld, passSecondsIn, refused } from "./key-value-harness.ts";

export function describeKeyValueLocks(name: string, open: () => Promise<KeyValueWorld>): void {
  describe(`locks of the key-value store on ${name}`, () => {
    let world: KeyValueWorld;
    beforeAll(async () => {
      world = await open();
    });
    afterAll(() => world.close());
    const aStore = (options: Partial<RegionOptions> = {}) => configuredStore(world, options);
    const passSeconds = (seconds: number) => passSecondsIn(world, seconds);

    it("let their holder write and delete, and show whether they are active, their token and their fence", async () => {
      const store = aStore();
      const lock = store.getLock("k");
      expect(lock).toMatchObject({
        key: "k",
        active: false,
        expired: false,
        token: null,
        fence: null,
        expiresAt: null,
      });
      await lock.acquire();
      expect(lock).toMatchObject({
        active: true,
        expired: false,
        token: expect.any(String),
        fence: expect.any(Number),
      });
      await store.set("k", 1, { lock });
      await store.set("k", 2, { lock });
      expect(await store.get("k")).toBe(2);
      expect(await store.delete("k", { lock })).toBe(true);
      expect(await store.delete("k", { lock })).toBe(false);
      await lock.release();
      expect(lock).toMatchObject({ active: false, token: null, fence: null });
      await lock.release();
    });

    it("do not delay readers", async () => {
      const store = aStore();
      await store.set("k", 1);
      await using _lock = await store.getLock("k").acquire();
      expect(await store.get("k")).toBe(1);
      expect(await store.getMulti(["k"])).toEqual([1]);
    });

    it("delay other writers of the key until they are released", async () => {
      const store = aStore({ lockTimeoutSeconds: 60 });
      await store.set("k", "before");
      const lock = await store.getLock("k").acquire();
      const order: string[] = [];
      const writes = [
        store.set("k", "other").then(() => order.push("other")),
        store.delete("k").then(() => order.push("deleted")),
      ];
      await store.set("another key", 1);
      expect(await store.get("k")).toBe("before");
      await store.set("k", "mine", { lock });
      order.push("mine");
      await lock.release();
      await Promise.all(writes);
      expect(order[0]).toBe("mine");
    });

    it("are released at the end of an `await using` block, also after an error", async () => {
      const store = aStore();
      const failing = async () => {
        await using lock = await store.getLock("k").acquire();
        await store.set("k", 1, { lock });
        throw new Error("in the block");
      };
      await expect(failing()).rejects.toThrow("in the block");
      await using again = await store.getLock("k").acquire();
      expect(again.active).toBe(true);
    });

    it("make a read and a write one step: no concurrent increment is lost", async () => {
      const store = aStore({ lockTimeoutSeconds: 60 });
      await store.set("count", 0);
      const increment = async () => {
        await using lock = await store.getLock("count").acquire();
        await store.set("count", ((await store.get("count")) as number) + 1, { lock });
      };
      await Promise.all(Array.from({ length: 12 }, increment));
      expect(await store.get("count")).toBe(12);
    });

    it("get growing fences", async () => {
      const store = aStore();
      const fences: number[] = [];
      for (let turn = 0; turn < 3; turn++) {
        await using lock = await store.getLock("k").acquire();
        fences.push(lock.fence as number);
      }
      expect(fences).toEqual([...new Set(fences)].sort((a, b) => a - b));
    });

    it("are refused for another key, for another store, when not active and when released", async () => {
      const [store, other] = [aStore(), aStore()];
      await using lock = await store.getLock("k").acquire();
      await expect(store.set("other", 1, { lock })).rejects.toEqual(refused("LOCK_NOT_VALID", { target: "k" }));
      await expect(other.set("k", 1, { lock })).rejects.toEqual(refused("LOCK_NOT_VALID"));
      await expect(store.set("k", 1, { lock: store.getLock("k") })).rejects.toEqual(refused("LOCK_NOT_VALID"));
      await store.set("k", 1, { lock });
      await lock.release();
      await expect(store.set("k", 2, { lock })).rejects.toEqual(refused("LOCK_NOT_VALID"));
      await expect(store.delete("k", { lock })).rejects.toEqual(refused("LOCK_NOT_VALID"));
      expect(await store.get("k")).toBe(1);
    });

    it("expire for their holder one second before the backend drops them", async () => {
      const store = aStore({ lockTimeoutSeconds: 50 });
      await store.set("k", "before");
      const lock = await store.getLock("k").acquire();
      passSeconds(40);
      expect(lock.expired).toBe(false);
      await store.set("k", "in time", { lock });
      passSeconds(9);
      expect(lock).toMatchObject({ active: true, expired: true });
      await expect(store.set("k", "late", { lock })).rejects.toEqual(refused("LOCK_NOT_VALID"));
      // The backend still holds the lock: nobody else gets it before its whole time is over.
      expect((await world.stores.locks({ page: { limit: 100 } })).items.map(({ holder }) => holder)).toContain(
        lock.token,
      );
      passSeconds(1);
      expect((await world.stores.locks({ page: { limit: 100 } })).items.map(({ holder }) => holder)).not.toContain(
        lock.token,
      );
      await using next = await store.getLock("k").acquire();
      await store.set("k", "next", { lock: next });
      expect(await store.get("k")).toBe("next");
    });

    it("leave a new holder's lock alone when an expired one is released late", async () => {
      const store = aStore({ lockTimeoutSeconds: 5 });
      const late = await store.getLock("k").acquire();
      passSeconds(5);
      await using next = await store.getLock("k").acquire();
      await late.release();
      const holders = (await world.stores.locks({ page: { limit: 100 } })).items.map(({ holder }) => holder);
      expect(holders).toContain(next.token);
      await store.set("k", 1, { lock: next });
    });

    it("cannot be acquired twice, and can be acquired again after a release", async () => {
      const store = aStore();
      const lock = await store.getLock("k").acquire();
      await expect(lock.acquire()).rejects.toEqual(refused("LOCK_NOT_VALID"));
      await lock.release();
      await lock.acquire();
      await store.set("k", 1, { lock });
      await lock.release();
    });

    it("are found again by their token, to write with and to release", async () => {
      const store = aStore({ lockTimeoutSeconds: 5 });
      const lock = await store.getLock("k").acquire();
      const token = lock.token as string;
      const resumed = await store.resumeLock("k", token);
      expect(resumed).toMatchObject({ key: "k", active: true, expired: false, fence: lock.fence });
      await store.set("k", 1, { lock: resumed });
      await expect(store.resumeLock("other", token)).rejects.toEqual(refused("LOCK_NOT_VALID"));
      await expect(store.resumeLock("k", "no such token")).rejects.toEqual(refused("LOCK_NOT_VALID"));
      await resumed.release();
      await expect(store.resumeLock("k", token)).rejects.toEqual(refused("LOCK_NOT_VALID"));
      await expect(store.set("k", 2, { lock }), "released by the other").rejects.toEqual(refused("LOCK_NOT_VALID"));
      expect(await store.get("k")).toBe(1);
    });

    it("last as long as their caller asks, and tell when they end", async () => {
      const store = aStore({ lockTimeoutSeconds: 5 });
      await using lock = await store.getLock("k").acquire({ ttlSeconds: 50 });
      const { items } = await world.stores.locks({ page: { limit: 100 } });
      const ends = lock.expiresAt?.getTime() ?? Number.NaN;
      const listed = items.find(({ holder }) => holder === lock.token);
      const resumed = await store.resumeLock("k", lock.token as string);
      for (const again of [listed, resumed]) {
        expect(Math.abs((again?.expiresAt?.getTime() ?? Number.NaN) - ends)).toBeLessThan(50);
      }
      passSeconds(48);
      await store.set("k", 1, { lock });
      passSeconds(1);
      expect(lock.expired).toBe(true);
      await expect(store.getLock("k").acquire({ ttlSeconds: 1 }), "no longer than the margin").rejects.toEqual(
        refused("BAD_INPUT"),
      );
    });

    it("are not waited for by a caller that does not want to, or does not any more", async () => {
      const store = aStore({ lockTimeoutSeconds: 60 });
      const lock = await store.getLock("k").acquire();
      await expect(store.getLock("k").acquire({ waitSeconds: 0 })).rejects.toEqual(
        refused("LOCK_TIMEOUT", { target: "k" }),
      );
      await expect(store.getLock("k").acquire({ waitSeconds: -1 })).rejects.toEqual(refused("BAD_INPUT"));
      const leaving = new AbortController();
      const waiting = [1, 2].map(() => store.getLock("k").acquire({ signal: leaving.signal }));
      const given = expect(Promise.allSettled(waiting)).resolves.toEqual([
        expect.objectContaining({ reason: refused("LOCK_TIMEOUT") }),
        expect.objectContaining({ reason: refused("LOCK_TIMEOUT") }),
      ]);
      leaving.abort();
      await given;
      await lock.release();
      await using next = await store.getLock("k").acquire({ waitSeconds: 0, signal: leaving.signal });
      expect(next.active, "one look needs no waiting").toBe(true);
    });

    it("are renewed by their holder: token and fence stay, and others wait on", async () => {
      const store = aStore({ lockTimeoutSeconds: 50 });
      const lock = await store.getLock("k").acquire();
      const { token, fence, expiresAt } = lock;
      passSeconds(40);
      await lock.renew();
      expect(lock).toMatchObject({ active: true, expired: false, token, fence });
      expect((lock.expiresAt as Date).getTime()).toBeGreaterThanOrEqual((expiresAt as Date).getTime() + 40_000);
      passSeconds(20);
      await expect(store.getLock("k").acquire({ waitSeconds: 0 })).rejects.toEqual(refused("LOCK_TIMEOUT"));
      await store.set("k", 1, { lock });
      const renewed = await store.renewLock("k", token as string, 100);
      expect(renewed).toMatchObject({ key: "k", active: true, expired: false, token, fence });
      passSeconds(98);
      await store.set("k", 2, { lock: renewed });
      await renewed.renew(5);
      passSeconds(5);
      await using next = await store.getLock("k").acquire({ waitSeconds: 0 });
      expect(next.fence).toBeGreaterThan(fence as number);
    });

    it("cannot be renewed by anybody else, nor once they have expired for their holder", async () => {
      const store = aStore({ lockTimeoutSeconds: 50 });
      const lock = store.getLock("k");
      await expect(lock.renew()).rejects.toEqual(refused("LOCK_NOT_VALID", { target: "k" }));
      await lock.acquire();
      const token = lock.token as string;
      await expect(store.renewLock("k", "no such token")).rejects.toEqual(refused("LOCK_NOT_VALID"));
      await expect(store.renewLock("other", token)).rejects.toEqual(refused("LOCK_NOT_VALID"));
      await expect(store.renewLock("k", token, 1)).rejects.toEqual(refused("BAD_INPUT"));
      passSeconds(49.5);
      // The backend has it still. But its holder has been told that it expired, and may have stopped.
      await expect(lock.renew()).rejects.toEqual(refused("LOCK_NOT_VALID"));
      await expect(store.renewLock("k", token)).rejects.toEqual(refused("LOCK_NOT_VALID"));
      passSeconds(1);
      const next = await store.getLock("k").acquire({ waitSeconds: 0 });
      const nextToken = next.token as string;
      await expect(store.renewLock("k", token)).rejects.toEqual(refused("LOCK_NOT_VALID"));
      await store.renewLock("k", nextToken);
      await next.release();
      await expect(store.renewLock("k", nextToken), "released").rejects.toEqual(refused("LOCK_NOT_VALID"));
    });

    it("are neither acquired nor respected by writes of many keys", async () => {
      const store = aStore({ lockTimeoutSeconds: 60 });
      await using lock = await store.getLock("k").acquire();
      await store.setMulti({ k: "many", l: 1 });
      expect(await store.get("k")).toBe("many");
      await store.deleteMulti(["k"]);
      await store.set("k", "holder", { lock });
      expect(await store.get("k")).toBe("holder");
    });

    it("are granted to everybody and guard nothing where locking is off", async () => {
      const store = aStore({ locking: false });
      await using one = await store.getLock("k").acquire();
      await using two = await store.getLock("k").acquire();
      await store.set("k", 1, { lock: one });
      await store.set("k", 2, { lock: two });
      await store.set("k", 3);
      expect(await store.get("k")).toBe(3);
      expect(one).toMatchObject({ fence: null, expiresAt: null });
      await one.renew();
      await one.release();
      await expect(store.set("k", 4, { lock: one })).rejects.toEqual(refused("LOCK_NOT_VALID"));
      await store.delete("k");
    });
  });
}
