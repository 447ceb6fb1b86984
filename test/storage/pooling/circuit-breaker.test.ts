import { describe, expect, it } from "vitest";
import { DomainError } from "../../../server/errors.ts";
import { writeRefusedError } from "../../../server/storage/errors/read-only-storage.ts";
import { CircuitBreaker } from "../../../server/storage/pooling/circuit-breaker.ts";
import { addPool, aPost, aQueue, preparePools } from "./harness.ts";

const AWAY = new DomainError("STORAGE_UNAVAILABLE", "Away.");

function aBreaker() {
  const clock = { now: 0 };
  const breaker = new CircuitBreaker("p", () => clock.now);
  let tried = 0;
  const call = (error?: DomainError, until?: Promise<void>) =>
    breaker
      .run(async () => {
        tried += 1;
        await until;
        if (error !== undefined) throw error;
        return "done";
      })
      .catch((caught: DomainError) => caught.message);
  return { clock, call, tried: () => tried };
}

describe("a circuit breaker", () => {
  it("after five failures in a row refuses at once, and lets one call a second try", async () => {
    const { clock, call, tried } = aBreaker();
    for (let time = 0; time < 5; time += 1) expect(await call(AWAY)).toBe("Away.");
    expect(await call()).toBe('The pool "p" does not answer and is tried again each second. The last try said: Away.');
    clock.now = 1000;
    expect(await Promise.all([call(AWAY), call()])).toEqual(["Away.", expect.stringContaining("does not answer")]);
    expect(tried()).toBe(6);
  });

  it("lets all calls through after the first that succeeds", async () => {
    const { clock, call } = aBreaker();
    for (let time = 0; time < 5; time += 1) await call(AWAY);
    clock.now = 1000;
    expect(await call()).toBe("done");
    expect(await Promise.all([call(), call()])).toEqual(["done", "done"]);
  });

  it("counts only failures in a row, and no refused requests", async () => {
    const { call } = aBreaker();
    const refusal = new DomainError("QUEUE_DOES_NOT_EXIST", "Not there.");
    for (let time = 0; time < 4; time += 1) await call(AWAY);
    await call(refusal);
    for (let time = 0; time < 4; time += 1) expect(await call(AWAY)).toBe("Away.");
    expect(await call()).toBe("done");
  });

  it("does not count an answer that the pool is full or read-only, and takes it as a sign that the pool is reachable", async () => {
    const { clock, call, tried } = aBreaker();
    const full = writeRefusedError("disk-full", null);
    for (let time = 0; time < 20; time += 1) expect(await call(full)).toBe(full.message);
    expect(tried()).toBe(20);
    expect(await call()).toBe("done");
    for (let time = 0; time < 5; time += 1) await call(AWAY);
    clock.now = 1000;
    expect(await call(full)).toBe(full.message);
    expect(await call()).toBe("done");
  });
});

describe("calls that exceed their deadline", () => {
  it("a call that exceeds its deadline neither opens nor closes the circuit breaker, even many in a row", async () => {
    const { clock, call, tried } = aBreaker();
    const late = new DomainError("DEADLINE_EXCEEDED", "Late.");
    for (let time = 0; time < 20; time += 1) expect(await call(late)).toBe("Late.");
    const waiting = Promise.withResolvers<void>();
    const slow = call(late, waiting.promise);
    for (let time = 0; time < 5; time += 1) await call(AWAY);
    waiting.resolve();
    expect(await slow).toBe("Late.");
    expect(await call()).toContain("does not answer");
    clock.now = 1000;
    expect(await call(late)).toBe("Late.");
    expect(await call()).toContain("does not answer");
    expect(tried()).toBe(27);
  });
});

describe("a pool that does not answer", () => {
  const { fake, start, wait } = preparePools();

  it("gets no calls after five failures, affects no other pool, and is used again when it is back", async () => {
    const pooled = await start();
    for (const pool of ["one", "two"]) await addPool(pooled, pool);
    const [dead, live] = [await aQueue(pooled, "one"), await aQueue(pooled, "two")];
    for (const queue of [dead, live]) await pooled.data.attachQueue(queue);
    fake("one").before = () => {
      throw AWAY;
    };
    const before = fake("one").calls.length;
    for (let time = 0; time < 20; time += 1) {
      await expect(pooled.data.messages.post(aPost(dead))).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
      await pooled.data.messages.post(aPost(live));
    }
    expect(fake("one").calls.length - before).toBe(5);
    fake("one").before = () => {};
    wait(1000);
    await pooled.data.messages.post(aPost(dead));
    expect(fake("one").messagesOf(dead)).toHaveLength(1);
  });

  it("is judged server by server, however long ago its URI was looked up", async () => {
    const pooled = await start();
    await addPool(pooled, "wide");
    const wide = fake("wide").driver;
    const [ill, well] = [await aQueue(pooled, "wide", "ill"), await aQueue(pooled, "wide", "well")];
    for (const queue of [ill, well]) await pooled.data.attachQueue(queue);
    const { post, stats } = wide.messages;
    wide.partOf = ({ name }) => (name === "ill" ? "one" : "two");
    const fails = (names: readonly string[]) => names.includes("ill");
    wide.messages.post = (params) => (fails([params.queue.name]) ? Promise.reject(AWAY) : post(params));
    wide.messages.stats = (queues) => (fails(queues.map(({ name }) => name)) ? Promise.reject(AWAY) : stats(queues));
    for (let time = 0; time < 7; time += 1) {
      await expect(pooled.data.messages.post(aPost(ill))).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
      wait(1500);
      // Together, because sequential calls would not show that all but the first are refused.
      await Promise.all([pooled.data.messages.post(aPost(well)), pooled.data.messages.post(aPost(well))]);
      wait(1500);
      expect(await pooled.data.messages.stats([ill, well])).toMatchObject([null, { total: 2 * time + 2 }]);
    }
  });
});
