import type { QueueTransfer } from "../../moves/queue-transfer.ts";
import type { Pool } from "../pool.ts";
import { MoveSource } from "./source.ts";
import { MoveTarget } from "./target.ts";

/** Both halves of a move on PostgreSQL. */
export function postgresQueueMoves(pool: Pool): QueueTransfer {
  return { ...new MoveSource(pool), ...new MoveTarget(pool) };
}
