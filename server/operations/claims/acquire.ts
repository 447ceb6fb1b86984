import { type Access, chooseProject } from "../../access/access.ts";
import { NEEDS } from "../../access/needs.ts";
import type { ConsumerNotes } from "../../history/consumer-notes.ts";
import type { BodySights } from "../bodies/sights.ts";
import type { OperationContext } from "../context.ts";
import type { QueueAddress } from "../input/addresses.ts";
import { checkLimit } from "../input/limits.ts";
import { checkToken, chosenQueue } from "../input/names.ts";
import { readMetadata } from "../input/queue-metadata.ts";
import type { DeadLetters } from "../lifecycle/dead-letters.ts";
import type { QueueLifecycle } from "../lifecycle/queue-lifecycle.ts";
import { attributesUnlessMissing, creatingIfMissing, type QueueLookup } from "../lifecycle/queue-lookup.ts";
import { checkWait, type LongPolls } from "../live/long-polls.ts";
import { type BodyBudget, pageBudget } from "../messages/body-budget.ts";
import { type MessageRecord, placed } from "../messages/record.ts";
import type { PauseBook } from "../pauses/pause-book.ts";
import { type ClaimRecord, claimed } from "./record.ts";
import { type ClaimTimes, checkTimes } from "./times.ts";

/** What a paused queue gives out. */
const NOTHING: Awaited<ReturnType<DeadLetters["claim"]>> = { claim: null, messages: [], deadLettered: 0 };

/** Needs the permission consume; to create a missing queue, operate too. */
export interface ClaimAcquire {
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
   * A paused queue gives out nothing and dead-letters nothing: see PauseOperations. Who waits is served once it is
   * resumed.
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
}

export function createClaimAcquire(
  { limits }: OperationContext,
  parts: {
    lookup: QueueLookup;
    lifecycle: QueueLifecycle;
    deadLetters: DeadLetters;
    longPolls: LongPolls;
    notes: ConsumerNotes | null;
    pauses: PauseBook;
    sights: BodySights;
  },
): ClaimAcquire {
  const { lookup, lifecycle, deadLetters, longPolls, notes, pauses, sights } = parts;
  return {
    async create(access, params) {
      const queue = chosenQueue(limits, access, "consume", params);
      const request = {
        queue,
        ...checkTimes(limits, params),
        limit: checkLimit(limits, "limit", params.limit),
        clientId: checkToken("clientId", params.clientId),
        actor: access.actor,
        ...idempotent(checkToken("idempotencyKey", params.idempotencyKey)),
      };
      const { bodies = pageBudget(limits) } = params;
      const waitSeconds = checkWait(params.waitSeconds);
      const sight = await sights.taken(access, queue.project);
      const found = await attributesUnlessMissing(lookup, queue, params.createQueue === true);
      const createQueue = async () => {
        chooseProject(access, NEEDS.createQueue.permission, queue.project);
        return lifecycle.create(access, queue, readMetadata(limits, "{}"));
      };
      if (found === null) await createQueue();
      // Reads the attributes at each look: while the call waits, the queue may change or be deleted.
      const look = async () => {
        const attributes = await lookup.attributes(queue);
        const paused = pauses.of(queue);
        if ((paused instanceof Promise ? await paused : paused) !== null) return NOTHING;
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
      notes?.note(queue, request.clientId, access.actor, messages.length);
      return {
        claim: claim === null ? null : claimed(queue, claim),
        // One that a claim holds is in the state "claimed", whatever its claim count.
        messages: await placed(queue, messages, null, sight),
        deadLettered,
      };
    },
  };
}

function idempotent(idempotencyKey: string | null): { idempotencyKey?: string } {
  return idempotencyKey === null ? {} : { idempotencyKey };
}
