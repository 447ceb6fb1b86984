/** Reads the messages of many queues in one statement: a page of each, or some of each by their ids. */
import { type BatchReads, carriedBytes } from "../../data-driver.ts";
import { numberRange, pageOfAll, validUuids } from "../../list-pages.ts";
import { ASKED, ASKED_COLUMNS, type AskedRow, asked, askedQueues, resultsOf } from "../asked-queues.ts";
import type { Pool } from "../pool.ts";
import { int8Array, uuidArray } from "../sql/array-parameter.ts";
import { CLOCK } from "../sql/fragments.ts";
import { bool, int8, orNull, text } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import { BY_ID, IS_IT, pagedMessages } from "./list.ts";
import {
  type MaybeMessageRow,
  MESSAGE_COLUMNS,
  type MessageRow,
  readMessage,
  readMessages,
  sizeOf,
  upTo,
} from "./rows.ts";

/**
 * The rows of `batch`, which have `n`, `body` and `headers`, up to the request whose messages would pass `:maxBytes`
 * together with those of the requests before it.
 */
export const requestsThatFit = (batch: string) => `
    WITH ${CLOCK}
    SELECT r.* FROM (
      SELECT b.*, coalesce(sum(${sizeOf("b")}) OVER (ORDER BY b.n), 0) AS carried FROM (${batch}) AS b
    ) AS r WHERE r.carried <= :maxBytes::bigint ORDER BY r.n, r.position`;

const PAGE = {
  ...ASKED,
  exhaustedFrom: int8Array,
  from: int8,
  includeClaimed: bool,
  includeDelayed: bool,
  exceptClientId: orNull(text),
  limit: int8,
  pageBytes: int8,
  maxBytes: int8,
} as const;

const pagesStatement = (direction: "forward" | "backward") =>
  statement({
    name: `message_batch_${direction}`,
    parameters: PAGE,
    row: rowOf<AskedRow & ((MessageRow & { more: boolean }) | { marker: null })>(),
    text: requestsThatFit(`
      SELECT ${ASKED_COLUMNS}, found.* FROM ${askedQueues({ exhausted_from: ":exhaustedFrom::bigint[]" })}
      LEFT JOIN LATERAL (
        SELECT ${MESSAGE_COLUMNS}, m.more, m.position FROM ${upTo(
          pagedMessages(direction, "a.exhausted_from"),
          ":pageBytes::bigint",
        )} AS m WHERE m.position <= :limit::bigint
      ) AS found ON true`),
  });

const PAGES = { forward: pagesStatement("forward"), backward: pagesStatement("backward") };

const BY_IDS = statement({
  name: "message_batch_by_id",
  parameters: { ...ASKED, ids: uuidArray, markers: int8Array, pageBytes: int8, maxBytes: int8 },
  row: rowOf<AskedRow & MaybeMessageRow>(),
  text: requestsThatFit(`
    SELECT ${ASKED_COLUMNS}, found.* FROM ${askedQueues()}
    LEFT JOIN LATERAL (
      SELECT ${MESSAGE_COLUMNS}, m.position FROM ${upTo(
        `SELECT m.* FROM unnest(:ids::uuid[], :markers::bigint[]) WITH ORDINALITY AS w(id, marker, n)
         CROSS JOIN LATERAL (${BY_ID}) AS m
         WHERE ${IS_IT} ORDER BY w.n`,
        ":pageBytes::bigint",
      )} AS m
    ) AS found ON true`),
});

/**
 * The statement finds the queues' rows itself. So it costs the same whether this process knows them or not; one that
 * looks them up first would be a statement for each.
 */
export function messagesOfMany({ statements, queues: known, ids, exhaustedFronts }: Pool): BatchReads["messages"] {
  return async ({ queues, page, ...params }) => {
    if (queues.length === 0) return [];
    const { includeClaimed = false, includeDelayed = false, includeExhausted = false } = params;
    const countOf = (index: number) => (includeExhausted ? null : (queues[index]?.exhaustedFrom ?? null));
    // What is claimed or delayed at the front of the queue is not exhausted. Only fronts that are known already count:
    // to look for them would be a statement for each queue.
    const skipFrom = (index: number) => (includeClaimed || includeDelayed ? null : countOf(index));
    const { direction, from } = numberRange(page);
    const rows = await statements.read(PAGES[direction], {
      ...asked(known, queues, (row, index) => exhaustedFronts.startOf(row, skipFrom(index))),
      exhaustedFrom: queues.map((_, index) => countOf(index)),
      from,
      includeClaimed,
      includeDelayed,
      exceptClientId: params.exceptClientId ?? null,
      limit: page.limit,
      pageBytes: carriedBytes(params.pageBytes),
      maxBytes: carriedBytes(params.maxBytes),
    });
    return resultsOf(known, queues, rows, (found) => {
      const there = found.filter((row) => row.marker !== null);
      const messages = there.map((row) => readMessage(row, ids));
      return pageOfAll(messages, there.at(-1)?.more ?? false, page, ({ marker }) => marker);
    });
  };
}

export function messagesOfManyById({ statements, queues: known, ids }: Pool): BatchReads["messagesById"] {
  return async ({ queues, ids: wanted, pageBytes, maxBytes }) => {
    if (queues.length === 0) return [];
    const valid = [...new Set(validUuids(wanted))];
    const rows = await statements.read(BY_IDS, {
      ...asked(known, queues),
      ids: valid,
      markers: valid.map((id) => ids.markerOf(id)),
      pageBytes: carriedBytes(pageBytes),
      maxBytes: carriedBytes(maxBytes),
    });
    return resultsOf(known, queues, rows, (found) => readMessages(found, ids));
  };
}
