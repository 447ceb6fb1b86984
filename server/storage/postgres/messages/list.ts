import { DomainError } from "../../../errors.ts";
import { carriedBytes, type Message, type MessageController } from "../../data-driver.ts";
import type { Page } from "../../list-pages.ts";
import { markerField, numberMarker, pageOfAll, validUuids } from "../../list-pages.ts";
import type { QueueRef } from "../../queue-ref.ts";
import type { Pool } from "../pool.ts";
import { type QueueRows, STALE } from "../queue-rows.ts";
import { clockCte, type Statement, type Statements } from "../sql/statements.ts";
import type { ExhaustedFronts } from "./exhausted-fronts.ts";
import type { MessageIds } from "./ids.ts";
import { ALIVE, DUE, deliverable, FREE, MESSAGE_COLUMNS, type MessageRow, readMessage, upTo } from "./rows.ts";

/**
 * Reads begin at the queue's row: no row at all means that the caller's idea of it is stale, one row without a message
 * that nothing was found.
 */
const readStatement = (name: string, offset: number, messages: string): Statement => ({
  name,
  text: `
    WITH ${clockCte(offset)}
    SELECT found.* FROM (
      SELECT o.id, o.epoch, o.state, greatest(o.low_water, $3::bigint) AS floor FROM pool_queues o
    ) AS q CROSS JOIN clock
    LEFT JOIN LATERAL (${messages}) AS found ON true
    WHERE q.id = $1 AND q.epoch = $2 AND q.state = 'live'`,
});

const listStatement = (direction: "forward" | "backward") =>
  readStatement(
    `message_list_${direction}`,
    11,
    `SELECT ${MESSAGE_COLUMNS}, m.more FROM ${upTo(
      "$9",
      `SELECT m.* FROM messages m
       WHERE m.queue_id = q.id
         AND ${direction === "forward" ? "m.marker > greatest(q.floor, $4::bigint)" : "m.marker > q.floor AND m.marker < $4::bigint"}
         AND ${ALIVE} AND ($5 OR ${FREE}) AND ($6 OR ${DUE}) AND ($7::text IS NULL OR m.client_id IS DISTINCT FROM $7)
         AND (${deliverable("$10::bigint")} OR NOT ${FREE} OR NOT ${DUE})
       ORDER BY m.marker ${direction === "forward" ? "ASC" : "DESC"} LIMIT $8::bigint + 1`,
    )} AS m WHERE m.place <= $8::bigint`,
  );

const LIST = { forward: listStatement("forward"), backward: listStatement("backward") };

/** `w` has an id, and the marker that it is made of unless the message came from elsewhere. */
const BY_ID = `
     SELECT o.* FROM messages o WHERE o.queue_id = q.id AND o.marker =
       coalesce((SELECT o.marker FROM messages o WHERE o.queue_id = q.id AND o.origin_id = w.id), w.marker)
     LIMIT 1`;
const IS_IT = `m.marker > q.floor AND ${ALIVE} AND (m.origin_id IS NULL OR m.origin_id = w.id)`;

const GET = readStatement(
  "message_get",
  6,
  `SELECT ${MESSAGE_COLUMNS} FROM (SELECT $4::uuid AS id, $5::bigint AS marker) AS w CROSS JOIN LATERAL (${BY_ID}) AS m WHERE ${IS_IT}`,
);

const BULK_GET = readStatement(
  "message_bulk_get",
  7,
  `SELECT ${MESSAGE_COLUMNS} FROM ${upTo(
    "$6",
    `SELECT m.* FROM unnest($4::uuid[], $5::bigint[]) WITH ORDINALITY AS w(id, marker, n) CROSS JOIN LATERAL (${BY_ID}) AS m
     WHERE ${IS_IT} ORDER BY w.n`,
  )} AS m`,
);

const firstStatement = (sort: 1 | -1) =>
  readStatement(
    sort === 1 ? "message_oldest" : "message_newest",
    4,
    `SELECT ${MESSAGE_COLUMNS} FROM messages m
     WHERE m.queue_id = q.id AND m.marker > q.floor AND ${ALIVE}
     ORDER BY m.marker ${sort === 1 ? "ASC" : "DESC"} LIMIT 1`,
  );

const FIRST = { 1: firstStatement(1), [-1]: firstStatement(-1) };

/** Reads messages: pages, by id, and at a queue's ends. */
export class MessageReads implements Pick<MessageController, "list" | "get" | "bulkGet" | "first"> {
  readonly #statements: Statements;
  readonly #queues: QueueRows;
  readonly #ids: MessageIds;
  readonly #clock: { offsetMs: number };
  readonly #fronts: ExhaustedFronts;

  constructor({ statements, queues, ids, clock, fronts }: Pool) {
    this.#statements = statements;
    this.#queues = queues;
    this.#ids = ids;
    this.#clock = clock;
    this.#fronts = fronts;
  }

  async list(params: Parameters<MessageController["list"]>[0]): Promise<Page<Message>> {
    const { after, before, limit } = params.page;
    const { includeClaimed = false, includeDelayed = false, includeExhausted = false } = params;
    const exhaustedFrom = includeExhausted ? null : (params.exhaustedFrom ?? null);
    const backward = before !== undefined;
    const from = numberMarker(before ?? after ?? "0", markerField(params.page));
    const rows = await this.#rows<MessageRow & { more: boolean }>(
      params.queue,
      LIST[backward ? "backward" : "forward"],
      [
        from,
        includeClaimed,
        includeDelayed,
        params.exceptClientId ?? null,
        limit,
        carriedBytes(params.maxBytes),
        exhaustedFrom,
      ],
      // What is claimed or delayed at the front is not exhausted.
      includeClaimed || includeDelayed ? null : exhaustedFrom,
    );
    const more = rows.at(-1)?.more ?? false;
    return pageOfAll(
      rows.map((row) => readMessage(row, this.#ids)),
      more,
      params.page,
      ({ marker }) => marker,
    );
  }

  async get(params: { queue: QueueRef; id: string }): Promise<Message> {
    const [id] = validUuids([params.id]);
    const [message] = id === undefined ? [] : await this.#read(params.queue, GET, [id, this.#ids.markerOf(id)]);
    if (message === undefined) {
      throw new DomainError("MESSAGE_DOES_NOT_EXIST", "This message does not exist in this queue, or has expired.", {
        details: { queue: params.queue.name, messageId: params.id },
      });
    }
    return message;
  }

  bulkGet(params: { queue: QueueRef; ids: readonly string[]; maxBytes?: number }): Promise<Message[]> {
    const ids = [...new Set(validUuids(params.ids))];
    const markers = ids.map((id) => this.#ids.markerOf(id));
    return this.#read(params.queue, BULK_GET, [ids, markers, carriedBytes(params.maxBytes)]);
  }

  async first(params: { queue: QueueRef; sort: 1 | -1 }): Promise<Message> {
    const [message] = await this.#read(params.queue, FIRST[params.sort], []);
    if (message === undefined) {
      throw new DomainError("QUEUE_IS_EMPTY", `Queue ${params.queue.name} is empty.`, {
        details: { queue: params.queue.name },
      });
    }
    return message;
  }

  async #read(queue: QueueRef, statement: Statement, values: readonly unknown[]): Promise<Message[]> {
    const rows = await this.#rows<MessageRow>(queue, statement, values);
    return rows.map((row) => readMessage(row, this.#ids));
  }

  /** `exhaustedFrom`: begins behind those at the front that were claimed as often. */
  #rows<Row extends MessageRow>(
    queue: QueueRef,
    statement: Statement,
    values: readonly unknown[],
    exhaustedFrom: number | null = null,
  ): Promise<Row[]> {
    return this.#queues.with(queue, async (row) => {
      const all = [row.id, row.epoch, this.#fronts.startOf(row, exhaustedFrom), ...values, this.#clock.offsetMs / 1000];
      const rows = await this.#statements.read<Row | { marker: null }>(statement, all);
      this.#fronts.refresh(row, exhaustedFrom);
      return rows.length === 0 ? STALE : rows.filter((found): found is Row => found.marker !== null);
    });
  }
}
