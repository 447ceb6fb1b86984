/** What every backend of the key-value store keeps: REFERENCE.md's table, on a store opened afresh for each test. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sha1Mangler } from "../../server/kvs/key-mangler.ts";
import type { KeyValueStore } from "../../server/kvs/key-value-store.ts";
import type { RegionOptions, RegionProxy } from "../../server/kvs/region.ts";
import type { KeyValueStores } from "../../server/kvs/stores.ts";

export interface KeyValueWorld {
  stores: KeyValueStores;
  /** The backend under test. */
  backingStore: string;
  /** Of the stores and the backend; moving it moves all their time. */
  clock: { offsetMs: number };
  close(): Promise<void>;
}

let serial = 0;
const freshName = () => `store-${++serial}`;
const refused = (code: string, details: Record<string, unknown> = {}) =>
  expect.objectContaining({ code, details: expect.objectContaining(details) });

export function describeKeyValue(name: string, open: () => Promise<KeyValueWorld>): void {
  describe(`key-value store on ${name}`, () => {
    let world: KeyValueWorld;
    beforeAll(async () => {
      world = await open();
    });
    afterAll(() => world.close());

    const aStore = (options: Partial<RegionOptions> = {}): KeyValueStore => {
      const store = world.stores.get(freshName());
      store.configure({ backingStore: world.backingStore, ...options });
      return store;
    };
    const passSeconds = (seconds: number) => {
      world.clock.offsetMs += seconds * 1000;
    };

    describe("making a store", () => {
      it("gives the same store for the same name", () => {
        const store = freshName();
        expect(world.stores.get(store)).toBe(world.stores.get(store));
        expect(world.stores.get(store)).not.toBe(world.stores.get(freshName()));
      });

      it("refuses every call until it is configured", async () => {
        const store = world.stores.get(freshName());
        expect(store.isConfigured).toBe(false);
        await expect(store.get("k")).rejects.toEqual(refused("STORE_NOT_CONFIGURED"));
        await expect(store.getMulti(["k"])).rejects.toEqual(refused("STORE_NOT_CONFIGURED"));
        await expect(store.set("k", 1)).rejects.toEqual(refused("STORE_NOT_CONFIGURED"));
        await expect(store.setMulti({ k: 1 })).rejects.toEqual(refused("STORE_NOT_CONFIGURED"));
        await expect(store.delete("k")).rejects.toEqual(refused("STORE_NOT_CONFIGURED"));
        await expect(store.deleteMulti(["k"])).rejects.toEqual(refused("STORE_NOT_CONFIGURED"));
        expect(() => store.getLock("k")).toThrow(refused("STORE_NOT_CONFIGURED"));
        expect(() => store.peek("k")).toThrow(refused("STORE_NOT_CONFIGURED"));
      });

      it("is configured once", () => {
        const store = aStore();
        expect(store.isConfigured).toBe(true);
        expect(() => store.configure({ backingStore: world.backingStore })).toThrow(
          refused("STORE_ALREADY_CONFIGURED"),
        );
      });

      it("stays unconfigured when the settings make no sense", () => {
        const store = world.stores.get(freshName());
        for (const wrong of [
          { backingStore: "punched-cards" },
          { backingStore: "toString" },
          { lockTimeoutSeconds: 1 },
          { lockTimeoutSeconds: Number.NaN },
          { lockTimeoutSeconds: 10_000_000 },
          { lockWaitSeconds: 0 },
          { expirationSeconds: 0 },
          { expirationSeconds: Number.POSITIVE_INFINITY },
          { maximumEntries: 0 },
        ]) {
          const configure = () => store.configure({ backingStore: world.backingStore, ...wrong });
          expect(configure, JSON.stringify(wrong)).toThrow(refused("BAD_INPUT"));
        }
        expect(store.isConfigured).toBe(false);
      });

      it("lets two stores share a region, which is configured once for both", async () => {
        const region = world.stores.region(freshName());
        const one = world.stores.get(freshName(), region);
        const other = world.stores.get(freshName(), region);
        one.configure({ backingStore: world.backingStore });
        expect(other.isConfigured).toBe(true);
        await one.set("k", "shared");
        expect(await other.get("k")).toBe("shared");
      });

      it("keeps stores apart", async () => {
        const [one, other] = [aStore(), aStore()];
        await one.set("k", 1);
        await expect(other.get("k")).rejects.toEqual(refused("KEY_DOES_NOT_EXIST"));
      });
    });

    describe("entries", () => {
      it.each([
        null,
        true,
        0,
        -1.5,
        2 ** 53,
        "",
        "text with \u0000, \ud800 and 🐪",
        [],
        [[1], { a: null }],
        {},
        { nested: { list: [1, "two", null] }, "": 0 },
        JSON.parse('{"__proto__": {"polluted": true}}'),
      ])("gives back %j as it was written", async (value) => {
        const store = aStore();
        await store.set("k", value);
        const found = await store.get("k");
        expect(found).toEqual(value);
        expect(JSON.stringify(found)).toBe(JSON.stringify(value));
      });

      it.each([
        undefined,
        Number.NaN,
        Number.NEGATIVE_INFINITY,
        1n,
        Symbol("s"),
        () => 1,
        new Date(0),
        new Map(),
        [undefined],
        { deep: [{ wrong: 1n }] },
      ])("refuses %s, which is not JSON", async (value) => {
        const store = aStore();
        await expect(store.set("k", value)).rejects.toEqual(refused("BAD_INPUT"));
        await expect(store.setMulti({ fine: 1, wrong: value })).rejects.toEqual(refused("BAD_INPUT"));
        await expect(store.get("fine")).rejects.toEqual(refused("KEY_DOES_NOT_EXIST"));
      });

      it("refuses a value that contains itself", async () => {
        const circle: { self?: unknown } = {};
        circle.self = circle;
        await expect(aStore().set("k", circle)).rejects.toEqual(refused("BAD_INPUT"));
      });

      it("shares nothing with its callers: later changes to a written value are not seen, and a read one cannot be changed", async () => {
        const store = aStore({ keyMangler: false });
        const value = { list: [{ count: 1 }] };
        await store.set("k", value);
        value.list[0] = { count: 2 };
        const found = (await store.get("k")) as typeof value;
        expect(found).toEqual({ list: [{ count: 1 }] });
        expect(() => Object.assign(found.list[0] as object, { count: 3 })).toThrow(TypeError);
        expect(() => found.list.push({ count: 4 })).toThrow(TypeError);
        expect(await store.get("k")).toEqual({ list: [{ count: 1 }] });
      });

      it("overwrites", async () => {
        const store = aStore();
        await store.set("k", 1);
        await store.set("k", 2);
        expect(await store.get("k")).toBe(2);
      });

      it("says which key is missing", async () => {
        await expect(aStore().get("nobody")).rejects.toEqual(refused("KEY_DOES_NOT_EXIST", { key: "nobody" }));
      });

      it("deletes an entry that is there, and says when none is", async () => {
        const store = aStore();
        await store.set("k", 1);
        await store.delete("k");
        await expect(store.get("k")).rejects.toEqual(refused("KEY_DOES_NOT_EXIST"));
        await expect(store.delete("k")).rejects.toEqual(refused("KEY_DOES_NOT_EXIST", { key: "k" }));
      });

      it("reads many in the order asked, also a key asked for twice", async () => {
        const store = aStore();
        await store.setMulti(
          new Map([
            ["a", 1],
            ["b", 2],
            ["c", 3],
          ]),
        );
        expect(await store.getMulti(["c", "a", "c"])).toEqual([3, 1, 3]);
        expect(await store.getMulti([])).toEqual([]);
      });

      it("names the missing keys when it is to read many", async () => {
        const store = aStore();
        await store.setMulti({ a: 1, c: 3 });
        const asked = store.getMulti(["a", "b", "c", "d"]);
        await expect(asked).rejects.toEqual(refused("KEY_DOES_NOT_EXIST", { key: "b", keys: ["b", "d"] }));
      });

      it("deletes many and passes over those that do not exist", async () => {
        const store = aStore();
        await store.setMulti({ a: 1, b: 2, c: 3 });
        await store.deleteMulti(["a", "nobody", "b"]);
        expect(await store.getMulti(["c"])).toEqual([3]);
        await expect(store.get("a")).rejects.toEqual(refused("KEY_DOES_NOT_EXIST"));
        await store.deleteMulti([]);
      });

      it("takes the last of two values for one key that the mangler makes of two", async () => {
        const store = aStore({ keyMangler: (key) => key.toLowerCase() });
        await store.setMulti({ KEY: "first", key: "second" });
        expect(await store.get("Key")).toBe("second");
      });
    });

    describe("time", () => {
      it("makes an entry invisible at once when its ttl ends", async () => {
        const store = aStore();
        await store.set("short", 1, { ttlSeconds: 1000 });
        await store.set("long", 2);
        passSeconds(900);
        expect(await store.get("short")).toBe(1);
        passSeconds(100);
        await expect(store.get("short")).rejects.toEqual(refused("KEY_DOES_NOT_EXIST"));
        await expect(store.getMulti(["long", "short"])).rejects.toEqual(
          refused("KEY_DOES_NOT_EXIST", { key: "short" }),
        );
        await expect(store.delete("short")).rejects.toEqual(refused("KEY_DOES_NOT_EXIST"));
        expect(store.peek("short")).toBeUndefined();
        expect(await store.get("long")).toBe(2);
      });

      it("gives entries the store's expiration time unless they have their own", async () => {
        const store = aStore({ expirationSeconds: 1000 });
        await store.set("usual", 1);
        await store.set("own", 2, { ttlSeconds: 2000 });
        await store.setMulti({ many: 3 });
        await store.setMulti({ manyOwn: 4 }, { ttlSeconds: 2000 });
        passSeconds(1000);
        expect(await store.getMulti(["own", "manyOwn"])).toEqual([2, 4]);
        await expect(store.getMulti(["usual", "many"])).rejects.toEqual(
          refused("KEY_DOES_NOT_EXIST", { keys: ["usual", "many"] }),
        );
      });

      it("starts the time anew when an entry is written again", async () => {
        const store = aStore({ expirationSeconds: 1000 });
        await store.set("k", 1);
        passSeconds(900);
        await store.set("k", 2);
        passSeconds(900);
        expect(await store.get("k")).toBe(2);
      });

      it("refuses a ttl that makes no sense", async () => {
        for (const ttlSeconds of [0, -1, Number.NaN]) {
          await expect(aStore().set("k", 1, { ttlSeconds })).rejects.toEqual(refused("BAD_INPUT"));
        }
      });

      it("sweeps what has expired and nothing else", async () => {
        const name = freshName();
        const store = world.stores.get(name);
        store.configure({ backingStore: world.backingStore, keyMangler: false });
        await world.stores.sweep();
        await store.setMulti({ a: 1, b: 2 }, { ttlSeconds: 10 });
        await store.setMulti(new Map(Array.from({ length: 2500 }, (_, number) => [`many ${number}`, 0])), {
          ttlSeconds: 10,
        });
        await store.set("c", 3);
        passSeconds(10);
        expect(await world.stores.sweep()).toBeGreaterThanOrEqual(2502);
        expect(await world.stores.sweep()).toBe(0);
        expect(await store.get("c")).toBe(3);
      });
    });

    describe("key manglers", () => {
      const storedKeys = async (keyMangler: RegionOptions["keyMangler"]) => {
        const name = freshName();
        const store = world.stores.get(name);
        store.configure({ backingStore: world.backingStore, keyMangler });
        await store.set("some key", 1);
        expect(await store.get("some key")).toBe(1);
        return (await world.stores.keys(name, { limit: 10 })).items.map(({ key }) => key);
      };

      it("spells keys as SHA-1 unless told otherwise", async () => {
        expect(await storedKeys(undefined)).toEqual([sha1Mangler("some key")]);
        expect(sha1Mangler("some key")).toMatch(/^[0-9a-f]{40}$/);
      });

      it("spells keys as they are without a mangler, and as a mangler of one's own says", async () => {
        expect(await storedKeys(false)).toEqual(["some key"]);
        expect(await storedKeys((key) => `mine:${key}`)).toEqual(["mine:some key"]);
      });

      it("takes a key of any length and alphabet with the default mangler", async () => {
        const store = aStore();
        const keys = ["", "\0", "k".repeat(10_000), "🐪"];
        for (const key of keys) await store.set(key, key.length);
        expect(await store.getMulti(keys)).toEqual(keys.map((key) => key.length));
      });
    });

    describe("proxies", () => {
      it("wrap the backend, the first of the list outermost", async () => {
        const seen: string[] = [];
        const spy =
          (label: string): RegionProxy =>
          (inner) => ({
            get(keys) {
              seen.push(label);
              return inner.get(keys);
            },
          });
        const store = aStore({ proxies: [spy("outer"), spy("middle"), spy("inner")] });
        await store.set("k", 1);
        expect(await store.get("k")).toBe(1);
        expect(seen).toEqual(["outer", "middle", "inner"]);
      });

      it("may change what is written and read; no read passes them by", async () => {
        const upsideDown: RegionProxy = (inner) => ({
          get: async (keys) => (await inner.get(keys)).map((value) => (typeof value === "number" ? -value : value)),
          set: (entries, options) =>
            inner.set(
              entries.map(([key, value]) => [key, -(value as number)]),
              options,
            ),
        });
        const name = freshName();
        const region = world.stores.region(name);
        region.configure({ backingStore: world.backingStore, proxies: [upsideDown] });
        const store = world.stores.get(name, region);
        await store.set("k", 5);
        expect(await store.get("k")).toBe(5);
        expect(store.peek("k")).toBeUndefined();
        expect(await region.settings.backing.get([sha1Mangler("k")])).toEqual([5]);
      });
    });

    describe("locks", () => {
      it("let their holder write and delete, and say what they are", async () => {
        const store = aStore();
        const lock = store.getLock("k");
        expect(lock).toMatchObject({ key: "k", active: false, expired: false, token: null, fence: null });
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
        await store.delete("k", { lock });
        await expect(store.delete("k", { lock })).rejects.toEqual(refused("KEY_DOES_NOT_EXIST"));
        await lock.release();
        expect(lock).toMatchObject({ active: false, token: null, fence: null });
        await lock.release();
      });

      it("do not hold up readers", async () => {
        const store = aStore();
        await store.set("k", 1);
        await using _lock = await store.getLock("k").acquire();
        expect(await store.get("k")).toBe(1);
        expect(await store.getMulti(["k"])).toEqual([1]);
      });

      it("hold up the key's other writers until they are released", async () => {
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

      it("make read and write one step: no increment of many is lost", async () => {
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
        // Still the backend's: it is not found free before the whole time is over.
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

      it("are acquired once at a time, and again after a release", async () => {
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

      it("are not taken by writes of many keys, which pass a held one by", async () => {
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
        expect(one.fence).toBeNull();
        await one.release();
        await expect(store.set("k", 4, { lock: one })).rejects.toEqual(refused("LOCK_NOT_VALID"));
        await store.delete("k");
      });
    });

    describe("what operators see", () => {
      it("pages through a store's keys both ways, in order, without expired ones", async () => {
        const name = freshName();
        const store = world.stores.get(name);
        store.configure({ backingStore: world.backingStore, keyMangler: false });
        await store.setMulti({ d: 1, b: 1, "\uffff": 1, "🐪": 1, a: 1, c: 1 });
        await store.set("gone", 1, { ttlSeconds: 1 });
        await store.set("leaving", 1, { ttlSeconds: 100 });
        passSeconds(1);
        const first = await world.stores.keys(name, { limit: 3 });
        expect(first.items).toEqual([
          { key: "a", expiresAt: null },
          { key: "b", expiresAt: null },
          { key: "c", expiresAt: null },
        ]);
        expect(first).toMatchObject({ nextMarker: "c", previousMarker: null });
        const second = await world.stores.keys(name, { limit: 4, after: "c" });
        expect(second.items.map(({ key }) => key)).toEqual(["d", "leaving", "\uffff", "🐪"]);
        expect(second).toMatchObject({ nextMarker: null, previousMarker: "d" });
        const remaining = (second.items[1]?.expiresAt?.getTime() ?? 0) - (Date.now() + world.clock.offsetMs);
        expect(Math.abs(remaining - 99_000)).toBeLessThan(10_000);
        const back = await world.stores.keys(name, { limit: 2, before: "d" });
        expect(back.items.map(({ key }) => key)).toEqual(["b", "c"]);
        expect(back).toMatchObject({ nextMarker: "c", previousMarker: "b" });
        expect(await world.stores.keys(name, { limit: 2, before: "a" })).toEqual({
          items: [],
          nextMarker: null,
          previousMarker: null,
        });
      });

      it("lists stores with their backend and the number of entries", async () => {
        const name = freshName();
        const store = world.stores.get(name);
        store.configure({ backingStore: world.backingStore });
        await store.setMulti({ a: 1, b: 2 });
        await store.set("gone", 3, { ttlSeconds: 1 });
        passSeconds(1);
        const { items } = await world.stores.keyValueStores({ limit: 100 });
        expect(items).toContainEqual({
          name,
          backingStore: world.backingStore,
          internal: true,
          count: { value: 2, exact: true },
        });
        expect(items.map((item) => item.name)).toEqual(items.map((item) => item.name).sort());
      });

      it("counts exactly up to 10,000 entries and says when there are more", async () => {
        const name = freshName();
        const store = world.stores.get(name);
        store.configure({ backingStore: world.backingStore, keyMangler: false, maximumEntries: 20_000 });
        const numbered = (from: number, to: number) =>
          new Map(Array.from({ length: to - from }, (_, index) => [`k${from + index}`, 0]));
        const count = async () =>
          (await world.stores.keyValueStores({ limit: 100 })).items.find((item) => item.name === name)?.count;
        await store.setMulti(numbered(0, 10_000));
        expect(await count()).toEqual({ value: 10_000, exact: true });
        await store.setMulti(numbered(10_000, 10_001));
        expect(await count()).toEqual({ value: 10_000, exact: false });
      });

      it("pages through live locks both ways, of all stores or of one", async () => {
        const name = freshName();
        const store = world.stores.get(name);
        store.configure({ backingStore: world.backingStore, keyMangler: false, lockTimeoutSeconds: 50 });
        const held = await Promise.all(["b", "a", "c"].map((key) => store.getLock(key).acquire()));
        const page = await world.stores.locks({ store: name, page: { limit: 2 } });
        expect(page.items).toMatchObject([
          { region: name, key: "a", holder: held[1]?.token, fence: held[1]?.fence, expiresAt: expect.any(Date) },
          { region: name, key: "b", holder: held[0]?.token, fence: held[0]?.fence },
        ]);
        const next = await world.stores.locks({ store: name, page: { limit: 2, after: page.nextMarker as string } });
        expect(next.items.map(({ key }) => key)).toEqual(["c"]);
        expect(next.nextMarker).toBeNull();
        const back = await world.stores.locks({
          store: name,
          page: { limit: 1, before: next.previousMarker as string },
        });
        expect(back.items.map(({ key }) => key)).toEqual(["b"]);
        const all = await world.stores.locks({ page: { limit: 100 } });
        expect(all.items.filter(({ region }) => region === name)).toHaveLength(3);
        await Promise.all(held.map((lock) => lock.release()));
        expect((await world.stores.locks({ store: name, page: { limit: 10 } })).items).toEqual([]);
        await expect(world.stores.locks({ page: { limit: 1, after: "nonsense" } })).rejects.toEqual(
          refused("BAD_INPUT"),
        );
      });

      it("knows no store that nobody made", async () => {
        await expect(world.stores.keys("nobody", { limit: 1 })).rejects.toEqual(refused("STORE_DOES_NOT_EXIST"));
        await expect(world.stores.locks({ store: "nobody", page: { limit: 1 } })).rejects.toEqual(
          refused("STORE_DOES_NOT_EXIST"),
        );
        await expect(world.stores.open("nobody")).rejects.toEqual(refused("STORE_DOES_NOT_EXIST"));
      });
    });
  });
}
