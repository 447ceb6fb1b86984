/** Deletes messages by id. Deletes that are in flight together share a statement. */
import type { DomainError } from "../../../errors.ts";
import type { MessageController } from "../../data-driver.ts";
import {
  anotherClaimHolds,
  claimDoesNotExist,
  messageIsClaimed,
  messageIsNotClaimed,
  messagesAreClaimed,
  messagesAreNotHeld,
} from "../../errors/delete-errors.ts";
import { NIL, validUuids } from "../../list-pages.ts";
import { HELD } from "../claims/rows.ts";
import type { Pool } from "../pool.ts";
import { type QueueRow, STALE } from "../queue-rows.ts";
import { int4Array, int8Array, textArray, uuidArray } from "../sql/array-parameter.ts";
import { BatchExecutor } from "../sql/batch-executor.ts";
import { allOrNothing, CLOCK, LIVE_QUEUE, liveQueues, NOW } from "../sql/fragments.ts";
import { int4, int8, uuid } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import { type Deletion, FOR_GOOD, KEPT } from "../undo/deleted-messages.ts";
import { DELETE_UNHELD, DELETE_UNHELD_KEPT } from "./delete-unheld.ts";
import { byNumber } from "./markers.ts";
import { isNamed, sortedByMarker } from "./named.ts";

const DELETE_LIMITS = {
  concurrency: 2,
  maxRequests: 500,
  maxWeight: 2000,
  splitThreshold: 32,
  serializePerPartition: false,
};

/** What a request may delete: anything; what no claim holds; what the claims given hold. */
const MODE = { any: 0, unclaimed: 1, held: 2 } as const;

/** The verdict on a message. All but the first refuse the whole request, which reports the highest. */
const VERDICTS = ["delete", "claimed", "unclaimed", "other"] as const;
const VERDICT = { delete: 0, claimed: 1, unclaimed: 2, other: 3 } as const satisfies Record<
  (typeof VERDICTS)[number],
  number
>;

/** How the statement gets what belongs to a queue or a request. */
interface Variant {
  queue: string;
  /** A column of the queue that the wanted message `w` is in. */
  queueColumn: (column: "id" | "low_water" | "holds_moved") => string;
  mode: string;
  /** Whether a claim of the request holds the message. */
  held: string;
  /** The queue of a wanted message, as a column of `w`. */
  wantedQueue: string;
}

const GENERAL: Variant = {
  queue: `
      SELECT array_agg(coalesce(q.id, 0) ORDER BY w.n) AS id,
        array_agg(coalesce(q.low_water, 0) ORDER BY w.n) AS low_water,
        array_agg(q.holds_moved ORDER BY w.n) AS holds_moved, array_to_string(array_agg(q.id), ',') AS live,
        ${NOW} AS now
      FROM ${liveQueues("q.id, q.low_water, q.holds_moved", "LEFT")}`,
  queueColumn: (column) => `queue.${column}[w.queue]`,
  mode: "(:modes::int[])[w.request]",
  held: "m.claim_id = (:claimIds::uuid[])[w.request] OR m.claim_id = ANY (((:claimLists::text[])[w.request])::uuid[])",
  wantedQueue: "(:queues::int[])[(:requests::int[])[i.n]] AS queue,",
};

/**
 * For one queue whose requests have one mode and name one claim each at most, as most that come together do. Measured,
 * it saves the server a tenth.
 */
const UNIFORM: Variant = {
  queue: `
      SELECT q.id, q.low_water, q.holds_moved, q.id AS live, ${NOW} AS now
      FROM pool_queues q WHERE ${LIVE_QUEUE}`,
  queueColumn: (column) => `queue.${column}`,
  mode: ":mode::int",
  held: "m.claim_id = (:claimIds::uuid[])[w.request]",
  wantedQueue: "",
};

/**
 * The messages come sorted by queue and marker and are locked in that order, so that no two deletes deadlock. Each is
 * judged as it is once locked, which is what makes the claim's id a fencing token, and is then found by its `ctid`. A
 * request that meets a message that its mode refuses deletes nothing.
 */
const deleteText = (
  { queue, queueColumn, mode, held, wantedQueue }: Variant,
  { returning, after }: Deletion = FOR_GOOD,
) => `
    WITH queue AS MATERIALIZED (${queue}
    ),
    judged AS MATERIALIZED (
      SELECT w.request, count(*)::int AS messages, array_agg(m.tid) AS tids, max(m.verdict) AS verdict,
        count(*) FILTER (WHERE m.lapsed)::int AS lapsed,
        string_agg(w.id::text, ',') FILTER (WHERE m.verdict > ${VERDICT.delete}) AS refused
      FROM queue CROSS JOIN (
        SELECT (:requests::int[])[i.n] AS request, ${wantedQueue} i.id, (:markers::bigint[])[i.n] AS marker
        FROM unnest(:ids::uuid[]) WITH ORDINALITY AS i(id, n) OFFSET 0
      ) AS w CROSS JOIN LATERAL (
        SELECT m.ctid AS tid, m.claim_expires_at <= queue.now AS lapsed, CASE
            WHEN ${mode} = ${MODE.any} THEN ${VERDICT.delete}
            WHEN ${mode} = ${MODE.unclaimed}
            THEN CASE WHEN m.claim_expires_at > queue.now THEN ${VERDICT.claimed} ELSE ${VERDICT.delete} END
            WHEN (m.claim_expires_at > queue.now) IS NOT TRUE THEN ${VERDICT.unclaimed}
            WHEN ${held} THEN ${VERDICT.delete}
            ELSE ${VERDICT.other}
          END AS verdict
        FROM messages m
        WHERE ${isNamed(queueColumn)}
          AND m.marker > ${queueColumn("low_water")} AND (m.expires_at > queue.now) IS TRUE
        FOR UPDATE
      ) AS m
      GROUP BY w.request
    ),
    deleted AS (
      DELETE FROM messages m
      WHERE m.ctid = ANY (ARRAY(SELECT unnest(j.tids) FROM judged j WHERE j.verdict = ${VERDICT.delete})) RETURNING ${returning}
    )${after}
    SELECT queue.live, j.request, j.verdict, j.messages, j.lapsed, j.refused,
      ${allOrNothing(
        "SELECT count(*) FROM deleted",
        `SELECT coalesce(sum(j.messages), 0) FROM judged j WHERE j.verdict = ${VERDICT.delete}`,
      )}
    FROM queue LEFT JOIN judged j ON true`;

/**
 * One element for each message: `requests` (its request, from 1), `ids`, `markers`; one for each request: `claimIds`.
 */
const WANTED = { requests: int4Array, ids: uuidArray, markers: int8Array, claimIds: uuidArray } as const;

/**
 * `live`: ids of the queues that are as the caller knew them, with commas; null, or no row at all, when there is none.
 */
type JudgedRow = { live: string | null } & (
  | { request: number; verdict: number; messages: number; lapsed: number; refused: string | null }
  | { request: null }
);

const DELETE = statement({
  name: "message_delete",
  parameters: {
    ...WANTED,
    queueIds: int8Array,
    epochs: int8Array,
    modes: int4Array,
    claimLists: textArray,
    queues: int4Array,
  },
  row: rowOf<JudgedRow>(),
  text: deleteText(GENERAL),
});

const DELETE_UNIFORM = statement({
  name: "message_delete_uniform",
  parameters: { ...WANTED, queueId: int8, epoch: int8, mode: int4 },
  row: rowOf<JudgedRow>(),
  text: deleteText(UNIFORM),
});

/** Deletes so that it can be taken back. It goes alone. */
const DELETE_KEPT = statement({
  name: "message_delete_kept",
  parameters: { ...WANTED, queueId: int8, epoch: int8, mode: int4, undoToken: uuid },
  row: rowOf<JudgedRow>(),
  text: deleteText(UNIFORM, KEPT),
});

/** How the requests of one queue and one mode are sent. */
type SendUniform = (parameters: ParametersOfUniform) => Promise<JudgedRow[]>;
type ParametersOfUniform = Parameters<(typeof DELETE_UNIFORM)["valuesOf"]>[0];

/** A claim lives as long as it holds a message. */
const CLAIM_IS_LIVE = statement({
  name: "claim_is_live",
  parameters: { queueId: int8, claimIds: uuidArray },
  text: `WITH ${CLOCK}
    SELECT 1 FROM pool_queues q CROSS JOIN clock JOIN claims c ON c.queue_id = q.id CROSS JOIN LATERAL ${HELD}
    WHERE q.id = :queueId AND c.id = ANY (:claimIds::uuid[])
    LIMIT 1`,
});

interface DeleteRequest {
  row: QueueRow;
  mode: keyof typeof MODE;
  ids: readonly string[];
  claimIds: readonly string[];
}

type Refusal = Exclude<(typeof VERDICTS)[number], "delete">;

interface Deleted {
  deleted: number;
  /** Those of the deleted messages whose claim had expired, and was not counted yet. */
  lapsed: number;
}

interface DeleteResult extends Deleted {
  /** Null: the request was not refused. */
  refusal: Refusal | null;
  /** The messages that refuse the request. */
  refused: readonly string[];
}

/** A message that a request is about. */
interface WantedMessage {
  queueId: string;
  /** The number of the request in the batch, from 1. */
  request: number;
  id: string;
  /** Null when the id is not a sealed marker. */
  marker: string | null;
}

export class MessageDeleter {
  readonly #pool: Pool;
  readonly #executor: BatchExecutor<DeleteRequest, DeleteResult | typeof STALE>;

  constructor(pool: Pool) {
    this.#pool = pool;
    this.#executor = new BatchExecutor({
      ...DELETE_LIMITS,
      partitionKey: ({ row }) => row.id,
      namesOf: ({ ids }) => ids,
      run: (batch) => this.#delete(batch),
    });
  }

  readonly deleteOne: MessageController["delete"] = async ({ queue, id, claimId }) => {
    const claimIds = claimId === undefined ? [] : validUuids([claimId]);
    if (claimId !== undefined && claimIds.length === 0) throw claimDoesNotExist(id);
    const mode = claimId === undefined ? "unclaimed" : "held";
    return this.#pool.queues.with(queue, async (row) => {
      const result = await this.#submit({ row, mode, ids: validUuids([id]), claimIds });
      if (result === STALE) return STALE;
      if (result.refusal !== null) throw await this.#refusal(row, result.refusal, claimIds, id);
      return result.deleted > 0 ? "deleted" : "absent";
    });
  };

  readonly deleteMany: MessageController["bulkDelete"] = async (params) => {
    const ids = [...new Set(validUuids(params.ids))];
    const claimIds = validUuids(params.claimIds ?? []);
    const spares = params.claimIds === undefined && params.claimed === "spare";
    const mode = params.claimIds !== undefined ? "held" : params.claimed === "refuse" ? "unclaimed" : "any";
    return this.#pool.queues.with(params.queue, async (row) => {
      const request = { row, mode, ids, claimIds } as const;
      if (spares) return this.#deleteUnheld(request, params.undoToken);
      const result = await this.#submit(request, params.undoToken);
      if (result === STALE) return STALE;
      if (result.refusal !== null)
        throw mode === "unclaimed" ? messagesAreClaimed(result.refused) : messagesAreNotHeld(result.refused);
      return { deleted: result.deleted, left: [] };
    });
  };

  async #deleteUnheld(
    request: DeleteRequest,
    undoToken?: string,
  ): Promise<{ deleted: number; left: string[] } | typeof STALE> {
    const { row } = request;
    const { statements } = this.#pool;
    const parameters = { queueId: row.id, epoch: row.epoch, ...sortedByMarker(request.ids, this.#pool.ids) };
    const [result] =
      undoToken === undefined
        ? await statements.write(DELETE_UNHELD, parameters)
        : await statements.write(DELETE_UNHELD_KEPT, { ...parameters, undoToken });
    if (result === undefined) return STALE;
    this.#count(request, result);
    return { deleted: result.deleted, left: result.left?.split(",") ?? [] };
  }

  async #submit(request: DeleteRequest, undoToken?: string): Promise<DeleteResult | typeof STALE> {
    const { statements } = this.#pool;
    const alone = async (send: SendUniform) => (await this.#delete([request], send))[0] as DeleteResult | typeof STALE;
    const result =
      undoToken !== undefined
        ? await alone((parameters) => statements.write(DELETE_KEPT, { ...parameters, undoToken }))
        : await this.#executor.submit(request, request.ids.length + 1);
    if (result !== STALE) this.#count(request, result);
    return result;
  }

  #count({ row, claimIds }: DeleteRequest, { deleted, lapsed }: Deleted): void {
    if (deleted === 0) return;
    const { counters, lowWater, reaper } = this.#pool;
    counters.add(row.id, "deleted", deleted);
    counters.add(row.id, "lapsed", lapsed);
    lowWater.refresh(row, deleted);
    for (const claimId of claimIds) reaper.add(row.id, claimId);
  }

  async #delete(batch: readonly DeleteRequest[], send?: SendUniform): Promise<(DeleteResult | typeof STALE)[]> {
    const judged = await this.#judge(batch, send);
    const live = new Set(judged[0]?.live?.split(","));
    const results = batch.map(({ row }) =>
      live.has(row.id)
        ? { refusal: null as Refusal | null, refused: [] as readonly string[], deleted: 0, lapsed: 0 }
        : STALE,
    );
    for (const row of judged) {
      const result = row.request === null ? STALE : results[row.request - 1];
      if (row.request === null || result === STALE || result === undefined) continue;
      const verdict = VERDICTS[row.verdict] ?? "other";
      if (verdict === "delete") Object.assign(result, { deleted: row.messages, lapsed: row.lapsed });
      else Object.assign(result, { refusal: verdict, refused: row.refused?.split(",") ?? [] });
    }
    return results;
  }

  #judge(batch: readonly DeleteRequest[], send?: SendUniform): Promise<JudgedRow[]> {
    const { statements } = this.#pool;
    const rows = [...new Map(batch.map(({ row }) => [row.id, row])).values()];
    const messages = this.#wantedMessages(batch);
    const wanted = {
      requests: messages.map(({ request }) => request),
      ids: messages.map(({ id }) => id),
      markers: messages.map(({ marker }) => marker),
      claimIds: batch.map(({ claimIds }) => (claimIds.length === 1 ? (claimIds[0] as string) : NIL)),
    };
    const [row, another] = rows;
    const mode = MODE[batch[0]?.mode ?? "any"];
    const isUniform = batch.every((request) => MODE[request.mode] === mode && request.claimIds.length < 2);
    if (row !== undefined && another === undefined && isUniform) {
      const parameters = { ...wanted, queueId: row.id, epoch: row.epoch, mode };
      return send === undefined ? statements.write(DELETE_UNIFORM, parameters) : send(parameters);
    }
    const numberOfQueue = new Map(rows.map(({ id }, index) => [id, index + 1]));
    return statements.write(DELETE, {
      ...wanted,
      queueIds: rows.map(({ id }) => id),
      epochs: rows.map(({ epoch }) => epoch),
      modes: batch.map((request) => MODE[request.mode]),
      claimLists: batch.map(({ claimIds }) => (claimIds.length > 1 ? `{${claimIds.join(",")}}` : null)),
      queues: batch.map((request) => numberOfQueue.get(request.row.id) as number),
    });
  }

  /** Sorted by queue and marker; by id those from elsewhere, whose markers are not known here. */
  #wantedMessages(batch: readonly DeleteRequest[]): WantedMessage[] {
    const { ids: messageIds } = this.#pool;
    return batch
      .flatMap(({ row, ids }, index) =>
        ids.map((id) => ({ queueId: row.id, request: index + 1, id, marker: messageIds.markerOf(id) })),
      )
      .sort(
        (a, b) =>
          byNumber(a.queueId, b.queueId) ||
          byNumber(a.marker ?? "0", b.marker ?? "0") ||
          (a.id < b.id ? -1 : Number(a.id > b.id)),
      );
  }

  async #refusal(
    row: QueueRow,
    refusal: Refusal,
    claimIds: readonly string[],
    messageId: string,
  ): Promise<DomainError> {
    if (refusal === "claimed") return messageIsClaimed(messageId);
    if (refusal === "unclaimed") return messageIsNotClaimed(messageId);
    const live = await this.#pool.statements.read(CLAIM_IS_LIVE, { queueId: row.id, claimIds });
    return live.length > 0 ? anotherClaimHolds(messageId) : claimDoesNotExist(messageId);
  }
}
