/** Compares all that a client can see of a queue with its model. */
import { expect } from "vitest";
import type { Claim, DataDriver, Message } from "../../server/storage/data-driver.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import type { ModelClaim, ModelMessage, QueueModel } from "./queue-model.ts";

/** Durations are whole multiples of this, so that a slow machine does not change what has expired. */
export const UNIT = 60;

/** A queue on the real store, and what was seen of it. */
export interface ObservedQueue {
  queue: QueueRef;
  epoch: number;
  /** Second 0 of the model, in milliseconds since 1970. */
  startedAt: number;
  /** The marker of each message that was ever seen in this queue, by message id. */
  markers: Map<string, string>;
  /** The highest of these markers. */
  highest: bigint;
}

/** Compares what `driver` shows of the queue with the model. It is the driver that did not run the command. */
export async function compareAll(model: QueueModel, observed: ObservedQueue, driver: DataDriver): Promise<void> {
  const counts = [null, 0, 1, 2];
  const [messages, claims, stats] = await Promise.all([
    driver.messages.list({ queue: observed.queue, page: { limit: 1000 }, includeClaimed: true, includeDelayed: true }),
    driver.claims.list({ queue: observed.queue, page: { limit: 1000 } }),
    driver.messages.stats(counts.map((exhaustedFrom) => ({ ...observed.queue, exhaustedFrom }))),
  ]);
  for (const { id, marker } of messages.items) {
    if (!observed.markers.has(id)) {
      expect(BigInt(marker), "a marker above all before it").toBeGreaterThan(observed.highest);
      observed.highest = BigInt(marker);
      observed.markers.set(id, marker);
    }
    expect(marker).toBe(observed.markers.get(id));
  }
  expect(messages.items).toEqual(model.alive().map((message) => likeMessage(message, model, observed)));
  expect(claims.items).toEqual(model.liveClaims().map((claim) => likeClaim(claim, model, observed)));
  for (const [index, exhaustedFrom] of counts.entries()) {
    const { oldest, newest, ...numbers } = model.stats(exhaustedFrom);
    expect(stats[index]).toMatchObject({ ...numbers, exact: true });
    expect([stats[index]?.oldest?.id ?? null, stats[index]?.newest?.id ?? null]).toEqual([oldest, newest]);
  }
}

/** Accepts half a unit more or less, because a run takes some time. */
const near = (observed: ObservedQueue, seconds: number) => ({
  asymmetricMatch: (at: unknown) =>
    at instanceof Date && Math.abs(at.getTime() - observed.startedAt - seconds * 1000) < (UNIT / 2) * 1000,
  toString: () => "near",
  toAsymmetricMatcher: () => `within ${UNIT / 2} s of ${new Date(observed.startedAt + seconds * 1000).toISOString()}`,
});

const aged = (model: QueueModel, since: number) => ({
  asymmetricMatch: (age: unknown) => typeof age === "number" && Math.abs(age - (model.now - since)) < UNIT / 2,
  toString: () => "aged",
  toAsymmetricMatcher: () => `about ${Math.round(model.now - since)}`,
});

export function likeMessage(message: ModelMessage, model: QueueModel, observed: ObservedQueue): Message {
  const claimed = model.isClaimed(message);
  return {
    id: message.id,
    marker: observed.markers.get(message.id) ?? expect.stringMatching(/^\d+$/),
    bodyText: message.bodyText,
    ttlSeconds: message.ttlSeconds,
    ageSeconds: aged(model, message.createdAt) as unknown as number,
    createdAt: near(observed, message.createdAt) as unknown as Date,
    expiresAt: near(observed, message.expiresAt) as unknown as Date,
    delayedUntil: model.isDue(message) ? null : (near(observed, message.availableAt) as unknown as Date),
    clientId: message.clientId,
    claimCount: message.claimCount,
    claim: claimed
      ? { id: message.claimId as string, expiresAt: near(observed, message.claimExpiresAt) as unknown as Date }
      : null,
    lastClaimId: message.claimId,
    headers: message.headers,
    deadLettered: message.deadLettered && {
      ...message.deadLettered,
      at: near(observed, message.deadLettered.at) as unknown as Date,
    },
  };
}

export function likeClaim(claim: ModelClaim, model: QueueModel, observed: ObservedQueue): Claim {
  return {
    id: claim.id,
    ttlSeconds: claim.ttlSeconds,
    graceSeconds: claim.graceSeconds,
    ageSeconds: aged(model, claim.renewedAt) as unknown as number,
    createdAt: near(observed, claim.createdAt) as unknown as Date,
    renewedAt: near(observed, claim.renewedAt) as unknown as Date,
    expiresAt: near(observed, claim.expiresAt) as unknown as Date,
    clientId: claim.clientId,
    actor: null,
    messageCount: model.heldBy(claim.id).length,
  };
}
