import { type Access, requirePermission } from "../access/access.ts";
import { DomainError, hasCode, withDetails } from "../errors.ts";
import type { Consumer, StoppedRequest } from "../history/consumer.ts";
import type { ConsumerNotes } from "../history/consumer-notes.ts";
import type { BatchResult } from "../storage/batch-result.ts";
import type { Claim } from "../storage/data-driver.ts";
import type { Page } from "../storage/list-pages.ts";
import { type QueueRef, queueKey } from "../storage/queue-ref.ts";
import { holderOf } from "./claims/record.ts";
import type { OperationContext } from "./context.ts";
import type { PageParams, QueueAddress } from "./input/addresses.ts";
import { checkBatch, pageRequest } from "./input/limits.ts";
import { chosenQueue } from "./input/names.ts";
import type { QueueLookup } from "./lifecycle/queue-lookup.ts";

export interface Held {
  messages: number;
  /** False: there were more claims than were read. */
  exact: boolean;
  /** When the last of its claims expires, unless it is renewed. Null: it holds nothing. */
  until: Date | null;
}

export interface ConsumerOperations {
  /**
   * Who claims from each queue or pops from it, in the order asked: first those that have stopped, then those that
   * called within the last hour, then the others; each by name. At most ten seconds old. Permission read. BAD_INPUT.
   */
  list(access: Access, params: { queues: readonly QueueAddress[] } & PageParams): Promise<Page<Consumer>[]>;
  /** Each of these consumers, in the order asked; null when it is unknown. Permission read. BAD_INPUT. */
  named(
    access: Access,
    params: { consumers: readonly (QueueAddress & { name: string })[] },
  ): Promise<(Consumer | null)[]>;
  /**
   * What each consumer holds now, or the error of its queue's pool. Counts the oldest claims of each queue: up to
   * HELD_CLAIMS of all queues together, and at least MIN_HELD_CLAIMS of each. Permission read.
   */
  held(
    access: Access,
    params: { consumers: readonly (QueueAddress & { name: string })[] },
  ): Promise<BatchResult<Held>[]>;
  /**
   * For the schedule: needs no role. Consumers that called every few seconds and have been silent since, for
   * `silentSeconds` to a day; those that stopped last first. None while this process is younger than that: after a
   * restart of the service nobody has called yet.
   */
  stopped(request: StoppedRequest): Promise<Consumer[]>;
  /** For the schedule: needs no role. Stores what this process has seen since the last time. */
  flush(): Promise<void>;
}

const HELD_CLAIMS = 5000;
const MIN_HELD_CLAIMS = 50;
/** Consumers that one statement stores. */
const FLUSH_PART = 500;

export function createConsumerOperations(
  context: OperationContext,
  { lookup, notes }: { lookup: QueueLookup; notes: ConsumerNotes | null },
): ConsumerOperations {
  const { consumers, data, limits } = context;

  const chosen = (access: Access, field: string, addresses: readonly QueueAddress[]) => {
    requirePermission(access, "read");
    return checkBatch(limits, field, addresses).map((address) => chosenQueue(limits, access, "read", address));
  };

  /** What is held in each queue, by holder. */
  async function heldIn(queues: readonly QueueRef[]): Promise<BatchResult<HeldInQueue>[]> {
    const attributes = await lookup.find(queues);
    const live = queues.filter((_, index) => attributes[index] !== null);
    const limit = Math.max(MIN_HELD_CLAIMS, Math.floor(HELD_CLAIMS / Math.max(live.length, 1)));
    const found = (await data.batch.claims({ queues: live, page: { limit } })).values();
    return queues.map(({ project, name }, index) => {
      if (attributes[index] === null) return NOTHING_HELD;
      const page = found.next().value as BatchResult<Page<Claim>>;
      if (hasCode(page, "QUEUE_DOES_NOT_EXIST")) return NOTHING_HELD;
      return page instanceof DomainError ? withDetails(page, { project, queue: name }) : heldBy(page);
    });
  }

  return {
    async list(access, params) {
      const queues = chosen(access, "queues", params.queues);
      const page = pageRequest(limits, params.page);
      return consumers.list({ queues: await withGoneSeconds(lookup, queues), page });
    },

    async named(access, params) {
      const queues = chosen(access, "consumers", params.consumers);
      const named = queues.map((queue, index) => ({ ...queue, consumer: params.consumers[index]?.name ?? "" }));
      return consumers.named(await withGoneSeconds(lookup, named));
    },

    async held(access, params) {
      const asked = chosen(access, "consumers", params.consumers);
      const queues = new Map(asked.map((queue) => [queueKey(queue), queue]));
      const found = await heldIn([...queues.values()]);
      const byQueue = new Map(Array.from(queues.keys(), (key, index) => [key, found[index]]));
      return asked.map((queue, index): BatchResult<Held> => {
        const held = byQueue.get(queueKey(queue)) ?? NOTHING_HELD;
        if (held instanceof DomainError) return held;
        const { messages = 0, until = null } = held.holders.get(params.consumers[index]?.name ?? "") ?? {};
        return { messages, until, exact: held.exact };
      });
    },

    stopped: (request) => consumers.stopped(request),

    async flush() {
      await notes?.tellNews(FLUSH_PART, (news) => consumers.add(news));
    },
  };
}

/** With the silence after which a consumer of each queue is gone. */
export async function withGoneSeconds<Queue extends QueueRef>(
  lookup: Pick<QueueLookup, "find">,
  queues: readonly Queue[],
): Promise<(Queue & { goneSeconds: number })[]> {
  const attributes = await lookup.find(queues.map(({ project, name }) => ({ project, name })));
  return queues.map((queue, index) => ({ ...queue, goneSeconds: attributes[index]?.consumerGoneSeconds ?? 0 }));
}

interface HeldInQueue {
  holders: ReadonlyMap<string, Pick<Held, "messages" | "until">>;
  exact: boolean;
}

const NOTHING_HELD: HeldInQueue = { holders: new Map(), exact: true };

function heldBy({ items, nextMarker }: Page<Claim>): HeldInQueue {
  const holders = new Map<string, { messages: number; until: Date }>();
  for (const claim of items) {
    const name = holderOf(claim);
    if (name === null) continue;
    const held = holders.get(name) ?? { messages: 0, until: claim.expiresAt };
    held.messages += claim.messageCount;
    if (claim.expiresAt > held.until) held.until = claim.expiresAt;
    holders.set(name, held);
  }
  return { holders, exact: nextMarker === null };
}
