import { describe, expect, it } from "vitest";
import { DomainError } from "../../../server/errors.ts";
import type { QueueRef } from "../../../server/storage/queue-ref.ts";
import { aStoredMessage } from "../../support/fake-pool.ts";
import type { Pooled } from "../../support/pooled.ts";
import { addPool, aPost, aQueue, preparePools, watched } from "./harness.ts";

const { fake, start } = preparePools();

describe("statistics of many queues", () => {
  it("come in the order asked, with one call to each pool and one lookup in the catalogue", async () => {
    const { seen, watch } = watched();
    const pooled = await start({ watch });
    for (const pool of ["one", "two"]) await addPool(pooled, pool);
    const queues: QueueRef[] = [];
    for (let index = 0; index < 6; index += 1) {
      const { epoch, ...queue } = await aQueue(pooled, index % 2 === 0 ? "one" : "two");
      const messages = Array.from({ length: index }, () => aStoredMessage());
      fake(index % 2 === 0 ? "one" : "two").rows.set(JSON.stringify(["p", queue.name]), { epoch, messages });
      queues.push(queue);
    }
    const asked = [...queues.toReversed(), { project: "p", name: "gone" }, queues[2] as QueueRef];
    const totals = (await pooled.data.messages.stats(asked)).map((stats) => stats?.total ?? null);
    expect(totals).toEqual([5, 4, 3, 2, 1, 0, null, 2]);
    expect(seen).toMatchObject({ getMany: 1, get: 0 });
    expect(fake("one").calls).toEqual(["messages.stats"]);
    expect(fake("two").calls).toEqual(["messages.stats"]);
    expect(await pooled.data.messages.stats([])).toEqual([]);
  });

  it("are null for the queues of a pool that fails, and returned for the others", async () => {
    const pooled = await start();
    for (const pool of ["one", "two"]) await addPool(pooled, pool);
    const [here, there] = [await aQueue(pooled, "one"), await aQueue(pooled, "two")];
    await pooled.data.attachQueue(here);
    await pooled.data.attachQueue(there);
    fake("two").before = () => {
      throw new DomainError("STORAGE_UNAVAILABLE", "It is gone.");
    };
    const [one, two] = await pooled.data.messages.stats([
      { project: "p", name: here.name },
      { project: "p", name: there.name },
    ]);
    expect([one?.total, two]).toEqual([0, null]);
    expect(pooled.errors).toMatchObject([{ code: "STORAGE_UNAVAILABLE" }]);
    const tried = await pooled.data.tryStats([there, here, { project: "p", name: "gone" }]);
    expect(tried).toMatchObject([{ code: "STORAGE_UNAVAILABLE", details: { pool: "two" } }, { total: 0 }, null]);
    expect(pooled.errors).toHaveLength(1);
    await expect(pooled.data.messages.stats([{ project: "p", name: there.name }])).rejects.toMatchObject({
      code: "STORAGE_UNAVAILABLE",
    });
  });

  it("are those of an empty queue when the pool lacks its row, and those of the new pool when the queue moved", async () => {
    const pooled = await start();
    for (const pool of ["one", "two"]) await addPool(pooled, pool);
    const [fresh, moving] = [await aQueue(pooled, "one"), await aQueue(pooled, "one")];
    await pooled.data.messages.post(aPost(moving));
    await fake("one").driver.detachQueue(moving);
    const { epoch } = await pooled.control.catalogue.update(moving, "two");
    fake("two").rows.set(JSON.stringify(["p", moving.name]), {
      epoch,
      messages: [aStoredMessage(), aStoredMessage()],
    });
    const totals = await pooled.data.messages.stats([
      { project: "p", name: fresh.name },
      { project: "p", name: moving.name },
    ]);
    expect(totals.map((stats) => stats?.total)).toEqual([0, 2]);
  });
});

describe("batches of many queues", () => {
  const page = { limit: 10 };
  const bytes = { maxBytes: 1200, pageBytes: 1000 };
  const lengthsOf = (results: readonly unknown[]) =>
    results.map((result) =>
      result instanceof DomainError
        ? [result.code, result.details.pool]
        : (result as { items: unknown[] }).items.length,
    );

  it("come in the order asked, with one call to each pool, which gets its share of the bytes", async () => {
    const { seen, watch } = watched();
    const pooled = await start({ watch });
    for (const pool of ["one", "two"]) await addPool(pooled, pool);
    const queues: QueueRef[] = [];
    for (const [index, pool] of ["one", "two", "one"].entries()) {
      const { epoch, ...queue } = await aQueue(pooled, pool);
      const messages = Array.from({ length: index }, () => aStoredMessage());
      fake(pool).rows.set(JSON.stringify(["p", queue.name]), { epoch, messages });
      queues.push(queue);
    }
    const asked = [...queues.toReversed(), { project: "p", name: "gone" }];
    expect(lengthsOf(await pooled.data.batch.messages({ queues: asked, page, ...bytes }))).toEqual([
      2,
      1,
      0,
      ["QUEUE_DOES_NOT_EXIST", undefined],
    ]);
    expect(seen).toMatchObject({ getMany: 1, get: 0 });
    expect(fake("one").calls).toEqual(["batch.messages of 2 in 600 bytes"]);
    expect(fake("two").calls).toEqual(["batch.messages of 1 in 300 bytes"]);
  });

  it("a pool that fails is the error of its queues, with its name, and the others are read", async () => {
    const pooled = await start();
    for (const pool of ["one", "two"]) await addPool(pooled, pool);
    const [here, there] = [await aQueue(pooled, "one"), await aQueue(pooled, "two")];
    await pooled.data.attachQueue(here);
    await pooled.data.attachQueue(there);
    fake("two").before = () => {
      throw new DomainError("STORAGE_UNAVAILABLE", "It is gone.");
    };
    const queues = [there, here, there].map(({ project, name }) => ({ project, name }));
    const away = ["STORAGE_UNAVAILABLE", "two"];
    expect(lengthsOf(await pooled.data.batch.messages({ queues, page, ...bytes }))).toEqual([away, 0, away]);
  });

  it("a queue that its pool does not hold is read after a repair, and one without a catalogue entry is not mapped", async () => {
    const pooled = await start();
    for (const pool of ["one", "two"]) await addPool(pooled, pool);
    const [fresh, moving] = [await aQueue(pooled, "one"), await aQueue(pooled, "one")];
    await pooled.data.messages.post(aPost(moving));
    await fake("one").driver.detachQueue(moving);
    const { epoch } = await pooled.control.catalogue.update(moving, "two");
    fake("two").rows.set(JSON.stringify(["p", moving.name]), { epoch, messages: [aStoredMessage(), aStoredMessage()] });
    const unmapped = { project: "p", name: `unmapped-${moving.name}` };
    await pooled.control.queues.create(unmapped);
    const queues = [fresh, moving, unmapped].map(({ project, name }) => ({ project, name }));
    expect(lengthsOf(await pooled.data.batch.messages({ queues, page, ...bytes }))).toEqual([
      0,
      2,
      ["QUEUE_NOT_MAPPED", undefined],
    ]);
  });

  it("a queue that is read after a repair gets the bytes that the others of its pool have left", async () => {
    const pooled = await start();
    await addPool(pooled, "one");
    const [here, gone] = [await aQueue(pooled, "one"), await aQueue(pooled, "one")];
    const messages = [aStoredMessage({ bodyText: `"${"x".repeat(898)}"` })];
    fake("one").rows.set(JSON.stringify(["p", here.name]), { epoch: here.epoch, messages });
    const queues = [here, gone].map(({ project, name }) => ({ project, name }));
    expect(lengthsOf(await pooled.data.batch.messages({ queues, page, ...bytes }))).toEqual([1, 0]);
    const reads = fake("one").calls.filter((call) => call.startsWith("batch"));
    expect(reads).toEqual(["batch.messages of 2 in 1200 bytes", "batch.messages of 1 in 300 bytes"]);
  });
});

describe("transferring messages", () => {
  const held = { id: "claim", expiresAt: new Date(60_000) };
  const twoQueues = async (pooled: Pooled, other: string) => {
    for (const pool of ["one", "two"]) await addPool(pooled, pool);
    const [from, to] = [await aQueue(pooled, "one"), await aQueue(pooled, other)];
    await pooled.data.attachQueue(from);
    await pooled.data.attachQueue(to);
    const messages = [
      aStoredMessage({ claim: held }),
      aStoredMessage({ claim: null }),
      aStoredMessage({ claim: held }),
    ];
    fake("one")
      .messagesOf(from)
      .push(...messages);
    const ids = messages.map((message) => message.id);
    const move = {
      from: { project: "p", name: from.name },
      to: { project: "p", name: to.name },
      ids,
      claimId: "claim",
      ttlSeconds: null,
      as: "move" as const,
    };
    return { from, to, ids, move };
  };

  it("a transfer within one pool is one call to that pool", async () => {
    const pooled = await start();
    const { move } = await twoQueues(pooled, "one");
    expect(await pooled.data.messages.transfer(move)).toHaveLength(3);
    expect(fake("one").calls.filter((call) => call.startsWith("messages"))).toEqual(["messages.transfer"]);
  });

  it("a transfer between two pools copies what the claim holds, then removes it", async () => {
    const pooled = await start();
    const { from, to, ids, move } = await twoQueues(pooled, "two");
    expect(await pooled.data.messages.transfer(move)).toHaveLength(2);
    expect(
      fake("two")
        .messagesOf(to)
        .map((message) => message.id),
    ).toEqual([ids[0], ids[2]]);
    expect(
      fake("one")
        .messagesOf(from)
        .map((message) => message.id),
    ).toEqual([ids[1]]);
    expect(await pooled.data.messages.transfer(move)).toHaveLength(0);
  });

  it("a transfer between two pools accepts ids in upper case and without hyphens", async () => {
    const pooled = await start();
    const { ids, move } = await twoQueues(pooled, "two");
    const spelled = { ...move, ids: ids.map((id) => id.replaceAll("-", "").toUpperCase()) };
    expect(await pooled.data.messages.transfer(spelled)).toHaveLength(2);
  });

  it("a transfer whose messages others claim halfway leaves them in the source, and a repeat copies none twice", async () => {
    const pooled = await start();
    const { from, to, move } = await twoQueues(pooled, "two");
    fake("one").before = (call) => {
      if (call !== "messages.removeCopied") return;
      for (const message of fake("one").messagesOf(from)) message.claim = { ...held, id: "another" };
    };
    expect(await pooled.data.messages.transfer(move)).toHaveLength(0);
    expect(fake("one").messagesOf(from)).toHaveLength(3);
    fake("one").before = () => {};
    for (const message of fake("one").messagesOf(from)) message.claim = held;
    expect(await pooled.data.messages.transfer(move)).toHaveLength(3);
    expect(fake("two").messagesOf(to)).toHaveLength(3);
    expect(fake("one").messagesOf(from)).toHaveLength(0);
  });

  it("a transfer between two pools loses nothing when the target fails", async () => {
    const pooled = await start();
    const { from, move } = await twoQueues(pooled, "two");
    fake("two").before = () => {
      throw new DomainError("STORAGE_UNAVAILABLE", "It is gone.");
    };
    await expect(pooled.data.messages.transfer(move)).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    expect(fake("one").messagesOf(from)).toHaveLength(3);
  });
});
