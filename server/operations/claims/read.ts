import type { Access } from "../../access/access.ts";
import { DomainError } from "../../errors.ts";
import { emptyPage, type Page } from "../../storage/list-pages.ts";
import type { BodySights } from "../bodies/sights.ts";
import type { OperationContext } from "../context.ts";
import type { PageParams, QueueAddress } from "../input/addresses.ts";
import { pageRequest } from "../input/limits.ts";
import { chosenQueue } from "../input/names.ts";
import { inLiveQueue, orIfMissing, type QueueLookup } from "../lifecycle/queue-lookup.ts";
import { type BodyBudget, pageBudget } from "../messages/body-budget.ts";
import { type MessageRecord, placed } from "../messages/record.ts";
import { type ClaimRecord, claimed } from "./record.ts";

/** Permission read. A missing queue has no claims: `list` is empty, and `get` is CLAIM_DOES_NOT_EXIST. */
export interface ClaimReads {
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
}

export function createClaimReads(
  { data, limits }: OperationContext,
  { lookup, sights }: { lookup: QueueLookup; sights: BodySights },
): ClaimReads {
  return {
    async get(access, params) {
      const queue = chosenQueue(limits, access, "read", params);
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
      const sight = await sights.held(access, queue.project, claim);
      return { claim: claimed(queue, claim), messages: await placed(queue, messages, null, sight) };
    },

    async list(access, params) {
      const queue = chosenQueue(limits, access, "read", params);
      const page = pageRequest(limits, params.page);
      const found = await orIfMissing(
        () => inLiveQueue(lookup, queue, () => data.claims.list({ queue, page })),
        () => emptyPage(),
      );
      return { ...found, items: found.items.map((claim) => claimed(queue, claim)) };
    },
  };
}

function claimDoesNotExist(): DomainError {
  return new DomainError(
    "CLAIM_DOES_NOT_EXIST",
    "This claim does not exist in this queue, was released, or has expired.",
  );
}
