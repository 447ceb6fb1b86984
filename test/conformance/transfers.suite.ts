import { randomUUID } from "node:crypto";
import { expect, it } from "vitest";
import type { DataDriver, Message } from "../../server/storage/data-driver.ts";
import type { TransferKind } from "../../server/storage/messages/transfer-kind.ts";
import { type TransferSteps, transferInSteps } from "../../server/storage/messages/transfer-steps.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { advance, claim, type DataDriverHarness, idsOf, post, readAll } from "./harness.ts";

/** Cases of a suite whose harness `harness` gives: messages go to another queue. */
export function transferCases(harness: () => DataDriverHarness): void {
  const driver = () => harness().driver;

  it("a transfer moves what a claim holds to the end of another queue, under the same ids, with neither claim nor count", async () => {
    const from = await harness().newQueue();
    const to = await harness().newQueueBeside(from);
    const [there] = await post(harness(), to, 1);
    const ids = await post(harness(), from, 3);
    const held = await claim(harness(), from, { limit: 2 });
    const move = { from, to, ids, claimId: held.claimId, ttlSeconds: 500, as: "move" as const };
    expect(await driver().messages.transfer(move)).toHaveLength(2);
    expect(idsOf(await readAll(driver(), from))).toEqual([ids[2]]);
    const moved = await readAll(driver(), to);
    expect(idsOf(moved)).toEqual([there, ids[0], ids[1]]);
    expect(moved[1]).toMatchObject({ claim: null, claimCount: 0, ttlSeconds: 500, bodyText: "0" });
    expect(await driver().messages.transfer(move)).toHaveLength(0);
    expect(await driver().messages.get({ queue: to, id: ids[0] as string })).toMatchObject({ id: ids[0] });
    expect(await driver().messages.delete({ queue: to, id: ids[0] as string })).toBe("deleted");
    const again = await claim(harness(), to, { limit: 5 });
    expect(idsOf(again.messages)).toEqual([there, ids[1]]);
  });

  it("a transfer with an expired claim moves nothing", async () => {
    const from = await harness().newQueue();
    const to = await harness().newQueueBeside(from);
    const ids = await post(harness(), from, 1);
    const held = await claim(harness(), from, { ttlSeconds: 10 });
    advance(harness(), 10);
    const move = { from, to, ids, claimId: held.claimId, ttlSeconds: null, as: "move" as const };
    expect(await driver().messages.transfer(move)).toHaveLength(0);
    expect(await readAll(driver(), from)).toHaveLength(1);
  });

  it("adopt adds copies once, under their own ids and with the ttl that is left", async () => {
    const queue = await harness().newQueue();
    const target = await harness().newQueueBeside(queue);
    await post(harness(), queue, 2, { ttlSeconds: 300 });
    advance(harness(), 100);
    const messages = await readAll(driver(), queue);
    await driver().messages.adopt({ queue: target, messages, ttlSeconds: null, from: queue.name });
    await driver().messages.adopt({ queue: target, messages, ttlSeconds: null, from: queue.name });
    const adopted = await readAll(driver(), target);
    expect(idsOf(adopted)).toEqual(idsOf(messages));
    const left = (adopted[0]?.expiresAt.getTime() ?? 0) - (adopted[0]?.createdAt.getTime() ?? 0);
    expect(Math.abs(left - 200_000)).toBeLessThan(2000);
  });

  /** Moves those of the messages that nobody claims. */
  const move = (from: QueueRef, to: QueueRef, ids: readonly string[], ttlSeconds: number | null = null) =>
    driver().messages.transfer({ from, to, ids, claimId: null, ttlSeconds, as: "move" });

  it("a transfer without a claim moves ready, delayed and exhausted messages, and leaves claimed and missing ones", async () => {
    const from = await harness().newQueue();
    const to = await harness().newQueueBeside(from);
    const [spent] = (await post(harness(), from, 1, { headers: { trace: "a b" } })) as [string];
    await claim(harness(), from, { limit: 1, ttlSeconds: 60, clientId: "worker" });
    advance(harness(), 60);
    const [held] = (await post(harness(), from, 1)) as [string];
    const { claimId } = await claim(harness(), from, { limit: 2, ttlSeconds: 600, exhaustedFrom: 1 });
    const [ready] = (await post(harness(), from, 1)) as [string];
    const [delayed] = (await post(harness(), from, 1, { delaySeconds: 300 })) as [string];
    const ids = [delayed, held, "no id", ready, spent, "00000000-0000-4000-8000-000000000000"];
    expect((await move(from, to, ids)).toSorted()).toEqual([spent, ready, delayed].toSorted());
    expect(idsOf(await readAll(driver(), from))).toEqual([held]);
    expect((await driver().claims.get({ queue: from, id: claimId })).claim.messageCount).toBe(1);
    const moved = await readAll(driver(), to);
    expect(moved).toMatchObject([
      { id: spent, headers: { trace: "a b" }, claimCount: 0, lastClaimId: null, deadLettered: null },
      { id: ready, delayedUntil: null },
      { id: delayed, delayedUntil: expect.any(Date) },
    ]);
    expect(await move(from, to, ids)).toEqual([]);
    expect(idsOf((await claim(harness(), to, { ttlSeconds: 999 })).messages)).toEqual([spent, ready]);
    advance(harness(), 300);
    expect(idsOf((await claim(harness(), to)).messages)).toEqual([delayed]);
  });

  it("a transfer with an idempotency key that is repeated moves nothing more, and returns what the first one moved", async () => {
    const from = await harness().newQueue();
    const to = await harness().newQueueBeside(from);
    const ids = await post(harness(), from, 3);
    await claim(harness(), from, { limit: 1, ttlSeconds: 60 });
    const params = { from, to, ids, claimId: null, ttlSeconds: 900, as: "redrive" as const, idempotencyKey: "once" };
    const first = await driver().messages.transfer(params);
    expect(first.toSorted()).toEqual(ids.slice(1).toSorted());
    expect(idsOf((await claim(harness(), to, { limit: 1 })).messages)).toEqual([ids[1]]);
    await driver().messages.bulkDelete({ queue: to, ids });
    expect((await driver().messages.transfer(params)).toSorted()).toEqual(first.toSorted());
    expect(await readAll(driver(), to)).toEqual([]);
    advance(harness(), 60);
    expect((await harness().neighbour.messages.transfer(params)).toSorted()).toEqual(ids.toSorted());
    expect(await readAll(driver(), to)).toMatchObject([{ id: ids[0], ttlSeconds: 900, claimCount: 0 }]);
  });

  it("a hold keeps others from messages, is no delivery, and leaves them as they were when it ends", async () => {
    const queue = await harness().newQueue();
    await post(harness(), queue, 1);
    await claim(harness(), queue, { ttlSeconds: 60, clientId: "worker" });
    advance(harness(), 60);
    const [late] = (await post(harness(), queue, 1, { delaySeconds: 300 })) as [string];
    await post(harness(), queue, 1);
    const before = await readAll(driver(), queue);
    const ids = idsOf(before);
    const [held] = (await post(harness(), queue, 1)) as [string];
    await claim(harness(), queue, { limit: 3, exhaustedFrom: 0 });
    const hold = (holdId: string, seconds: number, of = ids) =>
      driver().messages.hold({ queue, ids: [...of, "no id"], holdId, seconds });
    const [mine, theirs] = [randomUUID(), randomUUID()];
    expect((await hold(mine, 60)).toSorted()).toEqual(ids.toSorted());
    expect(await hold(theirs, 60)).toEqual([]);
    expect(await hold(theirs, 0)).toEqual([]);
    expect((await driver().claims.list({ queue, page: { limit: 9 } })).items).toEqual([]);
    expect(idsOf((await claim(harness(), queue, { ttlSeconds: 600 })).messages)).toEqual([held]);
    await expect(driver().messages.bulkDelete({ queue, ids, claimed: "refuse" })).rejects.toMatchObject({
      code: "MESSAGE_IS_CLAIMED",
    });
    expect((await driver().messages.stats([queue]))[0]).toMatchObject({ claimed: 4, delayed: 0, total: 4 });

    const same = (messages: readonly Message[]) => messages.map(({ ageSeconds: _, ...message }) => message);
    expect((await hold(mine, 0)).toSorted()).toEqual(ids.toSorted());
    expect(same((await readAll(driver(), queue)).slice(0, 3))).toEqual(same(before));
    await hold(mine, 60);
    advance(harness(), 60);
    expect((await driver().messages.stats([queue]))[0]).toMatchObject({ claimed: 1, delayed: 1, total: 4 });
    const taken = await claim(harness(), queue, { ttlSeconds: 600 });
    expect(taken.messages.map(({ id, claimCount }) => [id, claimCount])).toEqual([
      [ids[0], 2],
      [ids[2], 1],
    ]);
    advance(harness(), 240);
    expect(idsOf((await claim(harness(), queue)).messages)).toEqual([late]);
  });

  it("a transfer between stores that is killed anywhere is finished by a repeat, and neither loses nor doubles a message", async () => {
    const { messages } = driver();
    for (const at of STEPS) {
      const from = await harness().newQueue();
      const to = await harness().newQueueBeside(from);
      const ids = await post(harness(), from, 3, { ttlSeconds: 90_000 });
      const { params, steps } = transferBetween(driver(), from, to, { ids, key: at });
      await expect(transferInSteps(params, followed(steps, { [at]: killed }))).rejects.toThrow("killed");
      // Whatever has arrived is done with before anybody goes on, which may take hours.
      const done = idsOf(await messages.pop({ queue: to, limit: 9 }));
      advance(harness(), 36_000);
      expect(idsOf((await claim(harness(), from)).messages)).toEqual([]);
      expect((await transferInSteps(params, steps)).toSorted()).toEqual(ids.toSorted());
      expect([...done, ...idsOf(await messages.pop({ queue: to, limit: 9 }))]).toEqual(ids);
      expect(await readAll(driver(), from)).toEqual([]);
      expect((await transferInSteps(params, steps)).toSorted()).toEqual(ids.toSorted());
      expect(await readAll(driver(), to)).toEqual([]);
    }
  });

  it("a copy that would come back while its original is still held stays where it is, and comes once that is gone", async () => {
    const from = await harness().newQueue();
    const to = await harness().newQueueBeside(from);
    const ids = await post(harness(), from, 2);
    const there = transferBetween(driver(), from, to, { ids, key: "there" });
    await expect(transferInSteps(there.params, followed(there.steps, { adopt: killed }))).rejects.toThrow("killed");
    const { claimId } = await claim(harness(), to, { limit: 1 });
    const back = transferBetween(driver(), to, from, { ids: ids.slice(0, 1), claimId, as: "deadLetter" });
    expect(await transferInSteps(back.params, back.steps)).toEqual([]);
    expect(idsOf(await readAll(driver(), to))).toEqual(ids);

    expect((await transferInSteps(there.params, there.steps)).toSorted()).toEqual(ids.toSorted());
    expect(await readAll(driver(), from)).toEqual([]);
    expect(await transferInSteps(back.params, back.steps)).toEqual(ids.slice(0, 1));
    // One that does not know that it is over removes nothing that has come back.
    await transferInSteps(there.params, there.steps);
    expect(idsOf(await readAll(driver(), from))).toEqual(ids.slice(0, 1));
    expect(idsOf(await readAll(driver(), to))).toEqual(ids.slice(1));
  });
}

export const STEPS = ["hold", "copy", "adopt", "remove"] as const;
type Steps = TransferSteps<Message>;

/** A transfer between two queues as if they were in two stores. Without a claim it has a key. */
export function transferBetween(
  { messages }: DataDriver,
  from: QueueRef,
  to: QueueRef,
  {
    ids,
    claimId = null,
    key,
    as = "move",
  }: { ids: string[]; claimId?: string | null; key?: string; as?: TransferKind },
): { params: Parameters<typeof transferInSteps>[0]; steps: Steps } {
  const once = key === undefined ? {} : { idempotencyKey: key };
  return {
    params: { from, to, ids, claimId, ttlSeconds: null, as, ...once },
    steps: {
      hold: (of, holdId, seconds) => messages.hold({ queue: from, ids: of, holdId, seconds }),
      copy: (of, holder) => messages.copy({ queue: from, ids: of, claimId: holder, as }),
      adopt: (copies) => messages.adopt({ queue: to, messages: copies, ttlSeconds: null, from: from.name, ...once }),
      remove: (of, holder) => messages.removeCopied({ queue: from, ids: of, claimId: holder, as }),
    },
  };
}

export const killed = () => Promise.reject(new Error("killed"));

/** The same steps, each followed once by what `after` has for it. Where that fails the process is dead: it does no more. */
export function followed(steps: Steps, after: Partial<Record<keyof Steps, () => Promise<unknown>>>): Steps {
  const hooks = new Map(Object.entries(after));
  let death: Promise<never> | null = null;
  const then =
    <A extends unknown[], R>(name: keyof Steps, step: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (death !== null) return death;
      const result = await step(...args);
      // An adoption of nothing only reads.
      if ((args[0] as readonly unknown[]).length === 0) return result;
      const hook = hooks.get(name);
      hooks.delete(name);
      await hook?.().catch((error: unknown) => {
        death = Promise.reject(error);
        return death;
      });
      return result;
    };
  return {
    hold: then("hold", steps.hold),
    copy: then("copy", steps.copy),
    adopt: then("adopt", steps.adopt),
    remove: then("remove", steps.remove),
  };
}
