import { Semaphore, type SemaphoreInterface, withTimeout } from "async-mutex";
import type { Access } from "../../access/access.ts";
import { DomainError } from "../../errors.ts";
import type { SelectBudget, Selection, SelectOrder } from "../../storage/messages/message-select.ts";
import type { BodySights } from "../bodies/sights.ts";
import type { OperationContext } from "../context.ts";
import type { QueueAddress } from "../input/addresses.ts";
import { checkLimit, checkWhole } from "../input/limits.ts";
import { checkMessageFilter, type MessageFilterInput } from "../input/message-filter.ts";
import { chosenQueue } from "../input/names.ts";
import type { DeadLetters } from "../lifecycle/dead-letters.ts";
import { inLiveQueue, orIfMissing, type QueueLookup } from "../lifecycle/queue-lookup.ts";
import { type BodyBudget, pageBudget } from "./body-budget.ts";
import { type MessageRecord, placed } from "./record.ts";

/** Messages that a search looks at, by default and at most. */
export const SEARCHED_MESSAGES = { usual: 20_000, most: 100_000 };
/** How long a search takes, and how many bytes of bodies it reads, at most. */
export const SEARCH_MS = 1000;
const SEARCH_BYTES = 64 * 1_048_576;

/** Searches that one process runs at a time. A search that looks at no more than a page does not count. */
const MOST_SEARCHES = 2;
/** How long a search waits for its turn. */
const TURN_MS = 4000;

export interface MessageSearch extends Omit<Selection, "messages"> {
  messages: MessageRecord[];
}

export interface MessageSearches {
  /**
   * Permission read. Looks at messages in their order and returns those that fit the filter. Ends at `limit` (1 to
   * MAX_PAGE_SIZE, by default DEFAULT_PAGE_SIZE), at the size of a page, after `examine` messages, or after SEARCH_MS,
   * and says how far it came: a search with its `position` as `after` goes on from there. A missing queue has no
   * messages. TOO_MANY_REQUESTS when a search waited too long for its turn. FORBIDDEN for `bodyContains`, unless the
   * caller reads bodies in full.
   */
  search(
    access: Access,
    params: QueueAddress & {
      filter?: MessageFilterInput | null;
      order: SelectOrder;
      after?: string | undefined;
      limit?: number | null;
      /** 1 to SEARCHED_MESSAGES.most. */
      examine?: number | null;
      bodies?: BodyBudget;
    },
  ): Promise<MessageSearch>;
}

interface SearchParts {
  lookup: QueueLookup;
  deadLetters: Pick<DeadLetters, "exhaustedFrom">;
  sights: BodySights;
}

export function createMessageSearches(context: OperationContext, parts: SearchParts): MessageSearches {
  const { data, limits } = context;
  const ofPage = pageBudget(limits);
  const turns = withTimeout(new Semaphore(MOST_SEARCHES), TURN_MS);
  return {
    async search(access, params) {
      const queue = chosenQueue(limits, access, "read", params);
      const { order, after, bodies = ofPage } = params;
      const filter = checkMessageFilter(limits, params.filter);
      await parts.sights.requireFor(access, [queue.project], { filter });
      const sight = await parts.sights.read(access, queue.project);
      const limit = checkLimit(limits, "first", params.limit);
      const examine = checkWhole(
        "examine",
        params.examine ?? SEARCHED_MESSAGES.usual,
        1,
        SEARCHED_MESSAGES.most,
        "messages",
      );
      const budget: SelectBudget = { messages: examine, bytes: SEARCH_BYTES, milliseconds: SEARCH_MS };
      const nothing = { messages: [], position: after, examined: 0, reachedAt: null, done: true };
      const search = () =>
        orIfMissing<MessageSearch>(
          () =>
            inLiveQueue(parts.lookup, queue, async (attributes) => {
              const exhaustedFrom = await parts.deadLetters.exhaustedFrom(queue, attributes);
              const found = await bodies.spend(
                (maxBytes) =>
                  data.messages.select({ queue, filter, order, after, limit, budget, exhaustedFrom, maxBytes }),
                ({ messages }) => messages,
              );
              return { ...found, messages: await placed(queue, found.messages, exhaustedFrom, sight) };
            }),
          () => nothing,
        );
      return examine <= limits.MAX_PAGE_SIZE ? search() : inTurn(turns, search);
    },
  };
}

/** Each search keeps a connection and a part of its storage busy for as long as it may. */
async function inTurn<T>(turns: SemaphoreInterface, work: () => Promise<T>): Promise<T> {
  const [, release] = await turns.acquire().catch(() => {
    const details = { maximum: MOST_SEARCHES };
    throw new DomainError("TOO_MANY_REQUESTS", "Other searches are running in this process. Try again.", { details });
  });
  try {
    return await work();
  } finally {
    release();
  }
}
