/** What the calls of a mover share at the source: they name the attempt, and end when it is over. */

import { staleEpoch } from "../../errors/storage-errors.ts";
import type { QueueLife } from "../../moves/queue-transfer.ts";
import { CLOCK } from "../sql/fragments.ts";
import { int8, text } from "../sql/parameter-types.ts";

/** Text of messages, or of kept answers, that is read at a time. */
export const READ_BYTES = 4 * 1024 * 1024;

export const LIFE = { project: text, name: text, epoch: int8 } as const;
export const ATTEMPT = { ...LIFE, moveEpoch: int8 } as const;
export const LIFE_IS = "q.project = :project AND q.name = :name AND q.epoch = :epoch";
/** The row that this attempt, and no other, may move. */
export const OURS = `${LIFE_IS} AND q.state IN ('live', 'moving') AND q.move_epoch = :moveEpoch`;

/**
 * One of the queue's `found` things, or nulls. No row: the attempt is over. One row with nulls: there is none.
 * Durations are counted from now, because the clock of the other store is another. `ctes` and `columns` are more of
 * them, after a comma.
 */
export const foundText = (found: string, { ctes = "", columns = "" } = {}) => `
    WITH ${CLOCK}${ctes}
    SELECT found.*${columns} FROM pool_queues q CROSS JOIN clock
    LEFT JOIN LATERAL (${found}) AS found ON true
    WHERE ${OURS}`;

export type Found<Row> = Row | { ageMs: null };

export type Attempt = { queue: QueueLife; moveEpoch: number };

export const attemptOf = ({ queue: { project, name, epoch }, moveEpoch }: Attempt) => ({
  project,
  name,
  epoch,
  moveEpoch,
});

/** The things that a statement of `foundText` found. */
export function foundIn<Row extends { ageMs: number }>(rows: readonly Found<Row>[], { queue }: Attempt): Row[] {
  if (rows.length === 0) throw staleEpoch(queue);
  return rows.filter((row): row is Row => row.ageMs !== null);
}
