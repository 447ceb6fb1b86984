/** How messages go from one store to another: hold, copy, adopt, remove. */
import { createHash } from "node:crypto";
import { hasCode } from "../../errors.ts";
import type { Message, MessageController } from "../data-driver.ts";
import { digest, KEY_SECONDS } from "../idempotency.ts";
import { validUuids } from "../list-pages.ts";
import { queueKey } from "../queue-ref.ts";

/**
 * How long messages are held that go to another store. As long as the target knows by the key what it has got: until
 * then a repeat finishes the transfer, however long nobody could make one.
 */
const HOLD_SECONDS = KEY_SECONDS;

type Transfer = Parameters<MessageController["transfer"]>[0];

export interface TransferSteps<Copy extends { readonly id: string }> {
  hold(ids: readonly string[], holdId: string, seconds: number): Promise<string[]>;
  /** Those that the claim holds. May end early, because of bytes. */
  copy(ids: readonly string[], claimId: string): Promise<Copy[]>;
  /** The ids of those that the target has got with this transfer, by now. */
  adopt(copies: readonly Copy[]): Promise<string[]>;
  /** The ids of those that others have claimed since. */
  remove(ids: readonly string[], claimId: string): Promise<string[]>;
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

/**
 * `transfer` between two stores. Whoever claims an original whose hold or claim has ended keeps it, and its copy stays
 * too: it is not among the result of this call.
 */
export async function transferInSteps<Copy extends { readonly id: string }>(
  params: Transfer,
  steps: TransferSteps<Copy>,
): Promise<string[]> {
  const { claimId, idempotencyKey } = params;
  const ids = [...new Set(validUuids(params.ids))];
  const holder = claimId ?? holdIdOf(params);
  // What an earlier call has copied is not held again: a message of its id may be the copy, which has come back.
  const moved = new Set(idempotencyKey === undefined ? [] : await steps.adopt([]));
  if (moved.size > 0) await steps.remove([...moved], holder);
  const fresh = ids.filter((id) => !moved.has(id));
  let rest = claimId === null && fresh.length > 0 ? await steps.hold(fresh, holder, HOLD_SECONDS) : fresh;
  const letGo = async (some: readonly string[]) => {
    if (claimId === null && some.length > 0) await steps.hold(some, holder, 0);
  };
  const stayed: string[] = [];
  while (rest.length > 0) {
    const copies = await steps.copy(rest, holder);
    if (copies.length === 0) break;
    let arrived: ReadonlySet<string>;
    try {
      arrived = new Set(await steps.adopt(copies));
    } catch (error) {
      // What may have been copied stays held for the repeat.
      if (!isDoubtful(error)) await letGo([...stayed, ...rest]).catch(() => undefined);
      throw error;
    }
    const copied = copies.map(({ id }) => id);
    const left = new Set(
      await steps.remove(
        copied.filter((id) => arrived.has(id)),
        holder,
      ),
    );
    for (const id of copied) {
      if (!arrived.has(id)) stayed.push(id);
      else if (!left.has(id)) moved.add(id);
    }
    const done = new Set(copied);
    rest = rest.filter((id) => !done.has(id));
  }
  // They were purged or have expired meanwhile. A purge that is taken back brings them back as they were before.
  await letGo([...stayed, ...rest]);
  return [...moved];
}
