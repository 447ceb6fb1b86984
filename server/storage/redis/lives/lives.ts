/** The lives of messages. See MessageLives, and lua.ts for how they are kept. */
import { normaliseUuid } from "../../list-pages.ts";
import {
  inOrder,
  isEnding,
  LIFE_EVENTS,
  type LifeEvent,
  type LifeEventKind,
  lapseOf,
  type MessageLife,
  type MessageLives,
  shortened,
} from "../../messages/message-life.ts";
import { dateOf, orNone, readFields, readWord } from "../messages/records.ts";
import { CALL, ENTER, QUEUE } from "../queue-lua.ts";
import type { QueueRows } from "../queue-rows.ts";
import { answers, script } from "../server/script.ts";
import { list, numeral, text } from "../server/script-parameters.ts";
import { SLICES } from "../server/shared-lua.ts";
import { LIFE_ENDS, LIFE_FIELDS, LIVES } from "./lua.ts";

const KEEP = script("keep lives", {
  effect: "grows",
  keys: QUEUE,
  args: { ...CALL, seconds: numeral },
  uses: [ENTER],
  answers: answers<["ok"]>(),
  lua: `
if seconds ~= '0' then
  redis.call('HSET', ROW, 'history', seconds)
  redis.call('HSETNX', ROW, 'history-since', NOW)
elseif history then
  redis.call('UNLINK', ROW .. ${LIVES}, ROW .. ${LIFE_ENDS})
  redis.call('HDEL', ROW, ${LIFE_FIELDS})
end
return {'ok'}`,
});

/** `lives`: for each id its lines, and whether the message still exists. */
const READ = script("read lives", {
  effect: "reads",
  keys: QUEUE,
  args: { ...CALL, ids: list(text) },
  uses: [ENTER, SLICES],
  answers: answers<
    | ["none"]
    | ["ok", now: string, seconds: string, since: string, purged: string | null, lives: [string | null, 0 | 1][]]
  >(),
  lua: `
if not history then return {'none'} end
local since, purged = unpack(redis.call('HMGET', ROW, 'history-since', 'purged-at'))
local lives = {}
for some in slices(ids) do
  local records = redis.call('HMGET', RECORDS, unpack(some))
  for index, lines in ipairs(redis.call('HMGET', ROW .. ${LIVES}, unpack(some))) do
    lives[#lives + 1] = {lines, records[index] and 1 or 0}
  end
end
return {'ok', NOW, history, since or NOW, purged, lives}`,
});

export function redisLives(queues: QueueRows): MessageLives {
  return {
    async keep({ queue, seconds }) {
      await queues.call(queue, KEEP, { seconds });
    },

    async read({ queue, ids }) {
      // No message has an empty id.
      const answer = await queues.call(queue, READ, { ids: ids.map((id) => normaliseUuid(id) ?? "") });
      if (answer[0] === "none") return null;
      const [, now, seconds, since, purged, found] = answer;
      const oldest = Number(now) / 1000 - Number(seconds) * 1000;
      const lives = found.map(([lines, exists]): MessageLife => {
        const { events, cut } = readLines(lines ?? "", queue.name);
        const kept = events.filter(({ at }) => at.getTime() >= oldest);
        const purgedAt = exists === 1 || purged === null ? null : dateOf(purged);
        return { events: inOrder([...kept, ...purgeOf(kept, purgedAt)]), cut };
      });
      return { seconds: Number(seconds), since: dateOf(since), lives };
    },
  };
}

/** A purge of all hides each message, and writes nothing about it. */
function purgeOf(events: readonly LifeEvent[], purgedAt: Date | null): LifeEvent[] {
  const last = events.at(-1);
  if (last === undefined || purgedAt === null || isEnding(last) || last.at > purgedAt) return [];
  const lapse = lapseOf(events, purgedAt);
  const { deliveries } = events.findLast((event) => event.deliveries !== null) ?? { deliveries: 0 };
  const end: LifeEvent = { ...NOTHING, kind: "purged", at: purgedAt, deliveries };
  return lapse === null ? [end] : [lapse, end];
}

const NOTHING = { clientId: null, actor: null, claimId: null, until: null, deliveries: null, otherQueue: null };

const KINDS: ReadonlySet<string> = new Set(LIFE_EVENTS);

interface Line {
  at: string;
  client?: string;
  actor?: string;
  claim?: string;
  until?: string;
  count?: string;
  other?: string;
}

/** A line that a later version wrote, of a kind that is not known here, is left out. */
function readLines(lines: string, queue: string): MessageLife {
  const events: LifeEvent[] = [];
  let isCut = false;
  for (const line of lines.split("\n")) {
    if (line === "cut") isCut = true;
    const space = line.indexOf(" ");
    const kind = line.slice(0, Math.max(space, 0));
    if (!KINDS.has(kind)) continue;
    const { at, client, actor, claim, until, count, other } = readFields<Line>(line.slice(space + 1));
    const otherQueue = readWord(other);
    events.push({
      kind: kind as LifeEventKind,
      at: dateOf(at),
      clientId: readWord(client),
      actor: readWord(actor),
      claimId: orNone(claim),
      until: until === undefined ? null : dateOf(until),
      deliveries: count === undefined ? null : Number(count),
      // A message that comes back from another store names the queue that it had left before: this one.
      otherQueue: otherQueue === queue ? null : otherQueue,
    });
  }
  const short = shortened(events);
  return { events: short.events, cut: short.cut || isCut };
}
