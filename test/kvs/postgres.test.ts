/**
 * The key-value store on PostgreSQL: the conformance suites, and what only a backend shared by processes guarantees.
 */

import type pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createMemoryBackend } from "../../server/kvs/memory.ts";
import { createPostgresBackend } from "../../server/kvs/postgres.ts";
import { createKeyValueStores, type KeyValueStores } from "../../server/kvs/stores.ts";
import { emptyPage } from "../../server/storage/list-pages.ts";
import { openConnections } from "../../server/storage/postgres/sql/connection.ts";
import { describeKeyValue } from "../conformance/key-value.suite.ts";
import { type KeyValueWorld, refused } from "../conformance/key-value-harness.ts";
import { describeKeyValueLists } from "../conformance/key-value-lists.suite.ts";
import { describeKeyValueLocks } from "../conformance/key-value-locks.suite.ts";
import { inBoth, twoProcessCases } from "../conformance/key-value-processes.suite.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

function openStores(connections: pg.Pool, clock: { offsetMs: number }): KeyValueStores {
  return createKeyValueStores({
    backends: { memory: createMemoryBackend({ clock }), postgres: createPostgresBackend({ connections, clock }) },
    clock,
  });
}

const open = async (): Promise<KeyValueWorld> => {
  const database = await createTestDatabase();
  const clock = { offsetMs: 0 };
  const connections = openConnections({ url: database.url, connections: 4 });
  return {
    stores: openStores(connections, clock),
    backingStore: "postgres",
    clock,
    async close() {
      await connections.end();
      await database.drop();
    },
  };
};
describeKeyValue("Postgres", open);
describeKeyValueLocks("Postgres", open);
describeKeyValueLists("Postgres", open);

describe("key-value store shared by two processes", () => {
  let database: TestDatabase;
  let pools: pg.Pool[];
  let one: KeyValueStores;
  let other: KeyValueStores;
  const clock = { offsetMs: 0 };
  let serial = 0;

  beforeAll(async () => {
    database = await createTestDatabase();
    pools = [0, 1].map(() => openConnections({ url: database.url, connections: 8 }));
    one = openStores(pools[0] as pg.Pool, clock);
    other = openStores(pools[1] as pg.Pool, clock);
  });
  afterAll(async () => {
    await Promise.all(pools.map((pool) => pool.end()));
    await database.drop();
  });

  const processes = () => ({ one, other, backingStore: "postgres", clock });
  twoProcessCases(processes);

  it("frees the lock of a process that died, and refuses what that one still had under way", async () => {
    const { mine, theirs } = inBoth(processes(), 5);
    const dead = await mine.getLock("k").acquire();
    clock.offsetMs += 5000;
    await using heir = await theirs.getLock("k").acquire();
    expect(heir.fence).toBeGreaterThan(dead.fence as number);
    await theirs.set("k", "heir", { lock: heir });
    // As a process sends it that was stopped for a while: its own clock is behind.
    const asleep = { offsetMs: clock.offsetMs - 5000 };
    const backing = createPostgresBackend({ connections: pools[0] as pg.Pool, clock: asleep }).open("raw", {});
    const stale = { holder: "sleeper", fence: -1 };
    expect(await backing.set([["k", 1]], { ttlSeconds: null, hold: stale })).toBe(false);
    expect(await theirs.get("k")).toBe("heir");
  });

  it("refuses a write with an older fence than the entry's, whatever the holder's clock says", async () => {
    const backend = createPostgresBackend({ connections: pools[0] as pg.Pool, clock });
    const region = backend.open(`raw-${++serial}`, {});
    const times = { lifeSeconds: 10, waitSeconds: 0 };
    const first = await region.acquireLock("k", "first", times);
    clock.offsetMs += 10_000;
    const second = await region.acquireLock("k", "second", times);
    expect(
      await region.set([["k", 2]], { ttlSeconds: null, hold: { holder: "second", fence: second?.fence ?? 0 } }),
    ).toBe(true);
    const old = { holder: "first", fence: first?.fence ?? 0 };
    // The first holder's clock is behind, so its lock seems to be live.
    clock.offsetMs -= 10_000;
    expect(await region.set([["k", 1]], { ttlSeconds: null, hold: old })).toBe(false);
    expect(await region.delete(["k"], old)).toEqual({ refused: true, deleted: 0 });
    // Refused even if the lock's row is as it was then: the entry keeps the newest fence.
    await pools[0]?.query("UPDATE key_locks SET holder = $1, fence = $2 WHERE holder = 'second'", [
      old.holder,
      old.fence,
    ]);
    expect(await region.set([["k", 1]], { ttlSeconds: null, hold: old })).toBe(false);
    expect(await region.delete(["k"], old)).toEqual({ refused: true, deleted: 0 });
    expect(await region.get(["k"])).toEqual([2]);
    clock.offsetMs += 10_000;
  });

  it("keeps the rows of locks for a while after their end, then sweeps them", async () => {
    const { name, mine } = inBoth(processes(), 2);
    await mine.set("k", 1);
    const rows = async () => (await pools[0]?.query("SELECT 1 FROM key_locks WHERE store = $1", [name]))?.rowCount;
    await one.sweep();
    expect(await rows()).toBe(1);
    clock.offsetMs += 61_000;
    await one.sweep();
    expect(await rows()).toBe(0);
    expect(await mine.get("k")).toBe(1);
  });

  it("refuses keys that PostgreSQL cannot keep apart or keep at all; reading one finds nothing", async () => {
    const plain = one.get(`plain-${++serial}`);
    plain.configure({ backingStore: "postgres", keyMangler: false });
    for (const key of ["nul \0", "\ud800", "k".repeat(1025)]) {
      await expect(plain.set(key, 1)).rejects.toEqual(refused("BAD_INPUT"));
      await expect(plain.setMulti({ fine: 1, [key]: 2 })).rejects.toEqual(refused("BAD_INPUT"));
      await expect(plain.get(key)).rejects.toEqual(refused("KEY_DOES_NOT_EXIST"));
      await plain.deleteMulti([key]);
    }
    await expect(plain.get("fine")).rejects.toEqual(refused("KEY_DOES_NOT_EXIST"));
  });

  describe("users' stores", () => {
    it("are opened by every process as they were made, with legible keys", async () => {
      const name = `made-${++serial}`;
      expect(await one.create(name, { expirationSeconds: 10 })).toBe(true);
      const made = await one.open(name);
      await made.set("readable", { a: 1 });
      expect(await one.open(name)).toBe(made);
      const opened = await other.open(name);
      expect(await opened.get("readable")).toEqual({ a: 1 });
      expect((await other.keys(name, { limit: 10 })).items.map(({ key }) => key)).toEqual(["readable"]);
      await opened.set("theirs", 2);
      clock.offsetMs += 10_000;
      await expect(made.get("theirs")).rejects.toEqual(refused("KEY_DOES_NOT_EXIST"));
    });

    it("get another definition when they are replaced, and keep their entries", async () => {
      const name = `made-${++serial}`;
      await one.create(name, { expirationSeconds: 10 });
      await (await other.open(name)).set("long", 1, { ttlSeconds: 1000 });
      expect(await one.create(name, { expirationSeconds: 100 }, { replace: true })).toBe(false);
      await (await one.open(name)).set("here", 1);
      await (await other.open(name)).set("before it looked", 1);
      clock.offsetMs += 5000;
      await (await other.open(name)).set("there", 1);
      clock.offsetMs += 50_000;
      const left = await (await other.open(name)).getMulti(["long", "here", "before it looked", "there"]);
      expect(left).toEqual([1, 1, undefined, 1]);
      await expect(one.create(name)).rejects.toEqual(refused("STORE_ALREADY_CONFIGURED"));
    });

    it("are listed while they are empty, and by processes that never opened them", async () => {
      const name = `made-${++serial}`;
      await one.create(name);
      const times = { lockTimeoutSeconds: 5, expirationSeconds: null };
      const summary = { name, backingStore: "postgres", internal: false, ...times };
      expect((await one.keyValueStores({ limit: 1000 })).items).toContainEqual(summary);
      expect((await other.keyValueStores({ limit: 1000 })).items).toContainEqual(summary);
      expect(await other.keys(name, { limit: 1 })).toEqual(emptyPage());
      expect(await other.countMany([name])).toEqual([{ value: 0, exact: true }]);
    });

    it("let a caller wait five seconds for a lock, however long locks live", async () => {
      const name = `made-${++serial}`;
      await one.create(name, { lockTimeoutSeconds: 3600 });
      const store = await one.open(name);
      await using lock = await store.getLock("k").acquire();
      const outcome = expect(store.getLock("k").acquire()).rejects.toEqual(refused("LOCK_TIMEOUT", { target: "k" }));
      clock.offsetMs += 5000;
      await outcome;
      expect(lock.expired).toBe(false);
    });

    it("are made once, whoever tries at the same time", async () => {
      const name = `made-${++serial}`;
      const outcomes = await Promise.allSettled([one.create(name), other.create(name), one.create(name)]);
      expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") expect(outcome.reason).toEqual(refused("STORE_ALREADY_CONFIGURED"));
      }
    });

    it("may not take the name of an internal store, here or in another process, nor open one", async () => {
      const { name, mine } = inBoth(processes(), 5);
      await mine.set("secret", 1);
      await expect(one.create(name)).rejects.toEqual(refused("STORE_ALREADY_CONFIGURED"));
      await expect(one.open(name)).rejects.toEqual(refused("STORE_DOES_NOT_EXIST"));
      const third = openStores(pools[0] as pg.Pool, clock);
      await expect(third.create(name)).rejects.toEqual(refused("STORE_ALREADY_CONFIGURED"));
      await expect(third.open(name)).rejects.toEqual(refused("STORE_DOES_NOT_EXIST"));
    });

    it("have names and times that make sense, or nothing is made", async () => {
      for (const name of ["", "with space", "isimud.stores", "n".repeat(65)]) {
        await expect(one.create(name)).rejects.toEqual(refused("BAD_INPUT"));
      }
      const name = `made-${++serial}`;
      await expect(one.create(name, { lockTimeoutSeconds: 0.5 })).rejects.toEqual(refused("BAD_INPUT"));
      await expect(one.open(name)).rejects.toEqual(refused("STORE_DOES_NOT_EXIST"));
    });

    it("are paged by name both ways, together with all other stores", async () => {
      for (const name of ["page-a", "page-b", "page-c"]) await one.create(name);
      const first = await other.keyValueStores({ limit: 2, after: "page-" });
      expect(first.items.map(({ name }) => name)).toEqual(["page-a", "page-b"]);
      expect(first.nextMarker).toBe("page-b");
      const back = await other.keyValueStores({ limit: 1, before: "page-c" });
      expect(back.items.map(({ name }) => name)).toEqual(["page-b"]);
    });
  });
});
