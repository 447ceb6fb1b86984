import type { Access } from "../../access/access.ts";
import { DomainError, hasCode } from "../../errors.ts";
import type { Message } from "../../storage/data-driver.ts";
import { emptyPage, type Page } from "../../storage/list-pages.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import type { BodySights, Sight } from "../bodies/sights.ts";
import type { OperationContext } from "../context.ts";
import type { PageParams, QueueAddress } from "../input/addresses.ts";
import { checkBatch, pageRequest } from "../input/limits.ts";
import { chosenQueue } from "../input/names.ts";
import type { ReservedAttributes } from "../input/queue-attributes.ts";
import type { DeadLetters } from "../lifecycle/dead-letters.ts";
import { inLiveQueue, orIfMissing, type QueueLookup } from "../lifecycle/queue-lookup.ts";
import { checkWait, type LongPolls } from "../live/long-polls.ts";
import type { QueueTail } from "../live/queue-tail.ts";
import { type BodyBudget, pageBudget } from "./body-budget.ts";
import { listFilters, type MessageFilters } from "./filters.ts";
import { itself, type MessageRecord, placed, placedOne } from "./record.ts";

/** Permission read. A missing queue reads as an empty one; `watch` is QUEUE_DOES_NOT_EXIST there. */
export interface MessageReads {
  /**
   * Lists messages, oldest first: ready ones, and those in the other states that are asked for.
   *
   * - `echo` false leaves out the messages that `clientId` posted. It needs a `clientId`.
   * - Page by the markers, or by a message's own marker. No committed message is missed. A page may end early because
   *   of bytes; then it has a marker.
   * - `waitSeconds` (0 to 20, default 0) waits until the page is not empty, or until `signal` aborts.
   */
  list(
    access: Access,
    params: QueueAddress &
      PageParams &
      MessageFilters & {
        waitSeconds?: number | null;
        signal?: AbortSignal;
        bodies?: BodyBudget;
      },
  ): Promise<Page<MessageRecord>>;
  /** A message in any state. MESSAGE_DOES_NOT_EXIST. */
  get(access: Access, params: QueueAddress & { id: string; bodies?: BodyBudget }): Promise<MessageRecord>;
  /**
   * The messages that exist, in the order asked, each once. At most MAX_PAGE_SIZE ids. May end early because of bytes.
   * To get all, ask again for the ids after the last one returned, until nothing is returned.
   */
  bulkGet(
    access: Access,
    params: QueueAddress & { ids: readonly string[]; bodies?: BodyBudget },
  ): Promise<MessageRecord[]>;
  /** The oldest (default) or newest message, in any state. QUEUE_IS_EMPTY. */
  first(
    access: Access,
    params: QueueAddress & { sort?: "oldest" | "newest"; bodies?: BodyBudget },
  ): Promise<MessageRecord>;
  /**
   * The marker of the newest message, or "0" while there is none: `watch` continues from there with what is posted from
   * now on.
   */
  newestMarker(access: Access, params: QueueAddress): Promise<string>;
  /**
   * Yields messages in the queue's order and in any state, as they are posted: those after the marker `after`, by
   * default those posted from now on. Delayed messages are yielded when they are posted, not when their delay ends.
   *
   * A message comes within milliseconds of its post, or within a second when a notice was lost. A slow reader misses
   * nothing. Ends when `signal` aborts. QUEUE_DOES_NOT_EXIST when the queue is missing or is deleted.
   */
  watch(
    access: Access,
    params: QueueAddress & { after?: string | null; signal: AbortSignal },
  ): AsyncIterableIterator<MessageRecord>;
}

interface ReadParts {
  lookup: QueueLookup;
  tail: QueueTail;
  longPolls: LongPolls;
  deadLetters: Pick<DeadLetters, "exhaustedFrom">;
  sights: BodySights;
}

export function createMessageReads(context: OperationContext, parts: ReadParts): MessageReads {
  const { data, limits } = context;
  const { lookup, tail, longPolls, deadLetters, sights } = parts;
  const sightIn = (access: Access, { project }: QueueRef) => sights.read(access, project);
  const sharedParts = new SharedParts();
  const ofPage = pageBudget(limits);
  return {
    async list(access, params) {
      const queue = chosenQueue(limits, access, "read", params);
      const { bodies = ofPage } = params;
      const request = { queue, page: pageRequest(limits, params.page), ...listFilters(params) };
      return longPolls.until(
        { queue, waiting: "read", waitSeconds: checkWait(params.waitSeconds), signal: params.signal },
        () =>
          readStates<Page<MessageRecord>>(
            parts,
            queue,
            async (exhaustedFrom) => {
              const found = await bodies.spend(
                (maxBytes) => data.messages.list({ ...request, exhaustedFrom, maxBytes }),
                ({ items }) => items,
              );
              return { ...found, items: await placed(queue, found.items, exhaustedFrom, await sightIn(access, queue)) };
            },
            () => emptyPage(),
          ),
        ({ items }) => items.length > 0,
      );
    },

    async get(access, params) {
      const queue = chosenQueue(limits, access, "read", params);
      const { bodies = ofPage } = params;
      return readStates(
        parts,
        queue,
        async (from) => {
          const message = await one(limits, bodies, () => data.messages.get({ queue, id: params.id }));
          return placedOne(queue, message, from, await sightIn(access, queue));
        },
        () => {
          throw new DomainError("MESSAGE_DOES_NOT_EXIST", "This message does not exist in this queue, or has expired.");
        },
      );
    },

    async bulkGet(access, params) {
      const queue = chosenQueue(limits, access, "read", params);
      const { bodies = ofPage } = params;
      const ids = checkBatch(limits, "ids", params.ids);
      return readStates<MessageRecord[]>(
        parts,
        queue,
        async (from) => {
          const found = await bodies.spend((maxBytes) => data.messages.bulkGet({ queue, ids, maxBytes }), itself);
          return placed(queue, found, from, await sightIn(access, queue));
        },
        () => [],
      );
    },

    async first(access, params) {
      const queue = chosenQueue(limits, access, "read", params);
      const { bodies = ofPage } = params;
      const sort = params.sort === "newest" ? -1 : 1;
      return readStates(
        parts,
        queue,
        async (from) => {
          const message = await one(limits, bodies, () => data.messages.first({ queue, sort }));
          return placedOne(queue, message, from, await sightIn(access, queue));
        },
        () => {
          throw new DomainError("QUEUE_IS_EMPTY", "This queue has no messages.");
        },
      );
    },

    async newestMarker(access, params) {
      const queue = chosenQueue(limits, access, "read", params);
      try {
        return (await data.messages.first({ queue, sort: -1 })).marker;
      } catch (error) {
        if (hasCode(error, "QUEUE_IS_EMPTY") || hasCode(error, "QUEUE_DOES_NOT_EXIST")) return "0";
        throw error;
      }
    },

    async *watch(access, params) {
      const queue = chosenQueue(limits, access, "read", params);
      const { after } = pageRequest(limits, { after: params.after ?? null });
      for await (const message of tail.watch(queue, after, params.signal)) {
        // Both cached for a second, so rarely a query.
        const attributes = await lookup.attributes(queue);
        const from = await deadLetters.exhaustedFrom(queue, attributes);
        const sight = await sightIn(access, queue);
        if (sight.visibility === "full") yield placedOne(queue, message, from, sight);
        else yield sharedParts.of(message, sight, () => placedOne(queue, message, from, sight));
      }
    },
  };
}

/** Runs a read. Returns `empty()` if the queue does not exist, even if its pool still has it. */
function read<T>(
  lookup: QueueLookup,
  queue: QueueRef,
  work: (attributes: ReservedAttributes) => Promise<T>,
  empty: () => T,
): Promise<T> {
  return orIfMissing(() => inLiveQueue(lookup, queue, work), empty);
}

/** A read that needs the states of messages: `work` gets the claim count from which they are exhausted. */
function readStates<T>(
  parts: Pick<ReadParts, "lookup" | "deadLetters">,
  queue: QueueRef,
  work: (from: number | null) => Promise<T>,
  empty: () => T,
): Promise<T> {
  return read(
    parts.lookup,
    queue,
    async (attributes) => work(await parts.deadLetters.exhaustedFrom(queue, attributes)),
    empty,
  );
}

/** Reads one message within the budget. */
async function one(
  limits: OperationContext["limits"],
  bodies: BodyBudget,
  work: () => Promise<Message>,
): Promise<Message> {
  const [message] = await bodies.spend(async () => [await work()], itself, limits.MAX_MESSAGES_POST_SIZE);
  return message as Message;
}

/** All readers of a queue get the same message: those who see the same part of it share that part. */
class SharedParts {
  readonly #ofMessages = new WeakMap<Message, Map<Sight, Promise<MessageRecord>>>();

  of(message: Message, sight: Sight, make: () => Promise<MessageRecord>): Promise<MessageRecord> {
    const parts = this.#ofMessages.get(message) ?? new Map<Sight, Promise<MessageRecord>>();
    this.#ofMessages.set(message, parts);
    const part = parts.get(sight) ?? make();
    parts.set(sight, part);
    return part;
  }
}
