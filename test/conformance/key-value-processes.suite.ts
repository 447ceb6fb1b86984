import { expect, it } from "vitest";
import type { KeyValueStores } from "../../server/kvs/stores.ts";
import { freshName, refused } from "./key-value-harness.ts";

/** The stores of two processes on one backend. */
export interface TwoProcesses {
  one: KeyValueStores;
  other: KeyValueStores;
  backingStore: string;
  /** The clock of both, and of the backend. */
  clock: { offsetMs: number };
}

/** A store that both processes have configured. */
export function inBoth(
  { one, other, backingStore }: TwoProcesses,
  lockTimeoutSeconds: number,
  otherTimeoutSeconds = lockTimeoutSeconds,
) {
  const name = freshName();
  const mine = one.get<number | string>(name);
  mine.configure({ backingStore, lockTimeoutSeconds });
  const theirs = other.get<number | string>(name);
  theirs.configure({ backingStore, lockTimeoutSeconds: otherTimeoutSeconds });
  return { name, mine, theirs };
}

/** Cases of every backend that processes share. */
export function twoProcessCases(processes: () => TwoProcesses): void {
  it("shows one process what the other wrote", async () => {
    const { other, backingStore } = processes();
    const { name, mine, theirs } = inBoth(processes(), 5);
    await mine.set("k", "written");
    expect(await theirs.get("k")).toBe("written");
    expect((await other.keyValueStores({ limit: 100 })).items).toContainEqual(
      expect.objectContaining({ name, backingStore, internal: true }),
    );
  });

  it("excludes across processes: no increment is lost", async () => {
    const { mine, theirs } = inBoth(processes(), 60);
    await mine.set("count", 0);
    const increment = async (store: typeof mine) => {
      await using lock = await store.getLock("count").acquire();
      await store.set("count", ((await store.get("count")) as number) + 1, { lock });
    };
    await Promise.all(Array.from({ length: 16 }, (_, index) => increment(index % 2 === 0 ? mine : theirs)));
    expect(await mine.get("count")).toBe(16);
  });

  it("waits at most the lock timeout, and names the key", async () => {
    const { mine, theirs } = inBoth(processes(), 1000, 2);
    await using _lock = await mine.getLock("k").acquire();
    const outcome = expect(theirs.set("k", 1)).rejects.toEqual(refused("LOCK_TIMEOUT", { target: "k" }));
    processes().clock.offsetMs += 3000;
    await outcome;
  });

  it("resumes and releases in one process a lock that the other acquired", async () => {
    const { mine, theirs } = inBoth(processes(), 30);
    const lock = await mine.getLock("k").acquire();
    const resumed = await theirs.resumeLock("k", lock.token as string);
    await theirs.set("k", "theirs", { lock: resumed });
    await resumed.release();
    await using next = await mine.getLock("k").acquire();
    await mine.set("k", "mine", { lock: next });
  });

  it("frees what another process wrote to a store that was deleted, and lets nobody see it", async () => {
    const { one, other, clock } = processes();
    const name = freshName();
    await one.create(name);
    await (await other.open(name)).set("k", 1);
    expect(await one.delete(name)).toBe(true);
    await (await other.open(name)).set("late", 1);
    const listed = async (stores: KeyValueStores) => (await stores.getMany([name])).length;
    expect([await listed(one), await listed(other)]).toEqual([0, 0]);
    clock.offsetMs += 5000;
    await expect(other.open(name)).rejects.toEqual(refused("STORE_DOES_NOT_EXIST"));
    expect(await one.sweep()).toBeGreaterThan(0);
    const marks = async () => (await one.keys("isimud.deleted-stores", { limit: 100 })).items.map(({ key }) => key);
    expect(await marks()).toContain(name);
    clock.offsetMs += 61_000;
    await one.sweep();
    const left = await one.keys("isimud.deleted-stores", { limit: 100 }).catch(() => ({ items: [] }));
    expect(left.items).toEqual([]);
    await other.create(name);
    expect(await (await one.open(name)).getMulti(["k", "late"])).toEqual([undefined, undefined]);
  });
}
