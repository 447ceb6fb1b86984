import type { QueueMoveController } from "../../queue-transfer.ts";
import type { PoolQueues } from "../queue-rows.ts";
import { QueueDepartures } from "./source.ts";
import { QueueEntries } from "./target.ts";

/** Both halves of a move on Redis. */
export function redisQueueMoves(queues: PoolQueues): QueueMoveController {
  const from = new QueueDepartures(queues);
  const to = new QueueEntries(queues);
  return {
    begin: (params) => from.begin(params),
    readMessages: (params) => from.readMessages(params),
    takeChanges: (params) => from.takeChanges(params),
    readKeys: (params) => from.readKeys(params),
    freeze: (params) => from.freeze(params),
    readClaims: (params) => from.readClaims(params),
    readRest: (params) => from.readRest(params),
    thaw: (params) => from.thaw(params),
    leave: (params) => from.leave(params),
    prepare: (params) => to.prepare(params),
    writeMessages: (params) => to.writeMessages(params),
    writeClaims: (params) => to.writeClaims(params),
    writeKeys: (params) => to.writeKeys(params),
    open: (params) => to.open(params),
    abandon: (params) => to.abandon(params),
  };
}
