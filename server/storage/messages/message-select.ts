/** Finding messages by what they are, in slices: for people who search, and for jobs that act on all that match. */
import { setTimeout as pause } from "node:timers/promises";

import { badMarker } from "../list-pages.ts";
import type { QueueRef } from "../queue-ref.ts";
import type { Message } from "./message.ts";
import { messageBytes } from "./message-headers.ts";
import { type MessageState, stateOf } from "./message-state.ts";

/** Messages that fit all of what is given. Nothing given: all messages. */
export interface MessageFilter {
  states?: readonly MessageState[] | undefined;
  /** By `createdAt`, which grows with the markers unless the store's clock was set back: from then on. */
  postedFrom?: Date | undefined;
  /** Before then. */
  postedBefore?: Date | undefined;
  /** Markers above this one. */
  aboveMarker?: string | undefined;
  /** This marker, and those below. */
  upToMarker?: string | undefined;
  /** Who posted it. */
  clientId?: string | undefined;
  minClaimCount?: number | undefined;
  /** That a live claim of this holder holds: its client id, or else its actor. Not together with `ids`. */
  holder?: string | undefined;
  /** That a live claim holds which ends before then, unless it is renewed. */
  claimEndsBefore?: Date | undefined;
  /** A part of the body, as it was posted: upper and lower case differ, and so do ways to escape a character. */
  bodyContains?: string | undefined;
  /** These messages alone, in this order. At most as many as one call may name. */
  ids?: readonly string[] | undefined;
}

export type SelectOrder = "oldestFirst" | "newestFirst";

/** What a call may use. It ends soon after it has used one of these up, so it may use a little more. */
export interface SelectBudget {
  /** Messages that it looks at. */
  messages: number;
  /** Bytes of bodies that it reads to look into them. */
  bytes: number;
  milliseconds: number;
}

export interface SelectParams {
  queue: QueueRef;
  filter: MessageFilter;
  /** See MessageState. */
  exhaustedFrom?: number | null;
  order: SelectOrder;
  /** The `position` of the call before. Left out: the beginning of the order. */
  after?: string | undefined;
  /** The most messages that it returns. */
  limit: number;
  /** The most bytes of messages that it returns; at least one message, if there is any. */
  maxBytes?: number;
  budget: SelectBudget;
}

export interface Selection {
  /** In the order that was asked for. */
  messages: Message[];
  /** For `after` of the next call: where this one ended. Undefined when it looked at nothing. */
  position: string | undefined;
  /** How many messages it looked at, of those that the markers and times of the filter left. */
  examined: number;
  /** The `createdAt` of the last of these. */
  reachedAt: Date | null;
  /** Nothing is left to look at now. */
  done: boolean;
}

/** As for a `select` from the oldest message on. */
export type CountParams = Omit<SelectParams, "order" | "limit" | "maxBytes">;

/** A message's place in its queue. */
export interface MessagePlace {
  marker: string;
  createdAt: Date;
}

/** What a slice has. */
export interface MessageCount extends Omit<Selection, "messages"> {
  /** Messages that fit the filter. */
  matching: number;
  /** How many of these a live claim holds. */
  claimed: number;
  /** The first and the last of those that fit. Null when there are none. */
  oldest: MessagePlace | null;
  newest: MessagePlace | null;
}

/**
 * Between two steps of a `select`: waits for as long as the last one took, which began at `began`. So a search takes at
 * most half of the time of a storage that does one thing at a time, and less of one that others keep busy.
 */
export const leaveTime = (began: number): Promise<void> => pause(performance.now() - began);

function fits(message: Message, filter: MessageFilter, exhaustedFrom: number | null): boolean {
  const { states, postedFrom, postedBefore, aboveMarker, upToMarker, clientId, minClaimCount, bodyContains } = filter;
  const { claimEndsBefore } = filter;
  if (states !== undefined && !states.includes(stateOf(message, exhaustedFrom))) return false;
  if (postedFrom !== undefined && message.createdAt < postedFrom) return false;
  if (postedBefore !== undefined && message.createdAt >= postedBefore) return false;
  if (aboveMarker !== undefined && BigInt(message.marker) <= BigInt(aboveMarker)) return false;
  if (upToMarker !== undefined && BigInt(message.marker) > BigInt(upToMarker)) return false;
  if (clientId !== undefined && message.clientId !== clientId) return false;
  if (minClaimCount !== undefined && message.claimCount < minClaimCount) return false;
  if (claimEndsBefore !== undefined && !(message.claim !== null && message.claim.expiresAt < claimEndsBefore))
    return false;
  return bodyContains === undefined || message.bodyText.includes(bodyContains);
}

/**
 * `select` among `filter.ids`, for every driver. `read` returns those that exist, in order, and may end early because
 * of bytes. A position is the last id that was looked at.
 */
export async function selectByIds(
  { filter, exhaustedFrom = null, after, limit, maxBytes = Number.POSITIVE_INFINITY, budget }: SelectParams,
  ids: readonly string[],
  read: (ids: readonly string[], maxBytes: number) => Promise<Message[]>,
): Promise<Selection> {
  const end = performance.now() + budget.milliseconds;
  const selection: Selection = { messages: [], position: after, examined: 0, reachedAt: null, done: false };
  if (after !== undefined && !ids.includes(after)) throw badMarker("after");
  let rest = after === undefined ? ids : ids.slice(ids.indexOf(after) + 1);
  let [found, looked] = [0, 0];
  while (!selection.done) {
    const asked = rest.slice(0, budget.messages - selection.examined);
    const messages = await read(asked, Math.min(maxBytes, budget.bytes));
    for (const message of messages) {
      const bytes = messageBytes(message);
      const isHit = fits(message, filter, exhaustedFrom);
      if (isHit && selection.messages.length > 0 && found + bytes > maxBytes) return selection;
      selection.position = message.id;
      selection.examined += 1;
      selection.reachedAt = message.createdAt;
      looked += bytes;
      if (!isHit) continue;
      selection.messages.push(message);
      found += bytes;
      if (selection.messages.length === limit) return selection;
    }
    const last = messages.at(-1);
    // What comes behind the last message that exists does not exist.
    selection.done = last === undefined && asked.length === rest.length;
    if (last === undefined) selection.position = asked.at(-1) ?? selection.position;
    rest = rest.slice(last === undefined ? asked.length : rest.indexOf(last.id) + 1);
    selection.done ||= rest.length === 0;
    if (selection.examined >= budget.messages || looked >= budget.bytes || performance.now() >= end) break;
  }
  return selection;
}

/** A count before its first slice. */
export const nothingCounted = (after: string | undefined): MessageCount => ({
  matching: 0,
  claimed: 0,
  oldest: null,
  newest: null,
  position: after,
  examined: 0,
  reachedAt: null,
  done: false,
});

/** Adds what a later step of the same slice has counted. */
export function addCounted(count: MessageCount, step: Omit<MessageCount, "done">): void {
  count.matching += step.matching;
  count.claimed += step.claimed;
  count.examined += step.examined;
  count.oldest ??= step.oldest;
  count.newest = step.newest ?? count.newest;
  count.position = step.position ?? count.position;
  count.reachedAt = step.reachedAt ?? count.reachedAt;
}

/** `count` among `filter.ids`, for every driver: see selectByIds. */
export async function countByIds(
  params: CountParams,
  ids: readonly string[],
  read: (ids: readonly string[], maxBytes: number) => Promise<Message[]>,
): Promise<MessageCount> {
  const order = "oldestFirst";
  const { messages, ...slice } = await selectByIds({ ...params, order, limit: ids.length + 1 }, ids, read);
  const places = messages.toSorted((a, b) => (BigInt(a.marker) < BigInt(b.marker) ? -1 : 1));
  const placeOf = (message: Message | undefined) => message && { marker: message.marker, createdAt: message.createdAt };
  return {
    ...slice,
    matching: messages.length,
    claimed: messages.filter(({ claim }) => claim !== null).length,
    oldest: placeOf(places[0]) ?? null,
    newest: placeOf(places.at(-1)) ?? null,
  };
}
