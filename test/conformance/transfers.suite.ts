import { expect, it } from "vitest";
import type { DomainError } from "../../server/errors.ts";
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
    await driver().messages.adopt({ queue: target, messages, ttlSeconds: null });
    await driver().messages.adopt({ queue: target, messages, ttlSeconds: null });
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
    const first = await move(from, to, ids).catch((error: DomainError) => error.code);
    // Between two stores that is still to come.
    if (typeof first === "string") return expect(first).toBe("NOT_SUPPORTED");
    expect(first.toSorted()).toEqual([spent, ready, delayed].toSorted());
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
}
