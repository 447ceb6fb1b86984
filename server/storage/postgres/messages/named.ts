/** Messages that a call names by their ids: each is found by its id or its marker and locked, in one order everywhere. */
import { validUuids } from "../../list-pages.ts";
import { int8Array, uuidArray } from "../sql/array-parameter.ts";
import { CLOCK, LIVE_QUEUE } from "../sql/fragments.ts";
import { int8 } from "../sql/parameter-types.ts";
import type { MessageIds } from "./ids.ts";
import { byNumber } from "./markers.ts";

/** Parameters of `lockNamed`. `ids` and `markers` come from `sortedByMarker`. */
export const NAMED = { queueId: int8, epoch: int8, ids: uuidArray, markers: int8Array } as const;

/**
 * Conditions on `m`: it is the message that `w` names. Only a queue that took in messages from elsewhere looks an id up
 * before it takes the id for a sealed marker. `queueColumn`: a column of the queue that `w` is in.
 */
export const isNamed = (queueColumn: (column: "id" | "holds_moved") => string) =>
  `m.queue_id = ${queueColumn("id")} AND m.marker = CASE
            WHEN ${queueColumn("holds_moved")}
            THEN coalesce(
              (SELECT o.marker FROM messages o WHERE o.queue_id = ${queueColumn("id")} AND o.origin_id = w.id), w.marker)
            ELSE w.marker END
          AND (m.origin_id IS NULL OR m.origin_id = w.id)`;

/**
 * The first CTEs of a statement: `clock`, `queue`, and `name` with a row for each message that is locked: its `id`, its
 * `tid`, and `columns`. No row in `queue`: it is deleted or has another epoch.
 *
 * The messages are locked in the order of their markers, as in every delete, so that no two statements deadlock. Each is
 * judged as it is once locked, by `condition` and in `columns`, and is then found by its `tid`, which is its `ctid`.
 */
export const lockNamed = (name: string, columns: string, condition: string) => `${CLOCK},
    queue AS MATERIALIZED (SELECT q.id, q.low_water, q.holds_moved FROM pool_queues q WHERE ${LIVE_QUEUE}),
    ${name} AS MATERIALIZED (
      SELECT w.id, m.* FROM clock CROSS JOIN queue CROSS JOIN (
        SELECT i.id, (:markers::bigint[])[i.n] AS marker
        FROM unnest(:ids::uuid[]) WITH ORDINALITY AS i(id, n) OFFSET 0
      ) AS w CROSS JOIN LATERAL (
        SELECT m.ctid AS tid, ${columns}
        FROM messages m
        WHERE ${isNamed((column) => `queue.${column}`)} AND ${condition}
        FOR UPDATE
      ) AS m
    )`;

/** Each id once, in the order of the markers, and its marker: null for a message from elsewhere. */
export function sortedByMarker(
  ids: readonly string[],
  messageIds: MessageIds,
): { ids: string[]; markers: (string | null)[] } {
  const named = [...new Set(validUuids(ids))]
    .map((id) => ({ id, marker: messageIds.markerOf(id) }))
    .sort((a, b) => byNumber(a.marker ?? "0", b.marker ?? "0") || (a.id < b.id ? -1 : 1));
  return { ids: named.map(({ id }) => id), markers: named.map(({ marker }) => marker) };
}
