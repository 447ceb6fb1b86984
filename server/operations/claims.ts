import { type Access, requireRole } from "../access/access.ts";
import { DomainError } from "../errors.ts";
import type { Claim, Message } from "../storage/data-driver.ts";
import { emptyPage, type Page } from "../storage/list-pages.ts";
import type { QueueRef } from "../storage/queue-ref.ts";
import type { OperationContext } from "./context.ts";
import type { PageParams, QueueAddress } from "./input/addresses.ts";
import { checkBatch, checkLimit, checkWhole, pageRequest } from "./input/limits.ts";
import { checkToken, chosenQueue } from "./input/names.ts";
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
import { type BodyBudget, pageBudget } from "./messages/body-budget.ts";
import { type MessageRecord, placed } from "./messages/record.ts";

/** A claim, with the project and queue that it is in. */
export interface ClaimRecord extends Claim {
  project: string;
  queue: string;
}

/** In seconds. Left out: the server's defaults. */
export interface ClaimTimes {
  ttlSeconds?: number | null;
  graceSeconds?: number | null;
}

/**
 * `get` and `list` need the role viewer, the rest operator. A missing queue has no claims: `list` is empty, and `get`
 * is CLAIM_DOES_NOT_EXIST. The rest is QUEUE_DOES_NOT_EXIST there.
 */
export interface ClaimOperations {
  /**
   * Acquires the oldest ready messages: at most `limit`, or fewer because of their bytes. `claim` is null when there is
   * nothing to acquire. No two live claims hold the same message, whoever claims at the same time.
   *
   * - Messages that were claimed `_max_claim_count` times go to the queue's `_dead_letter_queue` first; `deadLettered`
   *   counts them. While that queue is missing they stay, exhausted.
   * - `createQueue` creates a missing queue first.
   * - `idempotencyKey`: a repeat while the claim is live returns the same claim.
   * - `waitSeconds` (0 to 20, default 0) waits until there is something to acquire, or until `signal` aborts.
   *
   * A claim whose answer was lost expires like any other. QUEUE_DOES_NOT_EXIST, BAD_INPUT, TOO_LARGE.
   */
  create(
    access: Access,
    params: QueueAddress &
      ClaimTimes & {
        limit?: number | null;
        clientId?: string | null;
        idempotencyKey?: string | null;
        createQueue?: boolean;
        waitSeconds?: number | null;
        signal?: AbortSignal;
        bodies?: BodyBudget;
      },
  ): Promise<{ claim: ClaimRecord | null; messages: MessageRecord[]; deadLettered: number }>;
  /**
   * A claim with the messages that it still holds, those after the marker `after`. They may end early because of bytes.
   * To get all, continue after the last one, until `messageCount` messages have come. CLAIM_DOES_NOT_EXIST once it was
   * released or has expired.
   */
  get(
    access: Access,
    params: QueueAddress & { claimId: string; after?: string | null; bodies?: BodyBudget },
  ): Promise<{ claim: ClaimRecord; messages: MessageRecord[] }>;
  /** Live claims, oldest first. */
  list(access: Access, params: QueueAddress & PageParams): Promise<Page<ClaimRecord>>;
  /** Renews the claim: it expires `ttlSeconds` from now. CLAIM_DOES_NOT_EXIST. */
  update(access: Access, params: QueueAddress & ClaimTimes & { claimId: string }): Promise<ClaimRecord>;
  /** Releases the claim: its messages are ready at once. Silent when there is no such claim. */
  delete(access: Access, params: QueueAddress & { claimId: string }): Promise<void>;
  /**
   * Releases those of the messages that the claim holds, and returns how many. They are ready at once, or after
   * `delaySeconds` (0 to MAX_MESSAGE_DELAY). They keep their places, their claim counts and their expiry.
   *
   * Messages that nobody holds stay as they are, so a repeat does no harm. MESSAGE_NOT_CLAIMED_BY (details
   * `messageIds`) when another claim holds one of them; then none is released. At most MAX_PAGE_SIZE ids.
   */
  releaseMessages(
    access: Access,
    params: QueueAddress & { claimId: string; ids: readonly string[]; delaySeconds?: number | null },
  ): Promise<number>;
}

export function createClaimOperations(
  context: OperationContext,
  parts: { lookup: QueueLookup; lifecycle: QueueLifecycle; deadLetters: DeadLetters; longPolls: LongPolls },
): ClaimOperations {
  const { data, limits } = context;
  const { lookup, lifecycle, deadLetters, longPolls } = parts;

  function chosen(access: Access, role: "viewer" | "operator", address: QueueAddress): QueueRef {
    requireRole(access, role);
    return chosenQueue(limits, access, address);
  }

  function checkTimes({ ttlSeconds, graceSeconds }: ClaimTimes): { ttlSeconds: number; graceSeconds: number } {
    const { MIN_CLAIM_TTL, MAX_CLAIM_TTL, MIN_CLAIM_GRACE, MAX_CLAIM_GRACE } = limits;
    return {
      ttlSeconds: checkWhole(
        "ttlSeconds",
        ttlSeconds ?? limits.DEFAULT_CLAIM_TTL,
        MIN_CLAIM_TTL,
        MAX_CLAIM_TTL,
        "seconds",
      ),
      graceSeconds: checkWhole(
        "graceSeconds",
        graceSeconds ?? limits.DEFAULT_CLAIM_GRACE,
        MIN_CLAIM_GRACE,
        MAX_CLAIM_GRACE,
        "seconds",
      ),
    };
  }

  return {
    async create(access, params) {
      const queue = chosen(access, "operator", params);
      const request = {
        queue,
        ...checkTimes(params),
        limit: checkLimit(limits, "limit", params.limit),
        clientId: checkToken("clientId", params.clientId),
        actor: access.actor,
        ...idempotent(checkToken("idempotencyKey", params.idempotencyKey)),
      };
      const { bodies = pageBudget(limits) } = params;
      const waitSeconds = checkWait(params.waitSeconds);
      const found = await attributesUnlessMissing(lookup, queue, params.createQueue === true);
      const createQueue = () => lifecycle.create(access, queue, readMetadata(limits, "{}"));
      if (found === null) await createQueue();
      // Reads the attributes at each look: while the call waits, the queue may change or be deleted.
      const look = async () => {
        const attributes = await lookup.attributes(queue);
        return bodies.spend(
          (maxBytes) => deadLetters.claim({ ...request, maxBytes }, attributes),
          ({ messages }) => messages,
        );
      };
      let mayCreate = params.createQueue === true;
      const { claim, messages, deadLettered } = await longPolls.until(
        { queue, waiting: "claim", waitSeconds, signal: params.signal },
        () => {
          if (!mayCreate) return look();
          mayCreate = false;
          return creatingIfMissing(lookup, queue, createQueue, look);
        },
        (acquired) => acquired.claim !== null || acquired.deadLettered > 0,
      );
      return { claim: claim === null ? null : claimed(queue, claim), messages: inQueue(queue, messages), deadLettered };
    },

    async get(access, params) {
      const queue = chosen(access, "viewer", params);
      const { bodies = pageBudget(limits) } = params;
      const { after } = pageRequest(limits, { after: params.after ?? null });
      const from = after === undefined ? {} : { after };
      const { claim, messages } = await orIfMissing(
        () =>
          inLiveQueue(lookup, queue, () =>
            bodies.spend(
              (maxBytes) => data.claims.get({ queue, id: params.claimId, ...from, maxBytes }),
              (found) => found.messages,
            ),
          ),
        () => {
          throw claimDoesNotExist();
        },
      );
      return { claim: claimed(queue, claim), messages: inQueue(queue, messages) };
    },

    async list(access, params) {
      const queue = chosen(access, "viewer", params);
      const page = pageRequest(limits, params.page);
      const found = await orIfMissing(
        () => inLiveQueue(lookup, queue, () => data.claims.list({ queue, page })),
        () => emptyPage(),
      );
      return { ...found, items: found.items.map((claim) => claimed(queue, claim)) };
    },

    async update(access, params) {
      const queue = chosen(access, "operator", params);
      const times = checkTimes(params);
      const claim = await inLiveQueue(lookup, queue, () => data.claims.update({ queue, id: params.claimId, ...times }));
      return claimed(queue, claim);
    },

    async delete(access, params) {
      const queue = chosen(access, "operator", params);
      await inLiveQueue(lookup, queue, () => data.claims.delete({ queue, id: params.claimId }));
    },

    async releaseMessages(access, params) {
      const queue = chosen(access, "operator", params);
      const { claimId } = params;
      const ids = checkBatch(limits, "ids", params.ids);
      const delaySeconds = checkWhole("delaySeconds", params.delaySeconds ?? 0, 0, limits.MAX_MESSAGE_DELAY, "seconds");
      return inLiveQueue(lookup, queue, () => data.claims.releaseMessages({ queue, claimId, ids, delaySeconds }));
    },
  };
}

function idempotent(idempotencyKey: string | null): { idempotencyKey?: string } {
  return idempotencyKey === null ? {} : { idempotencyKey };
}

export function claimed(queue: QueueRef, claim: Claim): ClaimRecord {
  return Object.assign(claim, { project: queue.project, queue: queue.name });
}

/** A message that a claim holds is in the state "claimed", whatever its claim count. */
function inQueue(queue: QueueRef, messages: Message[]): MessageRecord[] {
  return messages.map((message) => placed(queue, message, null));
}

function claimDoesNotExist(): DomainError {
  return new DomainError(
    "CLAIM_DOES_NOT_EXIST",
    "This claim does not exist in this queue, was released, or has expired.",
  );
}
