/** Pieces of statements that put something into one queue. */
import { liveQueue } from "../sql/fragments.ts";

/**
 * Takes the queue's lock, as posts do, and gives its row; none when it is deleted or has another epoch. `more`: further
 * columns.
 */
export const enterQueue = (id = ":queueId", epoch = ":epoch", more = "") =>
  `SELECT q.id, pg_advisory_xact_lock(:lockSpace::bigint + q.id)${more} FROM pool_queues q WHERE ${liveQueue(id, epoch)}`;

/**
 * A queue that has taken in messages from elsewhere says so for ever: their ids are not their markers. Its row changes
 * once.
 */
export const markHoldsMoved = (id = ":queueId") =>
  `marked AS (UPDATE pool_queues q SET holds_moved = true WHERE q.id = ${id} AND NOT q.holds_moved)`;
