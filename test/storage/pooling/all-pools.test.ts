import { inspect } from "node:util";
import { describe, expect, it, vi } from "vitest";
import { DomainError } from "../../../server/errors.ts";
import { createEmptyDatabase } from "../../support/database.ts";
import { addPool, CANARY, preparePools, watched } from "./harness.ts";

const { fake, start, state } = preparePools();

describe("calls to all pools", () => {
  const hang = () => new Promise<void>(() => {});

  it("collect in each pool, and continue after one that fails", async () => {
    const pooled = await start();
    for (const pool of ["one", "two"]) await addPool(pooled, pool);
    expect(await pooled.data.gc()).toEqual({ messages: 3, claims: 6, subscriptions: 9, queues: 12 });
    fake("two").before = () => {
      throw new DomainError("STORAGE_UNAVAILABLE", "It is gone.");
    };
    expect(await pooled.data.gc()).toMatchObject({ messages: 2 });
    expect(pooled.errors).toMatchObject([{ code: "STORAGE_UNAVAILABLE" }]);
    for (const pool of [state.builtIn, fake("one")]) pool.before = fake("two").before;
    await expect(pooled.data.gc()).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
  });

  it("collect in the built-in pool even when the list of pools cannot be read", async () => {
    const { seen, watch } = watched();
    const pooled = await start({ watch });
    await addPool(pooled, "one");
    seen.broken = true;
    expect(await pooled.data.gc()).toMatchObject({ messages: 1, queues: 4 });
    expect(await pooled.data.isAlive()).toBe(false);
    expect(await pooled.data.health()).toMatchObject({ storageReachable: false, operations: [] });
    expect(pooled.errors).toHaveLength(3);
  });

  it("wait for a dead pool no longer than its own deadline", async () => {
    const pooled = await start();
    for (const pool of ["one", "dead"]) await addPool(pooled, pool);
    for (const pool of ["one", "dead"]) await pooled.data.pool(pool);
    // Otherwise recording their identities would meet its own deadline when the clock jumps.
    const noted = async (pool: string) => (await pooled.control.pools.get(pool)).identity !== null;
    for (const pool of ["one", "dead"]) await vi.waitFor(async () => expect(await noted(pool)).toBe(true));
    fake("dead").before = hang;
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    for (const [call, milliseconds, answer] of [
      ["isAlive", 3000, false],
      [
        "health",
        10_000,
        { storageReachable: false, writesRefused: null, freeBytes: null, totalBytes: null, operations: [] },
      ],
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
    // A second call joins a collection that still runs.
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
      writesRefused: null,
      freeBytes: null,
      totalBytes: null,
      operations: [
        {
          operation: "post_messages" as const,
          succeeded,
          durationSeconds: seconds,
          error: succeeded ? null : "It broke.",
          errorCode: succeeded ? null : ("INTERNAL" as const),
        },
      ],
    });
    state.builtIn.driver.health = probe(true, 5);
    fake("one").driver.health = probe(true, 2);
    expect((await pooled.data.health()).operations).toMatchObject([{ succeeded: true, durationSeconds: 5 }]);
    fake("one").driver.health = probe(false, 2);
    expect(await pooled.data.health()).toMatchObject({
      storageReachable: true,
      operations: [{ succeeded: false, durationSeconds: 2, error: "It broke." }],
    });
  });
});

describe("inspecting a URI", () => {
  it("returns the capabilities and creates nothing; preparing creates the tables, and leaves nothing open", async () => {
    const pooled = await start();
    const empty = await createEmptyDatabase();
    const url = new URL(empty.url);
    url.searchParams.set("schema", "Brand_New");
    const found = await pooled.data.inspect(url.toString());
    expect(found.identity).toBeNull();
    expect([...found.capabilities]).toEqual(expect.arrayContaining(["CLAIMS", "FIFO"]));
    const { identity, capabilities } = await pooled.data.prepare(url.toString());
    expect(capabilities).toEqual(found.capabilities);
    expect(await pooled.data.inspect(url.toString())).toEqual({ identity, capabilities });
    expect(await pooled.data.prepare(url.toString())).toEqual({ identity, capabilities });
    await pooled.control.pools.create({ name: "real", uri: url.toString(), weight: 1 });
    expect(await (await pooled.data.pool("real")).isAlive()).toBe(true);
    expect((await (await pooled.data.pool("real")).gc()).queues).toBe(0);
    await pooled.data.forgetPool("real");
    await empty.drop();
  });

  it("refuses a scheme that no driver has, before it connects", async () => {
    const pooled = await start();
    for (const uri of [`http://u:${CANARY}@h/`, "file:///etc/passwd", `u:${CANARY}@h`, ""]) {
      for (const look of [pooled.data.inspect, pooled.data.prepare, async () => pooled.data.checkUri(uri)]) {
        const error = await look(uri).catch((failure: unknown) => failure);
        expect(error).toMatchObject({ code: "BAD_INPUT", message: expect.stringContaining("fake://") });
        expect(inspect(error, { depth: 9 })).not.toContain(CANARY);
      }
    }
  });

  it("says why a pool is unreachable, without its secrets", async () => {
    const pooled = await start();
    const server = new URL(state.url);
    const missing = new URL(state.url);
    missing.pathname = "/no_such_database";
    const cases: [string, string][] = [
      [`postgresql://u:${CANARY}@127.0.0.1:1/db`, "nothing listens"],
      [missing.toString(), "no such database"],
      [`postgresql://u:${CANARY}@127.0.0.1:1/db?schema=a;b`, "schema"],
    ];
    for (const [uri, reason] of cases) {
      const error = await pooled.data.inspect(uri).catch((failure: unknown) => failure);
      expect(error).toMatchObject({
        code: expect.stringMatching(/^(POOL_NOT_REACHABLE|BAD_INPUT)$/),
        message: expect.stringContaining(reason),
      });
      expect(inspect(error, { depth: 9 })).not.toContain(CANARY);
      expect(String(error)).not.toContain(server.password || CANARY);
    }
  });

  it("gives up after its time-out, and closes a pool that opens too late", async () => {
    const pooled = await start();
    let open = () => {};
    fake("slow").before = () => new Promise((resolve) => (open = resolve));
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const verdict = expect(pooled.data.prepare("fake://slow")).rejects.toMatchObject({
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
