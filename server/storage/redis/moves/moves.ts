import type { QueueTransfer } from "../../moves/queue-transfer.ts";
import type { QueueRows } from "../queue-rows.ts";
import { MoveSource } from "./source.ts";
import { MoveTarget } from "./target.ts";

/** Moves queues from and to a pool on Redis. See QueueTransfer. */
export function redisQueueMoves(queues: QueueRows): QueueTransfer {
  const from = new MoveSource(queues);
  const to = new MoveTarget(queues);
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
    openEpoch: (params) => to.openEpoch(params),
  };
}
