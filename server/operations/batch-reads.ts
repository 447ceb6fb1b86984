import { type Access, requirePermission } from "../access/access.ts";
import { DomainError, hasCode, withDetails } from "../errors.ts";
import { type BatchResult, resultOf } from "../storage/batch-result.ts";
import { MAX_CARRIED_BYTES, type Message, type QueueClaim } from "../storage/data-driver.ts";
import { emptyPage, type Page } from "../storage/list-pages.ts";
import type { QueueRef } from "../storage/queue-ref.ts";
import type { CountedQueue } from "../storage/queue-stats.ts";
import type { BodySights, Sight } from "./bodies/sights.ts";
import { type ClaimRecord, claimed } from "./claims/record.ts";
import type { OperationContext } from "./context.ts";
import type { PageParams, QueueAddress } from "./input/addresses.ts";
import { checkBatch, pageRequest } from "./input/limits.ts";
import { chosenQueue } from "./input/names.ts";
import type { ReservedAttributes } from "./input/queue-attributes.ts";
import type { DeadLetters } from "./lifecycle/dead-letters.ts";
import type { QueueLookup } from "./lifecycle/queue-lookup.ts";
import { type BodyBudget, pageBudget } from "./messages/body-budget.ts";
import { listFilters, type MessageFilters } from "./messages/filters.ts";
import { type MessageRecord, placed, placedOne } from "./messages/record.ts";
import { type SubscriptionRecord, toRecord } from "./subscriptions/record.ts";

interface Queues {
  queues: readonly QueueAddress[];
  bodies?: BodyBudget;
}

/**
 * Reads of many queues at once: one call for each pool, whatever the number of queues. Each result is what the read of
 * one queue would return, or the DomainError that it would throw; they are in the order asked. A pool that fails
 * spoils the results of its own queues only.
 *
 * Permission read. At most MAX_PAGE_SIZE queues or claims; BAD_INPUT. Bodies are read only as far as the budget allows:
 * a queue for which nothing is left is TOO_LARGE.
 */
export interface BatchReadOperations {
  /** `messages.list` of each, without waiting. */
  messages(access: Access, params: Queues & PageParams & MessageFilters): Promise<BatchResult<Page<MessageRecord>>[]>;
  /** `messages.first` of each; null for an empty queue, and for one that does not exist. */
  firstMessages(
    access: Access,
    params: Queues & { sort: "oldest" | "newest" },
  ): Promise<BatchResult<MessageRecord | null>[]>;
  /** `messages.bulkGet` of the same ids in each. */
  messagesById(access: Access, params: Queues & { ids: readonly string[] }): Promise<BatchResult<MessageRecord[]>[]>;
  /** `claims.list` of each. */
  claims(access: Access, params: Queues & PageParams): Promise<BatchResult<Page<ClaimRecord>>[]>;
  /** `claims.get` of each claim; null for one that does not exist. */
  claimsById(
    access: Access,
    params: { claims: readonly (QueueAddress & { id: string })[]; after?: string | null; bodies?: BodyBudget },
  ): Promise<BatchResult<{ claim: ClaimRecord; messages: MessageRecord[] } | null>[]>;
  /** `subscriptions.list` of each. */
  subscriptions(access: Access, params: Queues & PageParams): Promise<BatchResult<Page<SubscriptionRecord>>[]>;
}

const EVERY_STATE = { includeClaimed: true, includeDelayed: true, includeExhausted: true };

interface BatchParts {
  lookup: QueueLookup;
  deadLetters: Pick<DeadLetters, "counted">;
  sights: BodySights;
}

export function createBatchReadOperations(context: OperationContext, parts: BatchParts): BatchReadOperations {
  return {
    ...messageReads(context, parts),
    ...claimReads(context, parts),
    ...subscriptionReads(context),
  };
}

function messageReads(
  context: OperationContext,
  parts: BatchParts,
): Pick<BatchReadOperations, "messages" | "firstMessages" | "messagesById"> {
  const { data, limits } = context;
  const pageBytes = limits.MAX_PAGE_BYTES;
  return {
    async messages(access, params) {
      const request = { page: pageRequest(limits, params.page), ...listFilters(params) };
      return readMessages<Page<Message>, Page<MessageRecord>>(context, parts, access, params, {
        most: pageBytes,
        empty: emptyPage,
        many: (queues, maxBytes) => data.batch.messages({ ...request, queues, pageBytes, maxBytes }),
        one: ({ exhaustedFrom = null, ...queue }, maxBytes) =>
          data.messages.list({ ...request, queue, exhaustedFrom, maxBytes }),
        messagesOf: ({ items }) => items,
        use: async (queue, found, exhaustedFrom, sight) => ({
          ...found,
          items: await placed(queue, found.items, exhaustedFrom, sight),
        }),
      });
    },

    async firstMessages(access, { sort, ...params }) {
      const page = { limit: 1, ...(sort === "newest" ? { atEnd: true } : {}) };
      const request = { page, ...EVERY_STATE };
      return readMessages<Page<Message>, MessageRecord | null>(context, parts, access, params, {
        most: limits.MAX_MESSAGES_POST_SIZE,
        empty: () => null,
        many: (queues, maxBytes) => data.batch.messages({ ...request, queues, pageBytes, maxBytes }),
        one: (queue, maxBytes) => data.messages.list({ ...request, queue, maxBytes }),
        messagesOf: ({ items }) => items,
        use: (queue, { items: [message] }, from, sight) =>
          message === undefined ? null : placedOne(queue, message, from, sight),
      });
    },

    async messagesById(access, params) {
      const ids = checkBatch(limits, "ids", params.ids);
      return readMessages<Message[], MessageRecord[]>(context, parts, access, params, {
        most: pageBytes,
        empty: () => [],
        many: (queues, maxBytes) => data.batch.messagesById({ queues, ids, pageBytes, maxBytes }),
        one: (queue, maxBytes) => data.messages.bulkGet({ queue, ids, maxBytes }),
        messagesOf: (found) => found,
        use: placed,
      });
    },
  };
}

function claimReads(
  { data, limits }: OperationContext,
  { lookup, sights }: BatchParts,
): Pick<BatchReadOperations, "claims" | "claimsById"> {
  const pageBytes = limits.MAX_PAGE_BYTES;
  return {
    async claims(access, params) {
      const page = pageRequest(limits, params.page);
      return ofLive<QueueRef, Page<ClaimRecord>>(
        lookup,
        chosen(limits, access, "queues", params.queues),
        emptyPage,
        async (queues) => {
          const found = await data.batch.claims({ queues, page });
          return found.map((result, index) => {
            if (result instanceof DomainError) return result;
            return { ...result, items: result.items.map((claim) => claimed(queues[index] as QueueRef, claim)) };
          });
        },
      );
    },

    async claimsById(access, params) {
      const { bodies = pageBudget(limits) } = params;
      const { after } = pageRequest(limits, { after: params.after ?? null });
      const from = after === undefined ? {} : { after };
      const asked = chosen(limits, access, "claims", params.claims).map((queue, index): QueueClaim => {
        return { ...queue, claimId: params.claims[index]?.id ?? "" };
      });
      const found = await ofLive<QueueClaim, { claim: ClaimRecord; messages: MessageRecord[] } | null>(
        lookup,
        asked,
        () => null,
        async (live) => {
          const results = await withinBudget(bodies, live, {
            most: pageBytes,
            many: (claims, maxBytes) => data.batch.claimsById({ claims, ...from, pageBytes, maxBytes }),
            one: ({ claimId: id, ...queue }, maxBytes) => data.claims.get({ queue, id, ...from, maxBytes }),
            messagesOf: ({ messages }) => messages,
          });
          return Promise.all(
            results.map(async (result, index) => {
              if (result instanceof DomainError) return result;
              const { claimId: _, ...queue } = live[index] as QueueClaim;
              const sight = await sights.held(access, queue.project, result.claim);
              const messages = await placed(queue, result.messages, null, sight);
              return { claim: claimed(queue, result.claim), messages };
            }),
          );
        },
      );
      return found.map((result) => (hasCode(result, "CLAIM_DOES_NOT_EXIST") ? null : result));
    },
  };
}

function subscriptionReads({ data, limits }: OperationContext): Pick<BatchReadOperations, "subscriptions"> {
  return {
    async subscriptions(access, params) {
      const queues = chosen(limits, access, "queues", params.queues);
      const page = pageRequest(limits, params.page);
      const found = await data.batch.subscriptions({ queues, page });
      return found.map((result, index) => {
        const queue = queues[index] as QueueRef;
        if (hasCode(result, "QUEUE_DOES_NOT_EXIST")) return emptyPage();
        if (result instanceof DomainError) return withDetails(result, namesOf(queue));
        return { ...result, items: result.items.map((one) => toRecord(queue, one)) };
      });
    },
  };
}

function chosen(
  limits: OperationContext["limits"],
  access: Access,
  field: string,
  addresses: readonly QueueAddress[],
): QueueRef[] {
  requirePermission(access, "read");
  return checkBatch(limits, field, addresses).map((address) => chosenQueue(limits, access, "read", address));
}

/**
 * Runs `read` with the queues that exist; the results of the others are `empty()`. A pool may still hold a queue that
 * was deleted.
 */
async function ofLive<Queue extends QueueRef, T>(
  lookup: QueueLookup,
  queues: readonly Queue[],
  empty: () => T,
  read: (live: readonly Queue[], attributes: ReservedAttributes[]) => Promise<BatchResult<T>[]>,
): Promise<BatchResult<T>[]> {
  const attributes = await lookup.find(queues);
  const isLive = (_: unknown, index: number) => attributes[index] !== null;
  const live = queues.filter(isLive);
  const found = (
    await read(
      live,
      attributes.filter((one) => one !== null),
    )
  ).values();
  return queues.map((queue, index) => {
    if (!isLive(queue, index)) return empty();
    const result = found.next().value as BatchResult<T>;
    if (hasCode(result, "QUEUE_DOES_NOT_EXIST")) return empty();
    return withDetails(result, namesOf(queue));
  });
}

/** Reads messages of the queues that exist. `use` gets what was read of a queue. */
function readMessages<Found, T>(
  { limits }: OperationContext,
  { lookup, deadLetters, sights }: BatchParts,
  access: Access,
  { queues, bodies = pageBudget(limits) }: Queues,
  reading: {
    most: number;
    empty: () => T;
    many: (queues: readonly CountedQueue[], maxBytes: number) => Promise<(BatchResult<Found> | null)[]>;
    one: (queue: CountedQueue, maxBytes: number) => Promise<Found>;
    messagesOf: (found: Found) => readonly Message[];
    use: (queue: QueueRef, found: Found, exhaustedFrom: number | null, sight: Sight) => T | Promise<T>;
  },
): Promise<BatchResult<T>[]> {
  return ofLive<QueueRef, T>(
    lookup,
    chosen(limits, access, "queues", queues),
    reading.empty,
    async (live, attributes) => {
      const counted = await deadLetters.counted(live, attributes);
      const found = await withinBudget(bodies, counted, reading);
      const byProject = await sights.readEach(
        access,
        counted.map(({ project }) => project),
      );
      return Promise.all(
        found.map((result, index) => {
          const { exhaustedFrom = null, ...queue } = counted[index] as CountedQueue;
          if (result instanceof DomainError) return result;
          return reading.use(queue, result, exhaustedFrom, byProject.get(queue.project) as Sight);
        }),
      );
    },
  );
}

const namesOf = ({ project, name }: QueueRef) => ({ project, queue: name });

/**
 * Reads all requests, in as few calls as the budget allows. What a call has left out for lack of bytes is asked for
 * again with what is left of the budget. If a call has room for none, the first is read alone: that returns a message
 * whatever its size. Once that has no room either, the rest is TOO_LARGE.
 */
async function withinBudget<Request, T>(
  bodies: BodyBudget,
  requests: readonly Request[],
  parts: {
    /** The most bytes that one request can use. */
    most: number;
    many: (requests: readonly Request[], maxBytes: number) => Promise<(BatchResult<T> | null)[]>;
    one: (request: Request, maxBytes: number) => Promise<T>;
    messagesOf: (result: T) => readonly Message[];
  },
): Promise<BatchResult<T>[]> {
  const { most, many, one, messagesOf } = parts;
  const results = requests.map((): BatchResult<T> | null => null);
  const messagesOfAll = (found: readonly (BatchResult<T> | null)[]) =>
    found.flatMap((result) => (result === null || result instanceof DomainError ? [] : messagesOf(result)));
  const readAlone = (request: Request) =>
    resultOf(bodies.spend((maxBytes) => one(request, maxBytes), messagesOf, most));
  const [only] = requests;
  if (only !== undefined && requests.length === 1) return [await readAlone(only)];
  let open = requests.map((_, index) => index);
  while (open.length > 0) {
    const asked = open;
    const found = await resultOf(
      bodies.spend(
        (maxBytes) =>
          many(
            asked.map((index) => requests[index] as Request),
            maxBytes,
          ),
        messagesOfAll,
        Math.min(most * asked.length, MAX_CARRIED_BYTES),
      ),
    );
    if (found instanceof DomainError && found.code !== "TOO_LARGE") throw found;
    asked.forEach((index, position) => {
      results[index] = found instanceof DomainError ? found : (found[position] ?? null);
    });
    open = asked.filter((index) => results[index] === null);
    const [first, ...others] = open;
    if (first === undefined || open.length < asked.length) continue;
    const alone = await readAlone(requests[first] as Request);
    results[first] = alone;
    open = others;
    if (!hasCode(alone, "TOO_LARGE")) continue;
    for (const index of others) results[index] = alone;
    open = [];
  }
  return results as BatchResult<T>[];
}
