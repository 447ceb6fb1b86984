import type { Limits } from "../../config.ts";
import { isNumber } from "../../storage/list-pages.ts";
import type { MessageFilter } from "../../storage/messages/message-select.ts";
import type { MessageState } from "../../storage/messages/message-state.ts";
import { badInput, checkBatch, checkText, checkWhole } from "./limits.ts";
import { checkLength, checkToken } from "./names.ts";

/** Characters of a text that is looked for in bodies. */
export const MAX_SEARCHED_TEXT_LENGTH = 1000;

/** How a request filters messages. Left out or null: no such condition. See MessageFilter. */
export interface MessageFilterInput {
  states?: readonly MessageState[] | null;
  postedFrom?: Date | null;
  postedBefore?: Date | null;
  aboveMarker?: string | null;
  upToMarker?: string | null;
  clientId?: string | null;
  minClaimCount?: number | null;
  holder?: string | null;
  claimEndsBefore?: Date | null;
  bodyContains?: string | null;
  ids?: readonly string[] | null;
}

/** The filter for drivers. BAD_INPUT. */
export function checkMessageFilter(limits: Limits, filter: MessageFilterInput | null | undefined): MessageFilter {
  const { states, postedFrom, postedBefore, aboveMarker, upToMarker, minClaimCount, bodyContains, ids } = filter ?? {};
  if (states?.length === 0) {
    throw badInput("filter.states", "filter.states must name a state. Leave it out for messages in every state.");
  }
  const holder = checkToken("filter.holder", filter?.holder) ?? undefined;
  if (holder !== undefined && ids) {
    throw badInput("filter.holder", "Name messages by `ids`, or by the `holder` of their claims, not both.");
  }
  return {
    states: states ?? undefined,
    postedFrom: postedFrom ?? undefined,
    postedBefore: postedBefore ?? undefined,
    aboveMarker: optional(aboveMarker, (marker) => checkMarker("filter.aboveMarker", marker)),
    upToMarker: optional(upToMarker, (marker) => checkMarker("filter.upToMarker", marker)),
    clientId: checkToken("filter.clientId", filter?.clientId) ?? undefined,
    minClaimCount: optional(minClaimCount, (count) =>
      checkWhole("filter.minClaimCount", count, 0, Number.MAX_SAFE_INTEGER),
    ),
    holder,
    claimEndsBefore: filter?.claimEndsBefore ?? undefined,
    bodyContains: optional(bodyContains, (text) =>
      checkLength("filter.bodyContains", checkText("filter.bodyContains", text), MAX_SEARCHED_TEXT_LENGTH),
    ),
    ids: optional(ids, (some) => checkBatch(limits, "filter.ids", some)),
  };
}

function checkMarker(field: string, marker: string): string {
  if (isNumber(marker)) return marker;
  throw badInput(field, `${field} must be the \`marker\` of a message.`);
}

function optional<In, Out>(value: In | null | undefined, check: (value: In) => Out): Out | undefined {
  return value === null || value === undefined ? undefined : check(value);
}
