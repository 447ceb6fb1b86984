/** What a dry run is asked for: the action, the queues and the filter. */
import type { Access } from "../../access/access.ts";
import type { Limits } from "../../config.ts";
import type { MessageAction } from "../../jobs/dry-run.ts";
import type { MessageFilter } from "../../storage/messages/message-select.ts";
import type { QueueAddress } from "../input/addresses.ts";
import { badInput, checkWhole } from "../input/limits.ts";
import { checkMessageFilter, type MessageFilterInput } from "../input/message-filter.ts";
import { checkQueueName, chosenQueue } from "../input/names.ts";

/** Exactly one is given. */
export interface MessageActionInput {
  redrive?: { to?: string | null; ttlSeconds?: number | null } | null;
  delete?: { force?: boolean | null } | null;
  move?: (QueueAddress & { ttlSeconds?: number | null }) | null;
  release?: { delaySeconds?: number | null } | null;
  purge?: { before?: Date | null } | null;
}

/** BAD_INPUT, FORBIDDEN. */
export function checkAction(limits: Limits, access: Access, action: MessageActionInput): MessageAction {
  const { redrive, move, release, purge } = action;
  if (redrive) {
    const to = redrive.to ?? null;
    return {
      kind: "redriveMessages",
      to: to === null ? null : checkQueueName(limits, to, "action.redrive.to"),
      ttlSeconds: checkTtl(limits, "action.redrive.ttlSeconds", redrive.ttlSeconds),
    };
  }
  if (action.delete) return { kind: "deleteMessages", force: action.delete.force === true };
  if (move) {
    return {
      kind: "moveMessages",
      to: chosenQueue(limits, access, "operate", move),
      ttlSeconds: checkTtl(limits, "action.move.ttlSeconds", move.ttlSeconds),
    };
  }
  if (release) {
    const seconds = release.delaySeconds ?? 0;
    checkWhole("action.release.delaySeconds", seconds, 0, limits.MAX_MESSAGE_DELAY, "seconds");
    return { kind: "releaseClaims", delaySeconds: seconds };
  }
  if (purge) return { kind: "purgeQueues", before: purge.before?.toISOString() ?? null };
  throw badInput("action", "Say what to do: give exactly one action.");
}

function checkTtl({ MIN_MESSAGE_TTL, MAX_MESSAGE_TTL }: Limits, field: string, ttl: number | null | undefined) {
  return ttl === null || ttl === undefined ? null : checkWhole(field, ttl, MIN_MESSAGE_TTL, MAX_MESSAGE_TTL, "seconds");
}

/**
 * The filter of the job. BAD_INPUT for an empty one without `all`, because it would mean everything where a caller lost
 * its conditions. A release goes over claimed messages alone.
 */
export function checkFilter(
  limits: Limits,
  action: MessageAction,
  { filter, all }: { filter?: MessageFilterInput | null; all?: boolean | null },
): MessageFilter {
  const checked = checkMessageFilter(limits, filter);
  const isEmpty = Object.values(checked).every((condition) => condition === undefined);
  if (all === true && !isEmpty) throw badInput("all", "Give conditions in `filter`, or `all: true`, not both.");
  if (action.kind === "purgeQueues") {
    if (!isEmpty) {
      throw badInput("filter", "A purge takes whole queues, or what is before a time. Use `delete` with a filter.");
    }
    if (action.before === null && all !== true) throw unbounded();
    return checked;
  }
  if (isEmpty && all !== true) throw unbounded();
  if (action.kind !== "releaseClaims") return checked;
  if (checked.states !== undefined && !checked.states.includes("claimed")) {
    throw badInput("filter.states", "Only claimed messages can be released. Leave out `states`.");
  }
  return { ...checked, states: ["claimed"] };
}

const unbounded = () =>
  badInput("filter", "Say which messages: give a condition in `filter`, or `all: true` for every message.");
