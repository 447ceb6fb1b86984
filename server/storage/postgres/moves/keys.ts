/** Reads the idempotency keys of a queue that moves away. See QueueTransfer. */
import { POP_PREFIX } from "../../idempotency.ts";
import type { MovedKey, QueueTransfer } from "../../moves/queue-transfer.ts";
import type { Pool } from "../pool.ts";
import { milliseconds } from "../sql/fragments.ts";
import { int8, text } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import { ATTEMPT, attemptOf, type Found, foundIn, foundText, READ_BYTES } from "./attempt.ts";

/** The longest that a key's statement takes from the key's time to its commit. */
const LATE_SECONDS = 10;

/** What a statement sees. `server`: when the server started; after a failover transactions are numbered anew. */
interface Snapshot {
  server: string;
  snapshot: string;
  at: string;
}

/**
 * Keys are read in rounds, page by page in their order. A round leaves out what the first statement of the round before
 * saw.
 */
interface Seen {
  /** That of the round before. */
  before: Snapshot | null;
  /** That of this round's first page. */
  now: Snapshot | null;
  /** The last key of the page before. */
  after: string;
}

const SNAPSHOT_COLUMNS = `,
      date_part('epoch', pg_postmaster_start_time())::text AS server, pg_current_snapshot()::text AS snapshot,
      clock.now::text AS at`;

const PAGE = { ...ATTEMPT, after: text, limit: int8 } as const;
type KeyRow = Snapshot & Found<MovedKey>;

/** The keys `k` of `source` behind `:after`, as many as one call carries. */
const keysOf = (source: string) => `
      SELECT k.key, k.request, k.result, ${milliseconds("clock.now - k.created_at")} AS "ageMs" FROM (
        SELECT n.*, sum(octet_length(n.result)) OVER (ORDER BY n.key) - octet_length(n.result) AS before FROM (
          SELECT k.* FROM ${source} k WHERE k.queue_id = q.id AND k.key > :after ORDER BY k.key LIMIT :limit
        ) AS n
      ) AS k
      WHERE k.before < ${READ_BYTES} ORDER BY k.key`;

const READ_KEYS = statement({
  name: "queue_move_keys",
  parameters: PAGE,
  row: rowOf<KeyRow>(),
  text: foundText(keysOf("idempotency_keys"), { columns: SNAPSHOT_COLUMNS }),
});

/**
 * Those that a snapshot does not see, found by their time among those of all queues: there is no index by queue and
 * time, and young ones are few. A row has the lower half of its transaction's number, which is less than the next one.
 */
const READ_NEW_KEYS = statement({
  name: "queue_move_new_keys",
  parameters: { ...PAGE, server: text, snapshot: text, at: text },
  row: rowOf<KeyRow>(),
  text: foundText(keysOf("fresh"), {
    columns: SNAPSHOT_COLUMNS,
    ctes: `,
    next AS MATERIALIZED (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS xid),
    fresh AS MATERIALIZED (
      SELECT k.* FROM idempotency_keys k, next
      WHERE k.created_at >= :at::timestamptz - interval '${LATE_SECONDS} seconds'
        AND (date_part('epoch', pg_postmaster_start_time())::text <> :server OR NOT pg_visible_in_snapshot(
          (next.xid - ((next.xid - k.xmin::text::bigint) & 4294967295))::text::xid8, :snapshot::pg_snapshot))
    )`,
  }),
});

/** Posts remember markers, which only this store can turn into ids. */
export function keyReader({ statements, ids }: Pool): QueueTransfer["readKeys"] {
  const toId = (part: string) => (/^\d+$/.test(part) ? ids.idOf(part) : part);
  return async (params) => {
    const { before, now, after }: Seen =
      params.seen === null ? { before: null, now: null, after: "" } : JSON.parse(params.seen);
    const page = { ...attemptOf(params), after, limit: params.limit };
    const rows =
      before === null
        ? await statements.read(READ_KEYS, page)
        : await statements.read(READ_NEW_KEYS, { ...page, ...before });
    const keys = foundIn<MovedKey & Snapshot>(rows, params).map(({ key, request, result, ageMs }): MovedKey => {
      const moved = request.startsWith(POP_PREFIX) ? result : result.split(",").map(toId).join(",");
      return { key, request, result: moved, ageMs };
    });
    const { server, snapshot, at } = rows[0] as Snapshot;
    const current = now ?? { server, snapshot, at };
    const last = keys.at(-1);
    const seen: Seen =
      last === undefined ? { before: current, now: null, after: "" } : { before, now: current, after: last.key };
    return { keys, seen: JSON.stringify(seen) };
  };
}
