/** The lives of messages, across the queues that they went through. */
import type { Access } from "../../access/access.ts";
import { DomainError } from "../../errors.ts";
import type { BatchResult } from "../../storage/batch-result.ts";
import type { KeptLives, LifeEvent, MessageLife } from "../../storage/messages/message-life.ts";
import { type QueueRef, queueKey } from "../../storage/queue-ref.ts";
import type { OperationContext } from "../context.ts";
import type { QueueAddress } from "../input/addresses.ts";
import { checkBatch } from "../input/limits.ts";
import { chosenQueue } from "../input/names.ts";
import type { ReservedAttributes } from "../input/queue-attributes.ts";
import type { QueueLookup } from "../lifecycle/queue-lookup.ts";

/** Queues of one life that are read, with the one that was asked for. */
const MAX_QUEUES = 5;

/** An event, and the queue in which it happened. */
export interface LifeEventRecord extends LifeEvent {
  project: string;
  queue: string;
}

export interface LifeRecord {
  /** How long the queue keeps each event; 0: it keeps none, and all that is known is from other queues. */
  keptSeconds: number;
  /** Since when. Null when it keeps none. */
  keptSince: Date | null;
  /** Oldest first, from all queues that are known. */
  events: LifeEventRecord[];
  /** It begins with the post, nothing is left out, and the queue keeps what happens now. */
  isComplete: boolean;
}

/** A message whose life is asked for. */
interface LifeRequest {
  id: string;
  /** The queue that it came from as a dead letter, if that is known. */
  from: string | null;
}

/**
 * Permission read. A life goes on in the queue that a message was transferred to, and is read there too: in up to five
 * queues of the project. Other queues that cannot be asked now are left out; then the life is not complete.
 */
export interface MessageLifeReads {
  /**
   * The lives of messages, also of those that do not exist any more, in the order given. Null where no queue keeps any,
   * and for a missing queue; an error where the queue's pool fails. At most MAX_PAGE_SIZE. Queues that keep no lives
   * are not asked for any.
   */
  lives(
    access: Access,
    params: { messages: readonly (QueueAddress & LifeRequest)[] },
  ): Promise<BatchResult<LifeRecord | null>[]>;
}

export function createMessageLives(
  context: Pick<OperationContext, "data" | "limits" | "warn">,
  { lookup }: { lookup: QueueLookup },
): MessageLifeReads {
  const { data, limits, warn } = context;

  /** Reads what the pools keep of queues with these attributes: one call for all. */
  async function keptIn(questions: readonly Question[]): Promise<BatchResult<KeptLives | null>[]> {
    const keeping = questions.filter(({ attributes }) => (attributes?.historySeconds ?? 0) > 0);
    if (keeping.length === 0) return questions.map(() => null);
    const found = await data.batch.lives({ queues: keeping.map(({ queue, ids }) => ({ ...queue, ids })) });
    const kept = new Map(keeping.map((question, index) => [question, found[index] ?? null]));
    await Promise.all(keeping.map((question) => repair(question, kept.get(question) ?? null)));
    return questions.map((question) => kept.get(question) ?? null);
  }

  /**
   * A pool that does not keep to the queue's attribute is told of it: it could not be reached when the queue was
   * created, or lost what it had heard. The attribute is read once more, past the cache: it may just have changed.
   */
  async function repair({ queue, attributes }: Question, kept: BatchResult<KeptLives | null>): Promise<void> {
    const seconds = attributes?.historySeconds ?? 0;
    if (kept instanceof DomainError || kept?.seconds === seconds) return;
    await lookup.forget(queue);
    const [present] = await lookup.find([queue]);
    if (present?.historySeconds !== seconds) return;
    await data.lives.keep({ queue, seconds }).catch((error: unknown) => {
      warn("A queue's pool could not be told to keep the lives of its messages", error);
    });
  }

  /** Follows messages of one queue through others, with one read of each for all messages that went through it. */
  async function follow(
    { queue, attributes: own }: Question,
    first: BatchResult<KeptLives | null>,
    messages: readonly LifeRequest[],
  ): Promise<BatchResult<LifeRecord | null>[]> {
    if (own === null) return messages.map(() => null);
    if (first instanceof DomainError) return messages.map(() => first);
    const found = messages.map((message) => new FoundLife(message));
    const add = (lives: readonly FoundLife[], name: string, kept: KeptLives | null, attributes: ReservedAttributes) => {
      for (const [index, life] of lives.entries()) life.add(name, kept?.lives[index], attributes);
    };
    add(found, queue.name, first, own);
    for (let asked = 1; asked < MAX_QUEUES; asked += 1) {
      const name = found.map((life) => life.next()).find((next) => next !== undefined);
      if (name === undefined) break;
      const through = found.filter((life) => life.leadsTo(name));
      const other = { project: queue.project, name };
      const [attributes = null] = await lookup.find([other]);
      const [kept = null] = await keptIn([{ queue: other, attributes, ids: through.map(({ id }) => id) }]);
      if (attributes === null || kept instanceof DomainError) for (const life of through) life.miss(name);
      else add(through, name, kept, attributes);
    }
    return found.map((life) => life.record(queue.project, first));
  }

  return {
    async lives(access, params) {
      const messages = checkBatch(limits, "messages", params.messages).map((message) => ({
        ...message,
        ref: chosenQueue(limits, access, "read", message),
      }));
      const byQueue = [...Map.groupBy(messages, ({ ref }) => queueKey(ref)).values()];
      const queues = byQueue.map(([message]) => (message as (typeof messages)[number]).ref);
      const attributes = await lookup.find(queues);
      const questions = byQueue.map(
        (some, index): Question => ({
          queue: queues[index] as QueueRef,
          attributes: attributes[index] ?? null,
          ids: some.map(({ id }) => id),
        }),
      );
      const kept = await keptIn(questions);
      const lives = new Map<object, BatchResult<LifeRecord | null>>();
      await Promise.all(
        byQueue.map(async (some, index) => {
          const found = await follow(questions[index] as Question, kept[index] ?? null, some);
          for (const [position, message] of some.entries()) lives.set(message, found[position] ?? null);
        }),
      );
      return messages.map((message) => lives.get(message) ?? null);
    },
  };
}

/** Messages of a queue, and its attributes; null when it does not exist. */
interface Question {
  queue: QueueRef;
  attributes: ReservedAttributes | null;
  ids: readonly string[];
}

/** What has been found of a life so far, by queue. */
class FoundLife {
  readonly id: string;
  readonly #events = new Map<string, readonly LifeEvent[]>();
  readonly #leads = new Set<string>();
  #isWhole = true;

  constructor({ id, from }: LifeRequest) {
    this.id = id;
    if (from !== null) this.#leads.add(from);
  }

  add(queue: string, life: MessageLife | undefined, attributes: ReservedAttributes): void {
    const { events, cut } = life ?? { events: [], cut: false };
    this.#events.set(
      queue,
      // A pool does not know to which queue of another pool a dead letter went.
      events.map((event) =>
        event.kind === "deadLettered" && event.otherQueue === null
          ? { ...event, otherQueue: attributes.deadLetterQueue }
          : event,
      ),
    );
    if (cut) this.#isWhole = false;
    for (const { otherQueue } of this.#events.get(queue) ?? []) if (otherQueue !== null) this.#leads.add(otherQueue);
  }

  /** The queue could not be asked. */
  miss(queue: string): void {
    this.#events.set(queue, []);
    this.#isWhole = false;
  }

  /** A queue that is to be asked. */
  next(): string | undefined {
    return [...this.#leads].find((name) => !this.#events.has(name));
  }

  leadsTo(queue: string): boolean {
    return this.#leads.has(queue) && !this.#events.has(queue);
  }

  /** `own`: what the queue that was asked for keeps. */
  record(project: string, own: KeptLives | null): LifeRecord | null {
    const events = merged(
      [...this.#events].map(([queue, events]) => events.map((event) => ({ ...event, project, queue }))),
    );
    if (own === null && events.length === 0) return null;
    return {
      keptSeconds: own?.seconds ?? 0,
      keptSince: own?.since ?? null,
      events,
      isComplete: this.#isWhole && own !== null && this.next() === undefined && events[0]?.kind === "posted",
    };
  }
}

/** In order of time; those of one queue stay in their order. A message leaves a queue before it arrives in another. */
function merged(lists: readonly (readonly LifeEventRecord[])[]): LifeEventRecord[] {
  const rest = lists.map((events) => [...events]);
  const all: LifeEventRecord[] = [];
  for (;;) {
    let earliest: LifeEventRecord[] | undefined;
    for (const events of rest) {
      const [event] = events;
      if (event !== undefined && (earliest === undefined || isBefore(event, earliest[0] as LifeEventRecord))) {
        earliest = events;
      }
    }
    const event = earliest?.shift();
    if (event === undefined) return all;
    all.push(event);
  }
}

const isBefore = (one: LifeEvent, other: LifeEvent) =>
  one.at < other.at || (one.at.getTime() === other.at.getTime() && other.kind === "arrived" && one.kind !== "arrived");
