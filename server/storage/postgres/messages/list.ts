/** Reads messages: pages, by id, and at a queue's ends. */
import { DomainError } from "../../../errors.ts";
import { carriedBytes, type Message, type MessageController } from "../../data-driver.ts";
import { numberRange, pageOfAll, validUuids } from "../../list-pages.ts";
import type { QueueRef } from "../../queue-ref.ts";
import type { Pool } from "../pool.ts";
import { type QueueRow, STALE } from "../queue-rows.ts";
import { int8Array, uuidArray } from "../sql/array-parameter.ts";
import { CLOCK, LIVE_QUEUE } from "../sql/fragments.ts";
import { bool, int8, orNull, text, uuid } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import {
  ALIVE,
  DUE,
  deliverable,
  type MaybeMessageRow,
  MESSAGE_COLUMNS,
  type MessageRow,
  readMessage,
  readMessages,
  UNCLAIMED,
  upTo,
} from "./rows.ts";

/** `lowWater`: a marker at or below which the caller knows that there is nothing to read. */
const QUEUE = { queueId: int8, epoch: int8, lowWater: int8 } as const;

/**
 * Selects `messages` of the queue `q`. No row at all: the caller's idea of the queue is stale. One row without a
 * message: there is none.
 */
export const readText = (messages: string) => `
    WITH ${CLOCK}
    SELECT found.* FROM (
      SELECT o.id, o.epoch, o.state, greatest(o.low_water, :lowWater::bigint) AS low_water FROM pool_queues o
    ) AS q CROSS JOIN clock
    LEFT JOIN LATERAL (${messages}) AS found ON true
    WHERE ${LIVE_QUEUE}`;

/**
 * The messages of the queue `q` that a page may have, and one more. `exhaustedFrom`: SQL for the count from which on
 * messages are exhausted, or null.
 */
export const pagedMessages = (direction: "forward" | "backward", exhaustedFrom: string) =>
  `SELECT m.* FROM messages m
         WHERE m.queue_id = q.id AND ${
           direction === "forward"
             ? "m.marker > greatest(q.low_water, :from::bigint)"
             : "m.marker > q.low_water AND m.marker < :from::bigint"
         }
           AND ${ALIVE} AND (:includeClaimed OR ${UNCLAIMED}) AND (:includeDelayed OR ${DUE})
           AND (:exceptClientId::text IS NULL OR m.client_id IS DISTINCT FROM :exceptClientId)
           AND (${deliverable(exhaustedFrom)} OR NOT ${UNCLAIMED} OR NOT ${DUE})
         ORDER BY m.marker ${direction === "forward" ? "ASC" : "DESC"} LIMIT :limit::bigint + 1`;

const listStatement = (direction: "forward" | "backward") =>
  statement({
    name: `message_list_${direction}`,
    parameters: {
      ...QUEUE,
      from: int8,
      includeClaimed: bool,
      includeDelayed: bool,
      exceptClientId: orNull(text),
      exhaustedFrom: orNull(int8),
      limit: int8,
      maxBytes: int8,
    },
    row: rowOf<(MessageRow & { more: boolean }) | { marker: null }>(),
    text: readText(
      `SELECT ${MESSAGE_COLUMNS}, m.more FROM ${upTo(pagedMessages(direction, ":exhaustedFrom::bigint"))} AS m
       WHERE m.position <= :limit::bigint`,
    ),
  });

const LIST = { forward: listStatement("forward"), backward: listStatement("backward") };
/** The message that `w` names: by its id where it came from elsewhere, else by the marker that its id is made of. */
export const BY_ID = `
     SELECT o.* FROM messages o WHERE o.queue_id = q.id AND o.marker =
       coalesce((SELECT o.marker FROM messages o WHERE o.queue_id = q.id AND o.origin_id = w.id), w.marker)
     LIMIT 1`;
export const IS_IT = `m.marker > q.low_water AND ${ALIVE} AND (m.origin_id IS NULL OR m.origin_id = w.id)`;

const GET = statement({
  name: "message_get",
  parameters: { ...QUEUE, id: uuid, marker: orNull(int8) },
  row: rowOf<MaybeMessageRow>(),
  text: readText(
    `SELECT ${MESSAGE_COLUMNS} FROM (SELECT :id::uuid AS id, :marker::bigint AS marker) AS w
     CROSS JOIN LATERAL (${BY_ID}) AS m WHERE ${IS_IT}`,
  ),
});

const BULK_GET = statement({
  name: "message_bulk_get",
  parameters: { ...QUEUE, ids: uuidArray, markers: int8Array, maxBytes: int8 },
  row: rowOf<MaybeMessageRow>(),
  text: readText(
    `SELECT ${MESSAGE_COLUMNS} FROM ${upTo(
      `SELECT m.* FROM unnest(:ids::uuid[], :markers::bigint[]) WITH ORDINALITY AS w(id, marker, n)
       CROSS JOIN LATERAL (${BY_ID}) AS m
       WHERE ${IS_IT} ORDER BY w.n`,
    )} AS m`,
  ),
});

const firstStatement = (sort: 1 | -1) =>
  statement({
    name: sort === 1 ? "message_oldest" : "message_newest",
    parameters: QUEUE,
    row: rowOf<MaybeMessageRow>(),
    text: readText(
      `SELECT ${MESSAGE_COLUMNS} FROM messages m
       WHERE m.queue_id = q.id AND m.marker > q.low_water AND ${ALIVE}
       ORDER BY m.marker ${sort === 1 ? "ASC" : "DESC"} LIMIT 1`,
    ),
  });

const FIRST = { 1: firstStatement(1), [-1]: firstStatement(-1) };

export class MessageReader {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  readonly list: MessageController["list"] = async (params) => {
    const { statements, ids, exhaustedFronts } = this.#pool;
    const { queue, page } = params;
    const { includeClaimed = false, includeDelayed = false, includeExhausted = false } = params;
    const exhaustedFrom = includeExhausted ? null : (params.exhaustedFrom ?? null);
    // What is claimed or delayed at the front of the queue is not exhausted.
    const skipFrom = includeClaimed || includeDelayed ? null : exhaustedFrom;
    const { direction, from } = numberRange(page);
    const terms = {
      from,
      includeClaimed,
      includeDelayed,
      exceptClientId: params.exceptClientId ?? null,
      exhaustedFrom,
      limit: page.limit,
      maxBytes: carriedBytes(params.maxBytes),
    };
    const rows = await this.#pool.queues.with(queue, async (row) => {
      const found = await statements.read(LIST[direction], {
        queueId: row.id,
        epoch: row.epoch,
        lowWater: exhaustedFronts.startOf(row, skipFrom),
        ...terms,
      });
      exhaustedFronts.refresh(row, skipFrom);
      return found.length === 0 ? STALE : found.filter((one) => one.marker !== null);
    });
    return pageOfAll(
      rows.map((row) => readMessage(row, ids)),
      rows.at(-1)?.more ?? false,
      page,
      ({ marker }) => marker,
    );
  };

  readonly get: MessageController["get"] = async (params) => {
    const [id] = validUuids([params.id]);
    const marker = id === undefined ? null : this.#pool.ids.markerOf(id);
    const [message] =
      id === undefined
        ? []
        : await this.#read(params.queue, (queue) => this.#pool.statements.read(GET, { ...queue, id, marker }));
    if (message === undefined) {
      throw new DomainError("MESSAGE_DOES_NOT_EXIST", "This message does not exist in this queue, or has expired.", {
        details: { queue: params.queue.name, messageId: params.id },
      });
    }
    return message;
  };

  readonly bulkGet: MessageController["bulkGet"] = (params) => {
    const ids = [...new Set(validUuids(params.ids))];
    const markers = ids.map((id) => this.#pool.ids.markerOf(id));
    const maxBytes = carriedBytes(params.maxBytes);
    return this.#read(params.queue, (queue) =>
      this.#pool.statements.read(BULK_GET, { ...queue, ids, markers, maxBytes }),
    );
  };

  readonly first: MessageController["first"] = async ({ queue, sort }) => {
    const [message] = await this.#read(queue, (known) => this.#pool.statements.read(FIRST[sort], known));
    if (message === undefined) {
      throw new DomainError("QUEUE_IS_EMPTY", `Queue ${queue.name} is empty.`, { details: { queue: queue.name } });
    }
    return message;
  };

  async #read(
    queue: QueueRef,
    read: (queue: { queueId: string; epoch: string; lowWater: string }) => Promise<MaybeMessageRow[]>,
  ): Promise<Message[]> {
    const rows = await this.#pool.queues.with(queue, async (row: QueueRow) => {
      const found = await read({ queueId: row.id, epoch: row.epoch, lowWater: row.lowWater });
      return found.length === 0 ? STALE : found;
    });
    return readMessages(rows, this.#pool.ids);
  }
}
