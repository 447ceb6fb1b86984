/** Which page of a queue an address means, for the API; and what its answer is, for the page. */
import type { ResultOf } from "gql.tada";
import { isOn, one, type Search } from "@/app/address.ts";
import { type Browse, beside, browseHref, isSearch } from "@/components/messages/browse.ts";
import type { MESSAGE_ROW } from "@/components/messages/fragments.ts";
import type { PagerLinks } from "@/components/ui/table.tsx";
import type { MESSAGES_PAGE } from "./documents.ts";

const PAGE_SIZE = 50;
/** Messages that a jump to a time looks at, at most: more than a page only while few of them are ready. */
const LOOKED_AT = 1000;
const READY = "READY" as const;
const STATES = ["ready", "claimed", "delayed", "exhausted"];

/** The parameters of the address that are about messages. */
const OURS = new Set(["order", "state", "body", "at", "end", "after", "before", "follow", "searched", "message"]);

export function readBrowse(search: Search): Browse {
  const at = Date.parse(one(search, "at") ?? "");
  const searched = Number(one(search, "searched") ?? 0);
  const place = {
    order: one(search, "order") === "oldest" ? ("oldest" as const) : ("newest" as const),
    state: readStates(one(search, "state")),
    body: one(search, "body") ?? null,
    at: Number.isNaN(at) ? null : new Date(at).toISOString(),
    end: isOn(search, "end"),
    after: one(search, "after") ?? null,
    before: one(search, "before") ?? null,
  };
  const atNewest = place.order === "newest" && !place.end && (place.at ?? place.after ?? place.before) === null;
  return {
    ...place,
    follow: isOn(search, "follow") && atNewest,
    searched: Number.isSafeInteger(searched) && searched > 0 ? Math.min(searched, 1_000_000) : 0,
    others: Object.fromEntries(
      Object.keys(search).flatMap((name) => {
        const value = OURS.has(name) ? undefined : one(search, name);
        return value === undefined ? [] : [[name, value]];
      }),
    ),
  };
}

/** Null for none that exists, and for all of them. */
function readStates(text = ""): string | null {
  const named = text.split(",");
  const states = STATES.filter((state) => named.includes(state));
  return states.length === 0 || states.length === STATES.length ? null : states.join(",");
}

/** What the toolbar offers. An address may have any states together. */
export const STATE_CHOICES = [
  ...STATES.map((state) => ({ value: state, label: state.charAt(0).toUpperCase() + state.slice(1) })),
  { value: "ready,delayed,exhausted", label: "Not claimed" },
  { value: "delayed,exhausted", label: "Delayed or exhausted" },
];

/** The arguments of what lists the messages. A search runs in the browser instead. */
export function listVariables(browse: Browse) {
  const newest = browse.order === "newest";
  const { at, state, after, before, end } = browse;
  const list = !isSearch(browse);
  const fromEnd = newest !== end;
  return {
    list: list && at === null,
    includeOthers: state === null,
    ...(before !== null
      ? { last: PAGE_SIZE, before }
      : after !== null
        ? { first: PAGE_SIZE, after }
        : fromEnd
          ? { last: PAGE_SIZE }
          : { first: PAGE_SIZE }),
    jump: list && at !== null,
    filter: {
      ...(newest ? { postedBefore: at } : { postedFrom: at }),
      states: state === null ? null : [READY],
    },
    direction: newest ? ("DESC" as const) : ("ASC" as const),
    found: PAGE_SIZE,
    examine: state === null ? PAGE_SIZE : LOOKED_AT,
  };
}

/** What is exported: the messages in the order of the page, in the state and with the text that it asks for. */
export function exportVariables(address: { project: string; queue: string }, { order, state, body, at }: Browse) {
  const newest = order === "newest";
  return {
    ...address,
    filter: {
      ...(newest ? { postedBefore: at } : { postedFrom: at }),
      states: state === null ? null : state.toUpperCase().split(","),
      bodyContains: body,
    },
    direction: newest ? "DESC" : "ASC",
  };
}

/** What a page has, in the order in which it is shown. */
export interface Listed {
  nodes: ResultOf<typeof MESSAGE_ROW>[];
  links: PagerLinks;
}

export function listedOf(
  queue: NonNullable<ResultOf<typeof MESSAGES_PAGE>["queue"]>,
  address: { project: string; queue: string },
  browse: Browse,
): Listed {
  const href = (place: Partial<Browse>) => {
    const anywhere = { at: null, end: false, after: null, before: null, follow: false };
    return browseHref(address, { ...browse, ...anywhere, ...place });
  };
  const newest = browse.order === "newest";
  const begun = browse.at !== null || browse.end || browse.after !== null || browse.before !== null;
  const first = begun ? href({}) : null;
  if (queue.messages) {
    const { nodes, pageInfo } = queue.messages;
    const { hasNextPage, endCursor, hasPreviousPage, startCursor } = pageInfo;
    const newer = hasNextPage && endCursor !== null ? href({ after: endCursor }) : null;
    const older = hasPreviousPage && startCursor !== null ? href({ before: startCursor }) : null;
    const [previous, next] = newest ? [newer, older] : [older, newer];
    return {
      nodes: newest ? nodes.toReversed() : [...nodes],
      links: { first, previous, next, last: next === null ? null : href({ end: true }) },
    };
  }
  const nodes = [...(queue.messageSearch?.nodes ?? [])];
  const markerAt = (index: number) => nodes.at(index)?.marker;
  const to = (marker: string | undefined, step: -1 | 1) =>
    marker === undefined ? null : href(beside(browse, marker, step).browse);
  const isLast = queue.messageSearch?.done !== false;
  return {
    nodes,
    links: {
      first,
      previous: to(markerAt(0), -1),
      next: isLast ? null : to(markerAt(-1), 1),
      last: isLast ? null : href({ end: true }),
    },
  };
}
