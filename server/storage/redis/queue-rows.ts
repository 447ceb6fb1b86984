import { randomUUID } from "node:crypto";
import { DomainError } from "../../errors.ts";
import type { QueueRef } from "../queue-ref.ts";
import { LIFE_PARTS, type PoolKeys } from "./keys.ts";
import type { Reply } from "./server/connection.ts";
import { type Script, type Scripts, script } from "./server/scripts.ts";
import { ENTER_LIFE, FORGET_MOVE, NEVER, PUT_AWAY, SCHEDULE } from "./server/shared-lua.ts";

/** A life that ends keeps its keys, under other names, until gc frees them: renaming costs the same whatever they hold. */
export const END_LIFE = `${PUT_AWAY}${SCHEDULE}
local function end_life(name)
  put_away(${LIFE_PARTS.length})
  redis.call('ZADD', ENDED, NOW, 'queue:' .. name)
  schedule(now)
end
`;

/** Whoever attaches a life that has moved away read the catalogue before it did. */
const ATTACH = script(
  `${ENTER_LIFE}${END_LIFE}${FORGET_MOVE}
local frozen, tombstone, left = unpack(redis.call('HMGET', ROW, 'frozen', 'tombstone', 'left'))
local life = epoch or tombstone
if life and tonumber(life) > tonumber(ARGV[3]) then return {'stale'} end
if life == ARGV[3] and frozen then return {'moving'} end
if left and tonumber(left) >= tonumber(ARGV[3]) then return {'stale'} end
if epoch == ARGV[3] then return {'ok'} end
if epoch then end_life(ARGV[4]) end
forget_move()
redis.call('HDEL', ROW, 'left')
redis.call('HSET', ROW, 'epoch', ARGV[3], 'next', '${NEVER}')
return {'ok'}`,
  "grows",
);

/** The row stays, for the last marker in it, until gc has freed what it held. */
const DETACH = script(
  `${ENTER_LIFE}${END_LIFE}${FORGET_MOVE}
if not epoch or (ARGV[1] ~= '' and tonumber(epoch) > tonumber(ARGV[1])) then return {'ok'} end
end_life(ARGV[3])
forget_move()
redis.call('HDEL', ROW, 'epoch')
return {'ok'}`,
  "writes",
);

/** The rows of the queues that live in this pool. Nothing of them is remembered here: each script looks at the row by itself. */
export class QueueRows {
  readonly scripts: Scripts;
  readonly keys: PoolKeys;
  readonly #clock: { offsetMs: number };

  constructor(scripts: Scripts, keys: PoolKeys, clock: { offsetMs: number }) {
    this.scripts = scripts;
    this.keys = keys;
    this.#clock = clock;
  }

  /** Runs a script of the queue and gives what it answers, beginning with its verdict. QUEUE_DOES_NOT_EXIST, QUEUE_EPOCH_STALE, QUEUE_IS_MOVING. */
  async call(
    queue: QueueRef,
    script: Script,
    values: readonly string[],
    { moreKeys = [], deadline }: { moreKeys?: readonly string[]; deadline?: number } = {},
  ): Promise<readonly Reply[]> {
    const keys = [...this.keys.queue(queue), ...moreKeys];
    const reply = await this.scripts.settled(script, keys, [epochOf(queue), this.offset(), ...values], deadline);
    if (reply[0] === "missing") throw queueDoesNotExist(queue);
    if (reply[0] === "stale") throw staleEpoch(queue);
    if (reply[0] === "moving") throw isMoving(queue);
    return reply;
  }

  async attach(queue: QueueRef & { epoch: number }): Promise<void> {
    const life = this.newLife(queue);
    await this.call(queue, ATTACH, [String(queue.epoch), ...life.values], { moreKeys: life.keys });
  }

  async detach(queue: QueueRef): Promise<void> {
    const life = this.newLife(queue);
    await this.call(queue, DETACH, life.values, { moreKeys: life.keys });
  }

  /** The tests' offset, in microseconds. */
  offset(): string {
    return String(Math.round(this.#clock.offsetMs * 1000));
  }

  /** A name for the queue's life once it has ended, and the keys that go with it. */
  newLife(queue: QueueRef): { values: string[]; keys: string[] } {
    const name = randomUUID();
    return { values: [name], keys: this.keys.ended(this.keys.queue(queue)[0] as string, name, LIFE_PARTS) };
  }
}

export const epochOf = (queue: QueueRef) => (queue.epoch === undefined ? "" : String(queue.epoch));

export function queueDoesNotExist(queue: QueueRef): DomainError {
  return new DomainError("QUEUE_DOES_NOT_EXIST", `Queue ${queue.name} does not exist.`, {
    details: { project: queue.project, queue: queue.name },
  });
}

export function staleEpoch(queue: QueueRef): DomainError {
  return new DomainError("QUEUE_EPOCH_STALE", `Queue ${queue.name} has moved or was made again. Try again.`, {
    details: { project: queue.project, queue: queue.name },
  });
}

export function isMoving(queue: QueueRef): DomainError {
  return new DomainError(
    "QUEUE_IS_MOVING",
    `Queue ${queue.name} is on its way to another pool. Try again in a moment.`,
    { details: { project: queue.project, queue: queue.name } },
  );
}
