/** What every backend of the key-value store guarantees about entries. `key-value-locks.suite.ts` has its locks. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sha1Mangler } from "../../server/kvs/key-mangler.ts";
import type { RegionOptions, RegionProxy } from "../../server/kvs/region.ts";
import { configuredStore, freshName, type KeyValueWorld, passSecondsIn, refused } from "./key-value-harness.ts";

export function describeKeyValue(name: string, open: () => Promise<KeyValueWorld>): void {
  describe(`key-value store on ${name}`, () => {
    let world: KeyValueWorld;
    beforeAll(async () => {
      world = await open();
    });
    afterAll(() => world.close());
    const aStore = (options: Partial<RegionOptions> = {}) => configuredStore(world, options);
    const passSeconds = (seconds: number) => passSecondsIn(world, seconds);

    describe("creating a store", () => {
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

      it("can be configured only once", () => {
        const store = aStore();
        expect(store.isConfigured).toBe(true);
        expect(() => store.configure({ backingStore: world.backingStore })).toThrow(
          refused("STORE_ALREADY_CONFIGURED"),
        );
      });

      it("stays unconfigured when the settings are invalid", () => {
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
      ])("returns %j as it was written", async (value) => {
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

      it("overwrites an entry", async () => {
        const store = aStore();
        await store.set("k", 1);
        await store.set("k", 2);
        expect(await store.get("k")).toBe(2);
      });

      it("says which key is missing", async () => {
        await expect(aStore().get("nobody")).rejects.toEqual(refused("KEY_DOES_NOT_EXIST", { key: "nobody" }));
      });

      it("deletes an entry, and says whether there was one", async () => {
        const store = aStore();
        await store.set("k", 1);
        expect(await store.delete("k")).toBe(true);
        await expect(store.get("k")).rejects.toEqual(refused("KEY_DOES_NOT_EXIST"));
        expect(await store.delete("k")).toBe(false);
      });

      it("reads many keys in the order asked, also one that is asked for twice", async () => {
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

      it("has no value where a key of many is missing", async () => {
        const store = aStore();
        await store.setMulti({ a: 1, c: 3 });
        expect(await store.getMulti(["a", "b", "c", "d"])).toEqual([1, undefined, 3, undefined]);
      });

      it("deletes those of many keys that exist, and counts them", async () => {
        const store = aStore();
        await store.setMulti({ a: 1, b: 2, c: 3 });
        expect(await store.deleteMulti(["a", "nobody", "b", "a"])).toBe(2);
        expect(await store.getMulti(["c"])).toEqual([3]);
        await expect(store.get("a")).rejects.toEqual(refused("KEY_DOES_NOT_EXIST"));
        expect(await store.deleteMulti([])).toBe(0);
      });

      it("writes the last of two values whose keys the mangler maps to one", async () => {
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
        expect(await store.getMulti(["long", "short"])).toEqual([2, undefined]);
        expect(await store.delete("short")).toBe(false);
        expect(await store.deleteMulti(["short"])).toBe(0);
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
        expect(await store.getMulti(["usual", "many"])).toEqual([undefined, undefined]);
      });

      it("restarts the ttl when an entry is written again", async () => {
        const store = aStore({ expirationSeconds: 1000 });
        await store.set("k", 1);
        passSeconds(900);
        await store.set("k", 2);
        passSeconds(900);
        expect(await store.get("k")).toBe(2);
      });

      it("refuses a ttl that is not a positive number", async () => {
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

      it("stores keys as SHA-1 by default", async () => {
        expect(await storedKeys(undefined)).toEqual([sha1Mangler("some key")]);
        expect(sha1Mangler("some key")).toMatch(/^[0-9a-f]{40}$/);
      });

      it("stores keys unchanged without a mangler, and as a custom mangler returns them", async () => {
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

      it("may change what is written and read, and no read bypasses them", async () => {
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
  });
}
