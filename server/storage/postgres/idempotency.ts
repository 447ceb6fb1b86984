/** Calls with an idempotency key: what an earlier call with it left, and how a call happens once. */
import { KEY_SECONDS, keyReused, POP_KEY_SECONDS, POP_PREFIX, partKey } from "../idempotency.ts";
import { type QueueRow, STALE } from "./queue-rows.ts";
import { isUniqueViolation } from "./sql/connection.ts";
import { CLOCK } from "./sql/fragments.ts";
import { int8, text } from "./sql/parameter-types.ts";
import { rowOf, statement } from "./sql/statement.ts";
import type { Statements } from "./sql/statements.ts";

/** The key `k` is that of a pop. An index has this condition. */
export const IS_POP = `left(k.request, ${POP_PREFIX.length}) = '${POP_PREFIX}'`;

/**
 * A column of a statement that takes messages with SKIP LOCKED: calls with one key run one after the other. Otherwise
 * one that skipped the messages which another has locked would find nothing, and its caller would not ask again.
 */
export const TURN = "pg_advisory_xact_lock(hashtextextended(:key, :lockSpace::bigint + q.id)) AS turn";

const PRIOR_CALL = statement({
  name: "idempotency_prior",
  parameters: { queueId: int8, key: text },
  row: rowOf<{ request: string; result: string; createdAt: string; forgotten: boolean }>(),
  text: `
    WITH ${CLOCK}
    SELECT k.request, k.result, k.created_at::text AS "createdAt",
      k.created_at <= clock.now - make_interval(secs => CASE WHEN ${IS_POP} THEN ${POP_KEY_SECONDS}
        ELSE ${KEY_SECONDS} END) AS forgotten
    FROM idempotency_keys k, clock WHERE k.queue_id = :queueId AND k.key = :key`,
});

/** The parts of what calls with a key have kept: see `keptParts`. */
const PRIOR_PARTS = statement({
  name: "idempotency_prior_parts",
  parameters: { queueId: int8, key: text },
  row: rowOf<{ part: number; request: string; result: string; forgotten: boolean }>(),
  text: `
    WITH ${CLOCK}
    SELECT substr(k.key, length(:key) + 2)::int AS part, k.request, k.result,
      k.created_at <= clock.now - interval '${KEY_SECONDS} seconds' AS forgotten
    FROM idempotency_keys k, clock WHERE k.queue_id = :queueId AND k.key >= :key || '#' AND k.key < :key || '$'`,
});

/**
 * For calls that do a part of their work at a time, and keep ids. The ids that parts before have kept, and under which
 * key the next part keeps its own: in the same statement as its work, which fails when another call came first.
 * IDEMPOTENCY_KEY_REUSED.
 */
export async function keptParts(
  statements: Statements,
  { row, key, request }: { row: QueueRow; key: string; request: string },
): Promise<{ ids: string[]; nextKey: string }> {
  const parts = await statements.read(PRIOR_PARTS, { queueId: row.id, key });
  const kept = parts.filter(({ forgotten }) => !forgotten);
  if (kept.some((part) => part.request !== request)) throw keyReused(key);
  const next = Math.max(-1, ...parts.map(({ part }) => part)) + 1;
  return { ids: kept.flatMap(({ result }) => result.split(",")), nextKey: partKey(key, next) };
}

/** Runs `part`, again when another call with its key came first. */
export async function untilKept<T>(part: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await part();
    } catch (error) {
      if (attempt === ATTEMPTS || !isUniqueViolation(error)) throw error;
    }
  }
}

/** Leaves a key that was used again meanwhile. */
const FORGET = statement({
  name: "idempotency_forget",
  parameters: { queueId: int8, key: text, createdAt: text },
  text: `
    DELETE FROM idempotency_keys WHERE queue_id = :queueId AND key = :key AND created_at = :createdAt::timestamptz`,
});

/** How often a call meets other calls with its key before it gives up. */
const ATTEMPTS = 4;

/**
 * Returns what `repeat` makes of the result of an earlier call with this key. Where there is none, or `repeat` returns
 * null because it means nothing any more, runs `call`. IDEMPOTENCY_KEY_REUSED.
 *
 * `call` inserts the key in the same statement as its work. The unique key makes that statement fail, and change
 * nothing, when another call with it has committed in between; then that call's result is read.
 */
export async function callOnce<T>(
  statements: Statements,
  { row, key, request }: { row: QueueRow; key: string; request: string },
  steps: {
    repeat: (result: string) => T | null | Promise<T | null>;
    call: () => Promise<T | typeof STALE>;
    /** A result that is not kept: another call with the key may have had one that is, while this one waited. */
    isNothing?: (result: T) => boolean;
  },
): Promise<T | typeof STALE> {
  for (let attempt = 1; ; attempt += 1) {
    const [prior] = await statements.read(PRIOR_CALL, { queueId: row.id, key });
    if (prior !== undefined) {
      const { result, createdAt, forgotten } = prior;
      if (!forgotten && prior.request !== request) throw keyReused(key);
      const repeated = forgotten ? null : await steps.repeat(result);
      if (repeated !== null) return repeated;
      await statements.write(FORGET, { queueId: row.id, key, createdAt });
    }
    try {
      const done = await steps.call();
      if (done === STALE || attempt === ATTEMPTS || !steps.isNothing?.(done)) return done;
      const [other] = await statements.read(PRIOR_CALL, { queueId: row.id, key });
      if (other === undefined) return done;
    } catch (error) {
      if (attempt === ATTEMPTS || !isUniqueViolation(error)) throw error;
    }
  }
}
