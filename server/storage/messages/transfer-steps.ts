/** How messages go from one store to another: hold, copy, adopt, delete. */
import { createHash } from "node:crypto";
import { hasCode } from "../../errors.ts";
import type { Message, MessageController } from "../data-driver.ts";
import { digest } from "../idempotency.ts";
import { validUuids } from "../list-pages.ts";
import { queueKey } from "../queue-ref.ts";

/** How long messages are held that go to another store: longer than any process needs to take over from another. */
const HOLD_SECONDS = 600;

type Transfer = Parameters<MessageController["transfer"]>[0];

export interface TransferSteps<Copy extends { readonly id: string }> {
  hold(ids: readonly string[], holdId: string, seconds: number): Promise<string[]>;
  /** Those that the claim holds. May end early, because of bytes. */
  copy(ids: readonly string[], claimId: string): Promise<Copy[]>;
  /** The ids of those that the target has got with this transfer, by now. */
  adopt(copies: readonly Copy[]): Promise<string[]>;
  /** MESSAGE_NOT_CLAIMED_BY when the claim does not hold all of those that exist. */
  remove(ids: readonly string[], claimId: string): Promise<unknown>;
}

/** For the idempotency keys of a transfer, by the names of the queues: within a store, and to another one. */
export const transferDigest = (from: string, to: string) => digest(["transfer", from, to]);
export const adoptDigest = (from: string) => digest(["adopt", from]);

/** Seconds that a message has left until a time of its own, by its own store's clock. */
export function secondsUntil({ createdAt, ageSeconds }: Message, time: Date | null): number {
  const now = createdAt.getTime() + ageSeconds * 1000;
  return time === null ? 0 : Math.max(0, (time.getTime() - now) / 1000);
}

/** A repeat has the same one. */
function holdIdOf({ from, to, idempotencyKey }: Transfer): string {
  if (idempotencyKey === undefined) return crypto.randomUUID();
  const name = JSON.stringify([queueKey(from), queueKey(to), idempotencyKey]);
  const hex = createHash("sha256").update(name).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** The target may have got what it was sent. */
const isDoubtful = (error: unknown) =>
  hasCode(error, "STORAGE_UNAVAILABLE") || hasCode(error, "OUTCOME_UNKNOWN") || hasCode(error, "DEADLINE_EXCEEDED");

const isLost = (error: unknown) =>
  hasCode(error, "MESSAGE_NOT_CLAIMED_BY") ||
  hasCode(error, "MESSAGE_NOT_CLAIMED") ||
  hasCode(error, "CLAIM_DOES_NOT_EXIST");

/**
 * `transfer` between two stores. Whoever claims an original whose hold or claim has ended keeps it, and its copy stays
 * too: it is not among the result of this call.
 *
 * Hazard: a copy that comes back to the source before a repeat finds its original there, and adds nothing.
 */
export async function transferInSteps<Copy extends { readonly id: string }>(
  params: Transfer,
  steps: TransferSteps<Copy>,
): Promise<string[]> {
  const { claimId, idempotencyKey } = params;
  const ids = [...new Set(validUuids(params.ids))];
  const holder = claimId ?? holdIdOf(params);
  let rest = claimId === null ? await steps.hold(ids, holder, HOLD_SECONDS) : ids;
  // A repeat may find that all are gone already.
  const moved = new Set(idempotencyKey === undefined ? [] : await steps.adopt([]));
  for (;;) {
    const copies = rest.length === 0 ? [] : await steps.copy(rest, holder);
    const copied = copies.map(({ id }) => id);
    if (copied.length === 0) return [...moved];
    try {
      await steps.adopt(copies);
    } catch (error) {
      // What an earlier call has copied stays held for the repeat.
      const free = rest.filter((id) => !moved.has(id));
      if (claimId === null && !isDoubtful(error)) await steps.hold(free, holder, 0).catch(() => undefined);
      throw error;
    }
    for (const id of await removed(copied, holder, steps, claimId === null)) moved.add(id);
    rest = rest.filter((id) => !copied.includes(id));
  }
}

/** Those of the copied messages that this transfer has deleted, or that ended by themselves. */
async function removed<Copy extends { readonly id: string }>(
  ids: readonly string[],
  holder: string,
  steps: TransferSteps<Copy>,
  isHeld: boolean,
): Promise<readonly string[]> {
  try {
    await steps.remove(ids, holder);
    return ids;
  } catch (error) {
    if (!isLost(error)) throw error;
  }
  if (!isHeld) return [];
  // The hold ended meanwhile, and others have claimed some of them.
  const still = await steps.hold(ids, holder, HOLD_SECONDS);
  await steps.remove(still, holder);
  return still;
}
