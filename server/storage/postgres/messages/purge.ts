/** Makes all messages of a queue, or those before a bound, invisible at once. */
import type { MessageController, PurgeBound } from "../../data-driver.ts";
import { PURGED, purgeDigest, readPurge } from "../../idempotency.ts";
import { numberMarker } from "../../list-pages.ts";
import { callOnce } from "../idempotency.ts";
import type { Pool } from "../pool.ts";
import { type QueueRow, STALE } from "../queue-rows.ts";
import { clockAfter } from "../sql/fragments.ts";
import { int8, orNull, text, uuid } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import { type CountedRange, countPurged, type MarkerRange } from "./count-purged.ts";
import { enterQueue } from "./enter.ts";
import { LAST_BEFORE, timestamp } from "./last-before.ts";

const QUEUE = { queueId: int8, epoch: int8, undoToken: orNull(uuid) } as const;
const KEY = { key: text, request: text } as const;

const RANGE = `q.undo_low_water::text AS after, q.low_water::text AS "upTo"`;

const REMEMBERED = `
    remembered AS (
      INSERT INTO idempotency_keys (queue_id, key, request, result, created_at)
      SELECT e.id, :key, :request, '', clock.now FROM entered e, clock
    )`;

/** No row: the queue is deleted or has another epoch. `known`: how many messages it had by its counters. */
const purgeAllText = (rememberedCte = "") => `
    WITH entered AS MATERIALIZED (${enterQueue()}),
    ${clockAfter("entered")},
    forgotten AS (DELETE FROM queue_counts c USING entered e WHERE c.queue_id = e.id RETURNING c.*)${rememberedCte}
    UPDATE pool_queues q
    SET undo_low_water = q.low_water, low_water = nextval('message_marker'), purged_at = clock.now,
      undo_token = :undoToken
    FROM entered e, clock WHERE q.id = e.id
    RETURNING ${RANGE}, (SELECT coalesce(sum(f.posted - f.deleted - f.expired), 0) FROM forgotten f)::float8 AS known`;

const PURGE_ALL = statement({
  name: "queue_purge",
  parameters: QUEUE,
  row: rowOf<MarkerRange & { known: number }>(),
  text: purgeAllText(),
});

const PURGE_ALL_KEYED = statement({
  name: "queue_purge_keyed",
  parameters: { ...QUEUE, ...KEY },
  row: rowOf<MarkerRange & { known: number }>(),
  text: purgeAllText(`,${REMEMBERED}`),
});

/**
 * The mark rises no higher than to a marker that is drawn under the queue's lock: later messages are above it. Nulls:
 * nothing is left before the bound.
 */
const purgeBeforeText = (rememberedCte = "") => `
    WITH entered AS MATERIALIZED (${enterQueue()}),
    ${clockAfter("entered")},
    bound AS MATERIALIZED (
      SELECT e.id, least(:upTo::bigint, nextval('message_marker')) AS marker FROM entered e
    )${rememberedCte},
    purged AS (
      UPDATE pool_queues q
      SET undo_low_water = q.low_water, low_water = b.marker, purged_at = clock.now, undo_token = :undoToken
      FROM bound b, clock WHERE q.id = b.id AND b.marker > q.low_water
      RETURNING ${RANGE}
    )
    SELECT p.after, p."upTo" FROM entered e LEFT JOIN purged p ON true`;

const PURGE_BEFORE = statement({
  name: "queue_purge_before",
  parameters: { ...QUEUE, upTo: int8 },
  row: rowOf<MarkerRange | { after: null }>(),
  text: purgeBeforeText(),
});

const PURGE_BEFORE_KEYED = statement({
  name: "queue_purge_before_keyed",
  parameters: { ...QUEUE, upTo: int8, ...KEY },
  row: rowOf<MarkerRange | { after: null }>(),
  text: purgeBeforeText(`,${REMEMBERED}`),
});

const REMEMBER_COUNT = statement({
  name: "queue_purge_remember_count",
  parameters: { queueId: int8, ...KEY, result: text },
  text: `
    UPDATE idempotency_keys SET result = :result WHERE queue_id = :queueId AND key = :key AND request = :request`,
});

type Purged = Awaited<ReturnType<MessageController["purge"]>>;
interface Once {
  key: string;
  request: string;
}
interface Options {
  once?: Once;
  undoToken: string | null;
}
const UNCOUNTED: CountedRange = { found: 0, alive: 0, complete: false };

export function purgeMessages({ statements, queues, counters }: Pool): MessageController["purge"] {
  /**
   * How many messages a purge has removed, as far as they could be counted. Never rejects: the messages are gone, and a
   * caller who heard of an error would purge again, with what was posted since.
   */
  function counted(row: QueueRow, range: MarkerRange, chunks?: number): Promise<CountedRange> {
    return countPurged(statements, row.id, range, chunks).catch(() => UNCOUNTED);
  }

  async function all(row: QueueRow, { once, undoToken }: Options): Promise<Purged | typeof STALE> {
    const queue = { queueId: row.id, epoch: row.epoch, undoToken };
    await counters.settled();
    const [range] =
      once === undefined
        ? await statements.write(PURGE_ALL, queue)
        : await statements.write(PURGE_ALL_KEYED, { ...queue, ...once });
    if (range === undefined) return STALE;
    const known = range.known + counters.forgetGrowth(row.id);
    const { found, alive, complete } = await counted(row, range, 1);
    counters.tally(row.id, "expired", found - alive);
    counters.tally(row.id, "deleted", complete ? alive : Math.max(known - found, 0) + alive);
    return { messages: complete ? alive : null };
  }

  async function upTo(row: QueueRow, marker: string, { once, undoToken }: Options): Promise<Purged | typeof STALE> {
    const target = { queueId: row.id, epoch: row.epoch, undoToken, upTo: marker };
    const [range] =
      once === undefined
        ? await statements.write(PURGE_BEFORE, target)
        : await statements.write(PURGE_BEFORE_KEYED, { ...target, ...once });
    if (range === undefined) return STALE;
    if (range.after === null) return { messages: 0 };
    const { found, alive, complete } = await counted(row, range);
    counters.add(row.id, "expired", found - alive);
    counters.add(row.id, "deleted", alive);
    // What was not counted is told by the difference.
    if (!complete) {
      const rest = counters.recount(row.id).then((shrunk) => counters.tally(row.id, "deleted", shrunk));
      void rest.catch(() => counters.doubt(row.id));
    }
    return { messages: complete ? alive : null };
  }

  async function purge(
    row: QueueRow,
    before: PurgeBound | undefined,
    options: Options,
  ): Promise<Purged | typeof STALE> {
    if (before === undefined) return all(row, options);
    if ("marker" in before) {
      const marker = BigInt(numberMarker(before.marker, "before")) - 1n;
      return upTo(row, (marker < 0n ? 0n : marker).toString(), options);
    }
    const time = timestamp(before.time);
    const { id: queueId, epoch, lowWater } = row;
    const [last] = await statements.read(LAST_BEFORE, { queueId, epoch, lowWater, time });
    return last === undefined ? STALE : upTo(row, last.marker, options);
  }

  /** Never rejects: without it a repeat does not know the number, which is better than an error after the purge. */
  async function remember(row: QueueRow, once: Once, { messages }: Purged): Promise<void> {
    if (messages === null) return;
    const result = `${PURGED}${messages}`;
    await statements.write(REMEMBER_COUNT, { queueId: row.id, ...once, result }).catch(() => undefined);
  }

  return ({ queue, before, idempotencyKey: key, undoToken = null }) =>
    queues.with(queue, async (row) => {
      if (key === undefined) return purge(row, before, { undoToken });
      const once = { key, request: purgeDigest(before) };
      return callOnce<Purged>(
        statements,
        { row, ...once },
        {
          async repeat(result) {
            const prior = readPurge(result);
            if (prior.upTo === null) return { messages: prior.messages };
            // Begun in a store that purges in steps, before the queue moved here.
            const rest = await upTo(row, prior.upTo, { undoToken });
            if (rest === STALE || rest.messages === null) return { messages: null };
            const purged = { messages: (prior.messages ?? 0) + rest.messages };
            await remember(row, once, purged);
            return purged;
          },
          async call() {
            const purged = await purge(row, before, { once, undoToken });
            if (purged !== STALE) await remember(row, once, purged);
            return purged;
          },
        },
      );
    });
}
