/** The lists of stores, keys and locks, on every backend of the key-value store. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { emptyPage, type PageRequest } from "../../server/storage/list-pages.ts";
import { freshName, type KeyValueWorld, passSecondsIn, refused } from "./key-value-harness.ts";
import { walk } from "./walk.ts";

export function describeKeyValueLists(name: string, open: () => Promise<KeyValueWorld>): void {
  describe(`lists of the key-value store on ${name}`, () => {
    let world: KeyValueWorld;
    beforeAll(async () => {
      world = await open();
    });
    afterAll(() => world.close());
    const passSeconds = (seconds: number) => passSecondsIn(world, seconds);

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
      expect(await world.stores.keys(name, { limit: 2, before: "a" })).toEqual(emptyPage());
      const keysOnly = async (page: PageRequest) => {
        const keys = await world.stores.keys(name, page);
        return { ...keys, items: keys.items.map(({ key }) => key) };
      };
      expect(await walk(keysOnly, [2])).toEqual(["a", "b", "c", "d", "leaving", "\uffff", "🐪"]);
    });

    it("lists stores with their backend and the number of entries", async () => {
      const name = freshName();
      const store = world.stores.get(name);
      store.configure({ backingStore: world.backingStore });
      await store.setMulti({ a: 1, b: 2 });
      await store.set("gone", 3, { ttlSeconds: 1 });
      passSeconds(1);
      const { items } = await world.stores.keyValueStores({ limit: 100 });
      const times = { lockTimeoutSeconds: null, expirationSeconds: null };
      expect(items).toContainEqual({ name, backingStore: world.backingStore, internal: true, ...times });
      expect(await world.stores.countMany([name])).toEqual([{ value: 2, exact: true }]);
      expect(items.map((item) => item.name)).toEqual(items.map((item) => item.name).sort());
    });

    it("counts exactly up to 10,000 entries and says when there are more", async () => {
      const name = freshName();
      const store = world.stores.get(name);
      store.configure({ backingStore: world.backingStore, keyMangler: false, maximumEntries: 20_000 });
      const numbered = (from: number, to: number) =>
        new Map(Array.from({ length: to - from }, (_, index) => [`k${from + index}`, 0]));
      const count = async () => (await world.stores.countMany([name]))[0];
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
      const lockedKeys = async (page: PageRequest) => {
        const locks = await world.stores.locks({ store: name, page });
        return { ...locks, items: locks.items.map(({ key }) => key) };
      };
      expect(await walk(lockedKeys, [1, 2])).toEqual(["a", "b", "c"]);
      const all = await world.stores.locks({ page: { limit: 100 } });
      expect(all.items.filter(({ region }) => region === name)).toHaveLength(3);
      await Promise.all(held.map((lock) => lock.release()));
      expect((await world.stores.locks({ store: name, page: { limit: 10 } })).items).toEqual([]);
      await expect(world.stores.locks({ page: { limit: 1, after: "nonsense" } })).rejects.toEqual(refused("BAD_INPUT"));
    });

    it("keys, locks and counts of many stores come in the order asked, and a store that does not exist fails alone", async () => {
      const names = [freshName(), freshName()];
      for (const [index, name] of names.entries()) {
        const store = world.stores.get(name);
        store.configure({ backingStore: world.backingStore, keyMangler: false, lockTimeoutSeconds: 50 });
        await store.setMulti(new Map([..."abc"].slice(index).map((key) => [key, 1])));
        for (const key of [..."xyz"].slice(0, 2 - index)) await store.getLock(key).acquire();
      }
      const asked = [names[1], "nobody", names[0]] as string[];
      const missing = expect.objectContaining({ code: "STORE_DOES_NOT_EXIST" });
      const exactly = (value: number) => ({ value, exact: true });
      expect(await world.stores.countMany(asked)).toEqual([exactly(2), missing, exactly(3)]);
      for (const page of [{ limit: 2 }, { limit: 5, after: "a" }, { limit: 1, atEnd: true }]) {
        const [one, none, other] = await world.stores.keysOfMany(asked, page);
        expect([one, none, other]).toEqual([
          await world.stores.keys(asked[0] as string, page),
          missing,
          await world.stores.keys(asked[2] as string, page),
        ]);
      }
      for (const page of [{ limit: 1 }, { limit: 5 }, { limit: 1, atEnd: true }]) {
        const [one, none, other] = await world.stores.locksOfMany(asked, page);
        expect(none).toEqual(missing);
        for (const [store, found] of [
          [asked[0], one],
          [asked[2], other],
        ] as const) {
          const { markers, nextMarker, previousMarker } = await world.stores.locks({ store: store as string, page });
          expect(found).toMatchObject({ markers, nextMarker, previousMarker });
        }
      }
      expect(await world.stores.countMany([])).toEqual([]);
    });

    it("a user's store is deleted with its values and locks, and its name begins empty", async () => {
      const { stores } = world;
      const name = freshName();
      expect(await stores.delete(name)).toBe(false);
      await stores.create(name);
      const store = await stores.open(name);
      await store.setMulti(new Map(Array.from({ length: 2500 }, (_, index) => [`k${index}`, index])));
      await store.getLock("k1").acquire({ ttlSeconds: 3000 });
      expect(await stores.delete(name)).toBe(true);
      expect(await stores.delete(name)).toBe(false);
      await expect(stores.open(name)).rejects.toEqual(refused("STORE_DOES_NOT_EXIST"));
      expect(await stores.getMany([name])).toEqual([]);
      const [count] = await stores.countMany([name]);
      expect(count).toEqual(refused("STORE_DOES_NOT_EXIST"));

      await stores.create(name);
      const again = await stores.open(name);
      expect(await again.getMulti(["k0", "k2499"])).toEqual([undefined, undefined]);
      expect((await stores.locks({ store: name, page: { limit: 10 } })).items).toEqual([]);
      await using lock = await again.getLock("k1").acquire();
      expect(lock.active).toBe(true);
      await stores.sweep();
      await again.set("k0", 1);
      await stores.sweep();
      expect(await again.get("k0")).toBe(1);
    });

    it("refuses a store that was never created", async () => {
      await expect(world.stores.keys("nobody", { limit: 1 })).rejects.toEqual(refused("STORE_DOES_NOT_EXIST"));
      await expect(world.stores.locks({ store: "nobody", page: { limit: 1 } })).rejects.toEqual(
        refused("STORE_DOES_NOT_EXIST"),
      );
      await expect(world.stores.open("nobody")).rejects.toEqual(refused("STORE_DOES_NOT_EXIST"));
    });
  });
}
