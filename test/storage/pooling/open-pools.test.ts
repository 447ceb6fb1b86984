import { describe, expect, it, vi } from "vitest";
import { openConnections } from "../../../server/storage/postgres/sql/connection.ts";
import { createEmptyDatabase } from "../../support/database.ts";
import type { FakePool } from "../../support/fake-pool.ts";
import { addPool, aPost, aQueue, CANARY, preparePools, watched } from "./harness.ts";

const { fake, start, state, wait } = preparePools();

describe("open pools", () => {
  it("are opened at their first use, and opened anew when their URI changes, with the old one closed", async () => {
    const pooled = await start();
    await addPool(pooled, "one");
    expect(state.opened).toEqual([]);
    await Promise.all([pooled.data.pool("one"), pooled.data.pool("one")]);
    expect(state.opened).toEqual(["fake://one"]);
    await pooled.control.pools.update("one", { uri: "fake://elsewhere" });
    expect(await pooled.data.pool("one")).toBe(fake("one").driver);
    wait(1000);
    expect(await pooled.data.pool("one")).toBe(fake("elsewhere").driver);
    expect(fake("one").closed).toBe(1);
    expect(fake("elsewhere").closed).toBe(0);
  });

  it("record the identity of their store when it is unknown or has changed, and are reported when two have the same", async () => {
    const pooled = await start();
    const identityOf = async (pool: string) => (await pooled.control.pools.get(pool)).identity;
    await addPool(pooled, "one");
    await pooled.data.pool("one");
    await expect.poll(() => identityOf("one")).toBe(fake("one").driver.identity);
    expect(pooled.errors).toEqual([]);

    // The same store as a second pool.
    await pooled.control.pools.create({ name: "two", uri: "fake://two", weight: 1 });
    fake("two").driver = { ...fake("two").driver, identity: fake("one").driver.identity };
    await pooled.data.pool("two");
    await expect.poll(() => pooled.errors.map(String)).toEqual([expect.stringMatching(/"one" and "two" are the same/)]);
    // It is not reported again at each check.
    for (let seconds = 0; seconds < 30; seconds += 10) {
      wait(10_000);
      await pooled.data.pool("two");
    }
    expect(await identityOf("two")).toBeNull();

    // Once the first pool is deleted, the next check records the identity of the second.
    await pooled.control.pools.delete("one");
    wait(10_000);
    await pooled.data.pool("two");
    await expect.poll(() => identityOf("two")).toBe(fake("two").driver.identity);
    expect(pooled.errors).toHaveLength(1);

    // Another store behind the same URI, as after a restore.
    await pooled.data.forgetPool("two");
    fake("two").driver = { ...fake("two").driver, identity: "another" };
    await pooled.data.pool("two");
    await expect.poll(() => identityOf("two")).toBe("another");
    await expect.poll(() => pooled.errors.map(String)[1]).toMatch(/"two" is another storage/);
  });

  it("record that they lost their data, once for each loss", async () => {
    const pooled = await start();
    await addPool(pooled, "one");
    await pooled.data.pool("one");
    const losses = () => pooled.control.pools.listLosses();
    await expect.poll(async () => (await pooled.control.pools.get("one")).identity).not.toBeNull();
    expect(await losses()).toEqual([]);

    const lose = async () => {
      Object.assign(fake("one").driver, { lostAt: new Date() });
      wait(10_000);
      await pooled.data.pool("one");
      await expect.poll(losses).toMatchObject([{ pool: "one" }]);
    };
    await lose();
    await pooled.control.pools.update("one", { uri: "fake://one" });
    wait(10_000);
    await pooled.data.pool("one");
    await pooled.data.close();
    expect(await losses()).toEqual([]);
  });

  it("are closed at once by forgetPool", async () => {
    const pooled = await start();
    await addPool(pooled, "one");
    await pooled.data.pool("one");
    await pooled.control.pools.update("one", { uri: "fake://elsewhere" });
    await pooled.data.forgetPool("one");
    expect(fake("one").closed).toBe(1);
    expect(await pooled.data.pool("one")).toBe(fake("elsewhere").driver);
    await pooled.data.forgetPool("never");
    await pooled.data.forgetPool("default");
    expect(state.builtIn.closed).toBe(0);
  });

  it("are closed when the pool is deleted", async () => {
    const pooled = await start();
    await addPool(pooled, "one");
    await pooled.data.pool("one");
    await pooled.control.pools.delete("one");
    wait(1000);
    await expect(pooled.data.pool("one")).rejects.toMatchObject({ code: "POOL_DOES_NOT_EXIST" });
    expect(fake("one").closed).toBe(1);
  });

  it("stay in use while the control database is unreachable", async () => {
    const { seen, watch } = watched();
    const pooled = await start({ watch });
    await addPool(pooled, "one");
    await pooled.data.pool("one");
    seen.broken = true;
    wait(1000);
    expect(await pooled.data.pool("one")).toBe(fake("one").driver);
    await expect(pooled.data.pool("two")).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
  });

  it("that cannot be opened are tried once a second, however many callers ask, and their errors show no secret", async () => {
    const pooled = await start();
    await pooled.control.pools.create({ name: "dead", uri: `fake://u:${CANARY}@dead`, weight: 1 });
    fake("dead").before = () => {
      throw new Error(`fake://u:${CANARY}@dead does not answer`);
    };
    const ask = () => pooled.data.pool("dead").catch((error: unknown) => error);
    const failures = [...(await Promise.all([ask(), ask(), ask()])), await ask()];
    expect(state.opened).toHaveLength(1);
    for (const failure of failures) {
      expect(failure).toMatchObject({ code: "STORAGE_UNAVAILABLE", details: { pool: "dead" } });
      expect(String(failure)).not.toContain(CANARY);
    }
    fake("dead").before = () => {};
    wait(1000);
    expect(await pooled.data.pool("dead")).toBe(fake("dead").driver);
    expect(state.opened).toHaveLength(2);
  });

  it("are all closed with the driver, also one that is still opening", async () => {
    const pooled = await start();
    for (const pool of ["one", "two"]) await addPool(pooled, pool);
    let open = () => {};
    fake("two").before = (call) => (call === "open" ? new Promise((resolve) => (open = resolve)) : undefined);
    await pooled.data.pool("one");
    const late = pooled.data.pool("two");
    await vi.waitFor(() => expect(state.opened).toHaveLength(2));
    const closing = pooled.data.close();
    open();
    await closing;
    await late;
    expect([state.builtIn.closed, fake("one").closed, fake("two").closed]).toEqual([1, 1, 1]);
    wait(1000);
    await expect(pooled.data.pool("one")).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
  });
});

describe("arrivals", () => {
  it("are reported from pools that are open and from pools that open later, until the listener stops", async () => {
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
      [state.builtIn, "x"],
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
    expect([state.builtIn.listeners.size, fake("two").listeners.size]).toEqual([0, 0]);
  });
});

describe("two real pools", () => {
  it("fail independently: one whose database is away affects no queue of the other, and recovers with its database", async () => {
    const pooled = await start();
    const [healthy, doomed] = [await createEmptyDatabase(), await createEmptyDatabase()];
    await pooled.control.pools.create({ name: "healthy", uri: healthy.url, weight: 1 });
    await pooled.control.pools.create({ name: "doomed", uri: doomed.url, weight: 1 });
    const [well, ill] = [await aQueue(pooled, "healthy"), await aQueue(pooled, "doomed")];
    for (const queue of [well, ill]) await pooled.data.messages.post(aPost(queue));
    const admin = openConnections({ url: state.url, connections: 1 });
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
