import { randomUUID } from "node:crypto";
import { isMoving, queueDoesNotExist, staleEpoch } from "../errors/storage-errors.ts";
import type { QueueRef } from "../queue-ref.ts";
import { Counters, TALLY_FIELDS } from "./counters.ts";
import { CONTENT_PARTS, type PoolKeys, type QueueKeys } from "./keys.ts";
import { CALL, FORGET_MOVE, LIFE, QUEUE, QUEUE_ROW, RETIRE } from "./queue-lua.ts";
import { answers, type KeyList, type Script, script, table } from "./server/script.ts";
import { numeral, text, type ValuesOf } from "./server/script-parameters.ts";
import type { Answered, Scripts } from "./server/scripts.ts";
import { NEVER } from "./server/shared-lua.ts";

/** An epoch at or below `left` is refused: its caller read the catalogue before the queue moved away. */
const ATTACH = script("attach a queue", {
  effect: "grows",
  keys: { ...QUEUE, retiredContent: table(CONTENT_PARTS) },
  args: { ...CALL, newEpoch: numeral, retiredName: text },
  uses: [LIFE, QUEUE_ROW, RETIRE, FORGET_MOVE],
  answers: answers<["ok"]>(),
  lua: `
local frozen, tombstone, left = unpack(redis.call('HMGET', ROW, 'frozen', 'tombstone', 'left'))
local known = epoch or tombstone
if known and tonumber(known) > tonumber(new_epoch) then return {'stale'} end
if known == new_epoch and frozen then return {'moving'} end
if left and tonumber(left) >= tonumber(new_epoch) then return {'stale'} end
if epoch == new_epoch then return {'ok'} end
if epoch then retire() end
forget_move()
redis.call('HDEL', ROW, 'left', ${TALLY_FIELDS})
redis.call('HSET', ROW, 'next', '${NEVER}')
begin_life(ROW, new_epoch)
return {'ok'}`,
});

/** The row stays until gc has freed the content: it holds the last marker. */
const DETACH = script("detach a queue", {
  effect: "writes",
  keys: { ...QUEUE, retiredContent: table(CONTENT_PARTS) },
  args: { ...CALL, retiredName: text },
  uses: [LIFE, QUEUE_ROW, RETIRE, FORGET_MOVE],
  answers: answers<["ok"]>(),
  lua: `
if not epoch or (caller_epoch and tonumber(epoch) > tonumber(caller_epoch)) then return {'ok'} end
retire()
forget_move()
end_life(ROW)
return {'ok'}`,
});

export type CallArgs = ValuesOf<typeof CALL>;
type OwnKeys<Keys> = Omit<Keys, "queue">;
/** `keys`: the keys that the script needs besides the queue's. `deadline`: default, a new one. */
type CallOptions<Keys> =
  Record<never, never> extends OwnKeys<Keys>
    ? [options?: { keys?: undefined; deadline?: number }]
    : [options: { keys: OwnKeys<Keys>; deadline?: number }];

/** The rows of the queues in this pool. The driver caches no rows: each script reads the row. */
export class QueueRows {
  readonly scripts: Scripts;
  readonly keys: PoolKeys;
  readonly counters: Counters;
  readonly #clock: { offsetMs: number };

  /** `onError` gets the errors of counts that could not be written. */
  constructor(scripts: Scripts, keys: PoolKeys, clock: { offsetMs: number }, onError: (error: unknown) => void) {
    this.scripts = scripts;
    this.keys = keys;
    this.counters = new Counters(scripts, keys, () => this.offset(), onError);
    this.#clock = clock;
  }

  /**
   * Runs a script on the queue, again until everything due has expired. Returns its answer. QUEUE_DOES_NOT_EXIST,
   * QUEUE_EPOCH_STALE, QUEUE_IS_MOVING, DEADLINE_EXCEEDED.
   */
  async call<Keys extends { queue: QueueKeys }, Args extends CallArgs, Answer extends Answered>(
    queue: QueueRef,
    script: Script<Keys, Args, Answer>,
    args: Omit<Args, keyof CallArgs>,
    ...[options]: CallOptions<Keys>
  ): Promise<Answer> {
    const keys = { queue: this.keys.queue(queue), ...options?.keys } as unknown as Keys;
    const all = { callerEpoch: queue.epoch, offset: this.offset(), ...args } as unknown as Args;
    const answer: readonly unknown[] = await this.scripts.runToEnd(script, keys, all, options?.deadline);
    if (answer[0] === "missing") throw queueDoesNotExist(queue);
    if (answer[0] === "stale") throw staleEpoch(queue);
    if (answer[0] === "moving") throw isMoving(queue);
    return answer as Answer;
  }

  async attach(queue: QueueRef & { epoch: number }): Promise<void> {
    const { retiredName, retiredContent } = this.newRetirement(queue);
    await this.call(queue, ATTACH, { newEpoch: queue.epoch, retiredName }, { keys: { retiredContent } });
  }

  /** With an undo token, the content can be brought back under it: see undo/restore.ts. */
  async detach(queue: QueueRef, undoToken?: string): Promise<void> {
    const { retiredName, retiredContent } = this.newRetirement(queue, undoToken);
    await this.call(queue, DETACH, { retiredName }, { keys: { retiredContent } });
  }

  /** How far tests have moved the clock forward, in microseconds. 0 in production. */
  offset(): number {
    return Math.round(this.#clock.offsetMs * 1000);
  }

  /** A name under which the queue's content can be retired, and the keys for it. */
  newRetirement(
    queue: QueueRef,
    retiredName: string = randomUUID(),
  ): { retiredName: string; retiredContent: KeyList<typeof CONTENT_PARTS> } {
    const row = this.keys.row(queue)[0] as string;
    return { retiredName, retiredContent: this.keys.retired(row, retiredName, CONTENT_PARTS) };
  }
}
