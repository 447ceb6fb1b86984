/** Looks at what a job would act on, for a bounded time, and says what it found. */
import type { Count, Destination, MessageAction, PlannedQueue } from "../../jobs/dry-run.ts";
import type { Message } from "../../storage/data-driver.ts";
import { messageBytes } from "../../storage/messages/message-headers.ts";
import type { MessageFilter, SelectBudget } from "../../storage/messages/message-select.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import type { OperationContext } from "../context.ts";
import type { Destinations, Transfer } from "../jobs/destinations.ts";
import { LeftCounts } from "../jobs/left-counts.ts";

/** How long a dry run looks, and how much it reads to tell where messages go. */
const SURVEY_MS = 4000;
const READ_MESSAGES = 20_000;
const READ_BYTES = 32 * 1_048_576;
/** What one slice may use. */
const SLICE = { messages: 20_000, bytes: 16 * 1_048_576, milliseconds: 500, found: 1000 };

interface Edge extends QueueRef {
  at: Date;
}

/** What was found in all queues. */
export class Survey {
  readonly #end = performance.now() + SURVEY_MS;
  #bytes = READ_BYTES;
  #messages = READ_MESSAGES;
  readonly count: Count = { value: 0, exact: true };
  claimed = 0;
  /** The queues with the oldest and the newest match, and when these were posted. */
  oldest: Edge | null = null;
  newest: Edge | null = null;
  /** Of all matches it is known where they go. */
  #knowsAll = true;
  readonly #destinations = new Map<string, Destination>();
  /** What can not go where it is to go. */
  readonly refused = new LeftCounts();

  get isOver(): boolean {
    return performance.now() >= this.#end;
  }

  get hasReadEnough(): boolean {
    const isEnough = this.#bytes <= 0 || this.#messages <= 0;
    if (isEnough) this.#knowsAll = false;
    return isEnough;
  }

  get budget(): SelectBudget {
    const { messages, bytes, milliseconds } = SLICE;
    return { messages, bytes, milliseconds: Math.max(1, Math.min(milliseconds, this.#end - performance.now())) };
  }

  read(messages: readonly Message[]): void {
    this.#messages -= messages.length;
    this.#bytes -= messages.reduce((sum, message) => sum + messageBytes(message), 0);
  }

  add({ project, name }: QueueRef, { count, claimed, oldest, newest }: Part): void {
    this.count.value += count.value;
    this.count.exact &&= count.exact;
    this.claimed += claimed;
    if (oldest !== null && (this.oldest === null || oldest < this.oldest.at)) {
      this.oldest = { project, name, at: oldest };
    }
    if (newest !== null && (this.newest === null || newest >= this.newest.at)) {
      this.newest = { project, name, at: newest };
    }
  }

  goesTo({ project, name }: QueueRef, exists: boolean): void {
    const key = JSON.stringify([project, name]);
    const known = this.#destinations.get(key);
    if (known !== undefined) known.count.value += 1;
    else this.#destinations.set(key, { project, name, exists, count: { value: 1, exact: true } });
  }

  get destinations(): Destination[] {
    const exact = this.#knowsAll && this.count.exact;
    const all = Array.from(this.#destinations.values(), (one) => ({ ...one, count: { ...one.count, exact } }));
    return all.sort((a, b) => b.count.value - a.count.value);
  }
}

export interface QueueToSurvey extends QueueRef {
  createdAt: Date;
  exhaustedFrom: number | null;
  /** The highest marker now. */
  newest: string;
}

/**
 * Looks through one queue, and plans the job's part in it. With `limit`, its part ends with the message that is the
 * last one of so many that can be acted upon. Null: there is nothing in it.
 */
export async function surveyQueue(
  { data }: Pick<OperationContext, "data">,
  survey: Survey,
  params: {
    queue: QueueToSurvey;
    action: MessageAction;
    filter: MessageFilter;
    limit: number | null;
    destinations: Destinations;
  },
): Promise<PlannedQueue | null> {
  const { queue, action, limit } = params;
  const bound = params.filter.upToMarker === undefined ? queue.newest : lower(params.filter.upToMarker, queue.newest);
  const filter = { ...params.filter, upToMarker: bound };
  const part = new Part();
  // What must be known of each message is read; the rest is only counted.
  const reads = limit !== null || action.kind === "redriveMessages" || action.kind === "moveMessages";
  const look = reads ? await readPart(data, survey, part, { ...params, filter }) : { after: undefined, done: false };
  if (limit === null) await countRest(data, survey, part, { queue, filter, ...look });
  // Of a part, only what was looked at: the job must not act on more than the limit.
  const upToMarker = limit === null ? bound : (part.reached ?? "0");
  const { count, claimed } = part;
  survey.add(queue, part);
  if (count.value === 0 && count.exact) return null;
  const { project, name, createdAt } = queue;
  return { project, name, createdAt: createdAt.toISOString(), upToMarker, count, claimed };
}

/** What was found in one queue. */
class Part {
  readonly count: Count = { value: 0, exact: true };
  claimed = 0;
  oldest: Date | null = null;
  newest: Date | null = null;
  /** The marker of the last match that was read. */
  reached: string | null = null;

  add(found: { matching: number; claimed: number; oldest: Date | null; newest: Date | null }): void {
    this.count.value += found.matching;
    this.claimed += found.claimed;
    this.oldest ??= found.oldest;
    this.newest = found.newest ?? this.newest;
  }
}

async function readPart(
  data: OperationContext["data"],
  survey: Survey,
  part: Part,
  params: Parameters<typeof surveyQueue>[2],
): Promise<{ after: string | undefined; done: boolean }> {
  const { queue, action, filter, limit, destinations } = params;
  const { exhaustedFrom } = queue;
  let acting = 0;
  let after: string | undefined;
  for (let done = false; !done; ) {
    if (survey.isOver || (limit === null && survey.hasReadEnough)) {
      part.count.exact &&= limit === null;
      return { after, done: false };
    }
    const slice = { limit: SLICE.found, maxBytes: SLICE.bytes, budget: survey.budget };
    const found = await data.messages.select({ queue, filter, exhaustedFrom, order: "oldestFirst", after, ...slice });
    const messages = limit === null ? found.messages : upToLimit(found.messages, limit - acting, action);
    survey.read(messages);
    if (action.kind === "redriveMessages" || action.kind === "moveMessages") {
      await follow(survey, action, queue, messages, destinations);
    }
    part.add({
      matching: messages.length,
      claimed: messages.filter(({ claim }) => claim !== null).length,
      oldest: messages[0]?.createdAt ?? null,
      newest: messages.at(-1)?.createdAt ?? null,
    });
    part.reached = messages.at(-1)?.marker ?? part.reached;
    acting += messages.filter((message) => canActOn(message, action)).length;
    after = found.position ?? after;
    done = found.done || (limit !== null && acting >= limit);
  }
  return { after, done: true };
}

async function countRest(
  data: OperationContext["data"],
  survey: Survey,
  part: Part,
  params: { queue: QueueToSurvey; filter: MessageFilter; after: string | undefined; done: boolean },
): Promise<void> {
  const { queue, filter } = params;
  const { exhaustedFrom } = queue;
  for (let { after, done } = params; !done; ) {
    if (survey.isOver) {
      part.count.exact = false;
      return;
    }
    const found = await data.messages.count({ queue, filter, exhaustedFrom, after, budget: survey.budget });
    const { matching, claimed, oldest, newest } = found;
    part.add({ matching, claimed, oldest: oldest?.createdAt ?? null, newest: newest?.createdAt ?? null });
    after = found.position ?? after;
    done = found.done;
  }
}

async function follow(
  survey: Survey,
  action: Transfer,
  from: QueueRef,
  messages: readonly Message[],
  destinations: Destinations,
): Promise<void> {
  for (const { message, to, why } of await destinations(action, from, messages)) {
    if (message.claim !== null) continue;
    if (why !== null) survey.refused.add(why, from);
    if (to !== null && why !== "tooLarge") survey.goesTo(to, why === null);
  }
}

/** The messages up to the last one that the limit leaves. */
function upToLimit(messages: readonly Message[], limit: number, action: MessageAction): readonly Message[] {
  let acting = 0;
  const end = messages.findIndex((message) => {
    if (canActOn(message, action)) acting += 1;
    return acting === limit;
  });
  return end === -1 ? messages : messages.slice(0, end + 1);
}

function canActOn({ claim }: Message, action: MessageAction): boolean {
  if (action.kind === "releaseClaims") return claim !== null;
  return claim === null || (action.kind === "deleteMessages" && action.force);
}

const lower = (a: string, b: string) => (BigInt(a) < BigInt(b) ? a : b);
