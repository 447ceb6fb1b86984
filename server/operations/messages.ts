import { type Access, requireRole } from "../access/access.ts";
import { DomainError, hasCode } from "../errors.ts";
import type { DeleteOutcome, Message } from "../storage/data-driver.ts";
import { emptyPage, type Page } from "../storage/list-pages.ts";
import { type MessageState, stateOf } from "../storage/message-state.ts";
import type { QueueRef } from "../storage/queue-ref.ts";
import { intended, permitted } from "./audit-trail.ts";
import { type BodyBudget, pageBudget } from "./body-budget.ts";
import type { OperationContext } from "./context.ts";
import type { PageParams, QueueAddress } from "./input/addresses.ts";
import { badInput, checkBatch, checkLimit, pageRequest } from "./input/limits.ts";
import { checkToken, chosenQueue } from "./input/names.ts";
import { checkCount, type MessageToPost, newMessages } from "./input/new-messages.ts";
import type { ReservedAttributes } from "./input/queue-attributes.ts";
import { readMetadata } from "./input/queue-metadata.ts";
import type { DeadLetters } from "./lifecycle/dead-letters.ts";
import type { QueueLifecycle } from "./lifecycle/queue-lifecycle.ts";
import {
  attributesUnlessMissing,
  creatingIfMissing,
  inLiveQueue,
  orIfMissing,
  type QueueLookup,
} from "./lifecycle/queue-lookup.ts";
import { checkWait, type LongPolls } from "./live/long-polls.ts";
import type { QueueTail } from "./live/queue-tail.ts";
import { type PostOutcome, postToMany } from "./many-posts.ts";

/** A message, with the project and queue that it is in, and its state when it was read. */
export interface MessageRecord extends Message {
  project: string;
  queue: string;
  state: MessageState;
}

/** Which messages a list has. See `list`. */
export interface MessageFilters {
  clientId?: string | null;
  echo?: boolean;
  includeClaimed?: boolean;
  includeDelayed?: boolean;
  includeExhausted?: boolean;
}

/**
 * Reading needs the role viewer; post, pop and delete need operator. Reads treat a missing queue as an empty one. The
 * other operations and `watch` are QUEUE_DOES_NOT_EXIST there.
 *
 * All but `watch` happen as a whole or not at all, also when a crash comes between. Calls may run at the same time:
 * MessageController says what they see of one another.
 */
export interface MessageOperations {
  /**
   * Posts all messages or none, and returns their ids in the order given. `createQueue` creates a missing queue first;
   * it stays if the post then fails.
   *
   * With an `idempotencyKey`, a repeat within a day returns the first call's ids and adds nothing. BAD_INPUT,
   * TOO_LARGE, QUEUE_DOES_NOT_EXIST, IDEMPOTENCY_KEY_REUSED.
   */
  post(
    access: Access,
    params: QueueAddress & {
      messages: readonly MessageToPost[];
      clientId?: string | null;
      idempotencyKey?: string | null;
      createQueue?: boolean;
    },
  ): Promise<{ ids: string[] }>;
  /**
   * Posts to many queues side by side, as `post` does to one, and returns the outcomes in the order given. Each post is
   * stored as a whole or not at all, whatever becomes of the others. Posts to the same queue may be stored in any
   * order. At most MAX_POSTS, with MAX_POSTS_MESSAGES and MAX_POSTS_SIZE together: BAD_INPUT, TOO_LARGE.
   */
  postToMany(
    access: Access,
    params: { posts: readonly Parameters<MessageOperations["post"]>[1][] },
  ): Promise<PostOutcome[]>;
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
   * Deletes the oldest ready messages and returns them: at most `limit` (as for pages), or fewer because of bytes. No
   * two callers get the same message. Hazard: without a key, if the answer is lost, so are the messages.
   *
   * With an `idempotencyKey`, a repeat within ten minutes returns the same messages and deletes none, whatever came
   * between. They are kept with the deletion, both or neither, so a pop with a key takes at most 4 MiB.
   * IDEMPOTENCY_KEY_REUSED; TOO_LARGE when a repeat has too little room left in its answer.
   */
  pop(
    access: Access,
    params: QueueAddress & { limit?: number | null; idempotencyKey?: string | null; bodies?: BodyBudget },
  ): Promise<MessageRecord[]>;
  /**
   * Deletes a message, in one step with its check.
   *
   * - Without `claimId`: MESSAGE_IS_CLAIMED when a live claim holds it. `force` deletes it all the same, and is
   *   audited.
   * - With `claimId`: MESSAGE_NOT_CLAIMED, MESSAGE_NOT_CLAIMED_BY or CLAIM_DOES_NOT_EXIST unless that claim holds it.
   * - With both: BAD_INPUT.
   */
  delete(
    access: Access,
    params: QueueAddress & { id: string; claimId?: string | null; force?: boolean },
  ): Promise<DeleteOutcome>;
  /**
   * Deletes the messages that exist, all or none, and returns how many.
   *
   * - With `claimIds`: MESSAGE_NOT_CLAIMED_BY unless each message is held by one of these claims.
   * - Without: MESSAGE_IS_CLAIMED (details `messageIds`) when a live claim holds one. `force` deletes them all the
   *   same. Audited, forced or not: a crash can leave the entry "intended".
   * - With both: BAD_INPUT.
   */
  bulkDelete(
    access: Access,
    params: QueueAddress & { ids: readonly string[]; claimIds?: readonly string[] | null; force?: boolean },
  ): Promise<number>;
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

export function createMessageOperations(
  context: OperationContext,
  parts: {
    lookup: QueueLookup;
    lifecycle: QueueLifecycle;
    tail: QueueTail;
    longPolls: LongPolls;
    deadLetters: Pick<DeadLetters, "exhaustedFrom">;
  },
): MessageOperations {
  const { data, limits } = context;
  const { lookup, lifecycle, tail, longPolls, deadLetters } = parts;
  const ofPage = pageBudget(limits);

  function chosen(access: Access, role: "viewer" | "operator", address: QueueAddress): QueueRef {
    requireRole(access, role);
    return chosenQueue(limits, access, address);
  }

  /** Runs a read. Returns `empty()` if the queue does not exist, even if its pool still has it. */
  function read<T>(queue: QueueRef, work: (attributes: ReservedAttributes) => Promise<T>, empty: () => T): Promise<T> {
    return orIfMissing(() => inLiveQueue(lookup, queue, work), empty);
  }

  /** A read that needs the states of messages: `work` gets the claim count from which they are exhausted. */
  function readStates<T>(queue: QueueRef, work: (from: number | null) => Promise<T>, empty: () => T): Promise<T> {
    return read(queue, async (attributes) => work(await deadLetters.exhaustedFrom(queue, attributes)), empty);
  }

  /** Reads one message within the budget. */
  async function one(bodies: BodyBudget, work: () => Promise<Message>): Promise<Message> {
    const [message] = await bodies.spend(async () => [await work()], itself, limits.MAX_MESSAGES_POST_SIZE);
    return message as Message;
  }

  /** Audited only without claims. With claims it is how consumers acknowledge messages, many times a second. */
  async function deleteMany(
    access: Access,
    action: string,
    params: Parameters<MessageOperations["bulkDelete"]>[1],
  ): Promise<number> {
    const trace = { access, action, project: params.project ?? null, target: String(params.queue) };
    const queue = await permitted(context, trace, "operator", () => chosenQueue(limits, access, params));
    const ids = checkBatch(limits, "ids", params.ids);
    const claimIds = params.claimIds ?? undefined;
    const force = params.force === true;
    if (claimIds !== undefined) {
      if (force) throw badInput("force", "Give `claimIds` or `force`, not both.");
      checkBatch(limits, "claimIds", claimIds);
      return inLiveQueue(lookup, queue, () => data.messages.bulkDelete({ queue, ids, claimIds }));
    }
    await lookup.attributes(queue);
    const work = () => data.messages.bulkDelete({ queue, ids, spareClaimed: !force });
    const details = { ids: ids.length, ...(force ? { force } : {}) };
    return intended(context, { ...trace, project: queue.project }, details, work, (deleted) => ({ deleted }));
  }

  async function post(access: Access, params: Parameters<MessageOperations["post"]>[1]): Promise<{ ids: string[] }> {
    const queue = chosen(access, "operator", params);
    const clientId = checkToken("clientId", params.clientId);
    const idempotencyKey = checkToken("idempotencyKey", params.idempotencyKey);
    checkCount(limits.MAX_MESSAGES_PER_POST, params.messages);
    const attributes = await attributesUnlessMissing(lookup, queue, params.createQueue === true);
    // Checked before the queue is created: a bad request must leave no queue behind.
    const messages = newMessages(limits, params.messages, attributes ?? readMetadata(limits, "{}").effective);
    const createQueue = () => lifecycle.create(access, queue, readMetadata(limits, "{}"));
    if (attributes === null) await createQueue();
    const post = { queue, messages, clientId, ...(idempotencyKey === null ? {} : { idempotencyKey }) };
    if (params.createQueue !== true) return data.messages.post(post);
    return creatingIfMissing(lookup, queue, createQueue, () => data.messages.post(post));
  }

  /** Two statements for all queues that are not cached, instead of two for each. */
  async function lookUpTogether(access: Access, posts: readonly QueueAddress[]): Promise<void> {
    const queues = posts.flatMap((address) => {
      try {
        return [chosen(access, "operator", address)];
      } catch {
        // Its post says why.
        return [];
      }
    });
    await Promise.all([lookup.find(queues), data.locateQueues(queues)]);
  }

  return {
    post,

    async postToMany(access, { posts }) {
      requireRole(access, "operator");
      return postToMany(context, access, posts, {
        lookUp: () => lookUpTogether(access, posts),
        post: (one) => post(access, one),
      });
    },

    async list(access, params) {
      const queue = chosen(access, "viewer", params);
      const { bodies = ofPage } = params;
      const request = { queue, page: pageRequest(limits, params.page), ...listFilters(params) };
      return longPolls.until(
        { queue, waiting: "read", waitSeconds: checkWait(params.waitSeconds), signal: params.signal },
        () =>
          readStates<Page<MessageRecord>>(
            queue,
            async (exhaustedFrom) => {
              const found = await bodies.spend(
                (maxBytes) => data.messages.list({ ...request, exhaustedFrom, maxBytes }),
                ({ items }) => items,
              );
              return { ...found, items: found.items.map((message) => placed(queue, message, exhaustedFrom)) };
            },
            () => emptyPage(),
          ),
        ({ items }) => items.length > 0,
      );
    },

    async get(access, params) {
      const queue = chosen(access, "viewer", params);
      const { bodies = ofPage } = params;
      return readStates(
        queue,
        async (from) => {
          return placed(queue, await one(bodies, () => data.messages.get({ queue, id: params.id })), from);
        },
        () => {
          throw new DomainError("MESSAGE_DOES_NOT_EXIST", "This message does not exist in this queue, or has expired.");
        },
      );
    },

    async bulkGet(access, params) {
      const queue = chosen(access, "viewer", params);
      const { bodies = ofPage } = params;
      const ids = checkBatch(limits, "ids", params.ids);
      return readStates<MessageRecord[]>(
        queue,
        async (from) => {
          const found = await bodies.spend((maxBytes) => data.messages.bulkGet({ queue, ids, maxBytes }), itself);
          return found.map((message) => placed(queue, message, from));
        },
        () => [],
      );
    },

    async first(access, params) {
      const queue = chosen(access, "viewer", params);
      const { bodies = ofPage } = params;
      const sort = params.sort === "newest" ? -1 : 1;
      return readStates(
        queue,
        async (from) => {
          return placed(queue, await one(bodies, () => data.messages.first({ queue, sort })), from);
        },
        () => {
          throw new DomainError("QUEUE_IS_EMPTY", "This queue has no messages.");
        },
      );
    },

    async pop(access, params) {
      const queue = chosen(access, "operator", params);
      const { bodies = ofPage } = params;
      const limit = checkLimit(limits, "limit", params.limit);
      const idempotencyKey = checkToken("idempotencyKey", params.idempotencyKey);
      const once = idempotencyKey === null ? {} : { idempotencyKey };
      return inLiveQueue(lookup, queue, async (attributes) => {
        const exhaustedFrom = await deadLetters.exhaustedFrom(queue, attributes);
        const take = (maxBytes: number) => data.messages.pop({ queue, limit, exhaustedFrom, maxBytes, ...once });
        return (await bodies.spend(take, itself)).map((message) => placed(queue, message, exhaustedFrom));
      });
    },

    async delete(access, params) {
      const { id, force } = params;
      const claimId = params.claimId ?? undefined;
      if (force === true) {
        const claimIds = claimId === undefined ? undefined : [claimId];
        const deleted = await deleteMany(access, "deleteMessage", { ...params, ids: [id], claimIds });
        return deleted > 0 ? "deleted" : "absent";
      }
      const queue = chosen(access, "operator", params);
      const claim = claimId === undefined ? {} : { claimId };
      return inLiveQueue(lookup, queue, () => data.messages.delete({ queue, id, ...claim }));
    },

    bulkDelete: (access, params) => deleteMany(access, "deleteMessages", params),

    async newestMarker(access, params) {
      const queue = chosen(access, "viewer", params);
      try {
        return (await data.messages.first({ queue, sort: -1 })).marker;
      } catch (error) {
        if (hasCode(error, "QUEUE_IS_EMPTY") || hasCode(error, "QUEUE_DOES_NOT_EXIST")) return "0";
        throw error;
      }
    },

    async *watch(access, params) {
      const queue = chosen(access, "viewer", params);
      const { after } = pageRequest(limits, { after: params.after ?? null });
      for await (const message of tail.watch(queue, after, params.signal)) {
        // Cached for a second, so rarely a query.
        const attributes = await lookup.attributes(queue);
        yield placed(queue, message, await deadLetters.exhaustedFrom(queue, attributes));
      }
    },
  };
}

const itself = (messages: readonly Message[]) => messages;

/** The filters as drivers take them. BAD_INPUT. */
export function listFilters({ echo, ...filters }: MessageFilters) {
  const clientId = checkToken("clientId", filters.clientId);
  if (echo === false && clientId === null) {
    throw badInput("clientId", "echo: false leaves out a client's own messages, so it needs clientId.");
  }
  const { includeClaimed = false, includeDelayed = false, includeExhausted = false } = filters;
  const except = echo === false && clientId !== null ? { exceptClientId: clientId } : {};
  return { includeClaimed, includeDelayed, includeExhausted, ...except };
}

/** Adds its queue and state to a message. Writes into the object, because the driver created it for this call alone. */
export function placed(queue: QueueRef, message: Message, exhaustedFrom: number | null): MessageRecord {
  return Object.assign(message, {
    project: queue.project,
    queue: queue.name,
    state: stateOf(message, exhaustedFrom),
  });
}
