/** Moves of queues from pool to pool. */
import { jobs, type Mutation, moves, movesOf, POSTGRES, pooling, REDIS } from "./mutation.ts";

export const MOVES: readonly Mutation[] = [
  {
    guarantee: "A queue whose mover dies during the freeze can be used again within seconds",
    file: "server/operations/lifecycle/move-lease.ts",
    from: "this.#leaseSeconds = FROZEN_LEASE_SECONDS;",
    to: "",
    test: {
      file: "test/guarantees/killed-movers.test.ts",
      name: "a queue whose mover dies during the freeze can be used again after two seconds",
    },
  },
  {
    guarantee: "A move takes the totals along",
    file: `${REDIS}/moves/target.ts`,
    from: "redis.call('HSET', ROW, kind, counts[index])",
    to: "redis.call('HSET', ROW, kind, 0)",
    test: movesOf("a move takes the totals along, and messages that lapsed before it are counted once"),
  },
  {
    guarantee: "A queue that moved is found: the catalogue is read once more",
    file: "server/storage/pooling/routed-calls.ts",
    from: "if (!isMisplaced(refusal) || queue.epoch !== undefined) return addPoolName(pool)(refusal);",
    to: "return addPoolName(pool)(refusal);",
    test: pooling("routing", "follows a queue that another process moved, while the old location is still cached"),
  },
  {
    guarantee: "A change of flavor during a move is followed",
    file: "server/operations/lifecycle/move-queue.ts",
    from: "if (here === wanted) return pool;",
    to: "return pool;",
    test: jobs(
      "changes of _flavor during a move end with the queue in its last flavor, also when that is the one it came from",
    ),
  },
  {
    guarantee: "On Redis a move includes what changes during it",
    file: `${REDIS}/queue-lua.ts`,
    from: "if not moving then return end",
    to: "if moving then return end",
    test: moves("a move from left includes every change after its copy"),
  },
  {
    guarantee: "On Redis nothing changes while a queue is frozen",
    file: `${REDIS}/moves/source.ts`,
    from: "redis.call('HSET', ROW, 'frozen', '1')\nreturn",
    to: "return",
    test: moves("stalled after freeze: another process ends the move, and the mover changes nothing when it wakes"),
  },
  {
    guarantee: "On Redis a purge during a move holds in the target too",
    file: `${REDIS}/messages/purge.ts`,
    from: "if moving then redis.call('HSET', ROW, 'low'",
    to: "if false then redis.call('HSET', ROW, 'low'",
    test: moves("a purge during a move from left leaves only later messages"),
  },
  {
    guarantee: "A move includes messages that were posted with a snapshot older than the freeze",
    file: `${POSTGRES}/moves/write-barrier.ts`,
    from: "while (writers.length > 0) {",
    to: "while (writers.length > 1000) {",
    test: moves("a move includes a post that waits for the queue's lock with a snapshot from before the freeze"),
  },
  {
    guarantee: "Readers' markers stay valid after a move",
    file: `${POSTGRES}/moves/target.ts`,
    from: "await liftMarkers(statements, rest.highestMarker);",
    to: "",
    test: movesOf("a reader's marker stays valid after a move, and messages that are posted next come after it"),
  },
  {
    guarantee: "A move includes what changes during it",
    file: `${POSTGRES}/moves/source.ts`,
    from: "AFTER UPDATE OR DELETE ON messages",
    to: "AFTER DELETE ON messages",
    test: moves(
      "a move includes what changes during it: claims, messages, idempotency keys, a subscription and a purge",
    ),
  },
  {
    guarantee: "A queue has one mover: a mover whose lease expired changes nothing",
    file: "server/operations/lifecycle/queue-moves.ts",
    from: "|| !(await tx.moveLedger.switch(move))",
    to: "|| ((await tx.moveLedger.switch(move)) && false)",
    test: moves(
      "stalled before transaction: another process ends the move, and the mover changes nothing when it wakes",
    ),
  },
  {
    guarantee: "A control database that fails over and loses the end of a move costs no message",
    file: "server/operations/lifecycle/move-recovery.ts",
    from: "if (!(await thawSource({ source, project, name, sourceEpoch, epoch }))) {",
    to: "if ((await thawSource({ source, project, name, sourceEpoch, epoch })) === null) {",
    test: moves("a lost switch to the target is repeated: the target keeps the only copy of the queue"),
  },
  {
    guarantee: "A move leaves no subscription behind",
    file: `${POSTGRES}/subscriptions/subscriptions.ts`,
    from: "const STAYS = `NOT EXISTS",
    to: "const STAYS = `true OR NOT EXISTS",
    test: movesOf(
      "subscriptions move with the queue, and a process with a stale location changes them where they are now",
    ),
  },
  {
    guarantee: "A move includes the queue's idempotency keys",
    file: `${POSTGRES}/moves/keys.ts`,
    from: 'result.split(",").map(toId).join(",")',
    to: "result",
    test: movesOf("a post or claim that is repeated with its idempotency key after a move returns the first result"),
  },
  {
    guarantee: "A frozen queue does not wait for idempotency keys that were carried before",
    file: `${POSTGRES}/moves/keys.ts`,
    from: "OR NOT pg_visible_in_snapshot(",
    to: "OR 1 = 1 OR NOT pg_visible_in_snapshot(",
    test: movesOf(
      "while a queue is frozen a move carries only those idempotency keys that were used since it carried the others",
    ),
  },
  {
    guarantee: "A claim that changes while its queue moves to Redis arrives with the change",
    file: `${REDIS}/moves/staging.ts`,
    from: "count_all_held(doomed)",
    to: "",
    test: movesOf("claims that change before, while and after they are copied arrive in the target with the change"),
  },
];
