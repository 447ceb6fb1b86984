import { DomainError } from "../../errors.ts";
import type { DeleteOutcome, QueueRef } from "../data-driver.ts";
import { type MessageIds, normaliseUuid } from "./message-id.ts";
import { ALIVE } from "./message-rows.ts";
import { type PoolQueue, type PoolQueues, STALE } from "./pool-queues.ts";
import type { QueueCounts } from "./queue-counts.ts";
import { StatementPipeline } from "./statement-pipeline.ts";
import { clockCte, type Statement, type Statements } from "./statements.ts";

const DELETE_LIMITS = { lanes: 2, maxRequests: 500, maxWeight: 2000 };

/**
 * Rows are locked in one order (queue, marker), so that no two deletes deadlock, and judged as they are once locked:
 * that is what makes the claim's id a fencing token. A request's `mode` is
 *   single: refused when claimed by another (or, without a claim, by anybody), or when a claim is given and it is free
 *   any:    takes what is there
 *   held:   refused as a whole when a message is not held by one of the claims given
 */
const DELETE: Statement = {
  name: "message_delete",
  text: `
    WITH ${clockCte(8)},
    request AS MATERIALIZED (
      SELECT r.n, r.queue_id, r.mode, r.claims::uuid[] AS claims, q.low_water
      FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) WITH ORDINALITY AS r(queue_id, epoch, mode, claims, n)
      JOIN pool_queues q ON q.id = r.queue_id AND q.epoch = r.epoch AND q.state = 'live'
    ),
    wanted AS MATERIALIZED (
      SELECT r.n, r.queue_id, r.mode, r.claims, r.low_water, w.id,
        coalesce((SELECT o.marker FROM messages o WHERE o.queue_id = r.queue_id AND o.origin_id = w.id), w.marker) AS marker
      FROM unnest($5::bigint[], $6::uuid[], $7::bigint[]) AS w(request, id, marker)
      JOIN request r ON r.n = w.request
    ),
    locked AS MATERIALIZED (
      SELECT w.n, w.mode, m.queue_id, m.marker, m.claim_id,
        m.claim_expires_at > clock.now AS claimed, m.claim_id = ANY (w.claims) AS held, w.claims IS NOT NULL AS claim_given
      FROM wanted w JOIN messages m ON m.queue_id = w.queue_id AND m.marker = w.marker, clock
      WHERE m.marker > w.low_water AND ${ALIVE} AND (m.origin_id IS NULL OR m.origin_id = w.id)
      ORDER BY m.queue_id, m.marker
      FOR UPDATE OF m
    ),
    judged AS MATERIALIZED (
      SELECT l.n, l.queue_id, l.marker,
        CASE
          WHEN l.mode = 'any' THEN 'delete'
          WHEN NOT l.claim_given THEN CASE WHEN l.claimed IS TRUE THEN 'claimed' ELSE 'delete' END
          WHEN l.claimed IS NOT TRUE THEN 'free'
          WHEN l.held IS TRUE THEN 'delete'
          ELSE 'other'
        END AS verdict
      FROM locked l
    ),
    refused AS MATERIALIZED (SELECT j.n, max(j.verdict) AS verdict FROM judged j WHERE j.verdict <> 'delete' GROUP BY j.n),
    deleted AS (
      DELETE FROM messages m USING judged j
      WHERE m.queue_id = j.queue_id AND m.marker = j.marker AND j.n NOT IN (SELECT f.n FROM refused f)
      RETURNING j.n
    )
    SELECT r.n::int AS request, f.verdict, (SELECT count(*)::int FROM deleted d WHERE d.n = r.n) AS deleted
    FROM request r LEFT JOIN refused f ON f.n = r.n`,
};

const CLAIM_IS_LIVE: Statement = {
  name: "claim_is_live",
  text: `WITH ${clockCte(3)}
    SELECT 1 FROM claims c, clock WHERE c.queue_id = $1 AND c.id = ANY ($2::uuid[]) AND c.expires_at > clock.now LIMIT 1`,
};

interface DeleteRequest {
  row: PoolQueue;
  mode: "single" | "any" | "held";
  ids: readonly string[];
  claimIds: readonly string[] | null;
}

interface DeleteResult {
  verdict: "claimed" | "free" | "other" | null;
  deleted: number;
}

/** Deletes by id; deletes that are in flight together share a statement. */
export class MessageDeletes {
  readonly #statements: Statements;
  readonly #queues: PoolQueues;
  readonly #counts: QueueCounts;
  readonly #ids: MessageIds;
  readonly #clock: { offsetMs: number };
  readonly #pipeline: StatementPipeline<DeleteRequest, DeleteResult | typeof STALE>;

  constructor(parts: {
    statements: Statements;
    queues: PoolQueues;
    counts: QueueCounts;
    ids: MessageIds;
    clock: { offsetMs: number };
  }) {
    this.#statements = parts.statements;
    this.#queues = parts.queues;
    this.#counts = parts.counts;
    this.#ids = parts.ids;
    this.#clock = parts.clock;
    this.#pipeline = new StatementPipeline({ ...DELETE_LIMITS, run: (batch) => this.#delete(batch) });
  }

  async deleteOne(params: { queue: QueueRef; id: string; claimId?: string }): Promise<DeleteOutcome> {
    const id = normaliseUuid(params.id);
    const given = params.claimId === undefined ? null : normaliseUuid(params.claimId);
    const claimIds = params.claimId === undefined ? null : given === null ? [] : [given];
    return this.#queues.with(params.queue, async (row) => {
      const request: DeleteRequest = { row, mode: "single", ids: id === null ? [] : [id], claimIds };
      const result = await this.#submit(request);
      if (result === STALE) return STALE;
      if (result.verdict !== null) throw await this.#refusal(row, result.verdict, claimIds, params.id);
      return result.deleted > 0 ? "deleted" : "absent";
    });
  }

  async deleteMany(params: { queue: QueueRef; ids: readonly string[]; claimIds?: readonly string[] }): Promise<number> {
    const ids = [...new Set(known(params.ids))];
    const claimIds = params.claimIds === undefined ? null : known(params.claimIds);
    return this.#queues.with(params.queue, async (row) => {
      const result = await this.#submit({ row, mode: claimIds === null ? "any" : "held", ids, claimIds });
      if (result === STALE) return STALE;
      if (result.verdict !== null) {
        throw new DomainError(
          "MESSAGE_NOT_CLAIMED_BY",
          "Not all of these messages are held by the claims given. Nothing was deleted.",
        );
      }
      return result.deleted;
    });
  }

  async #submit(request: DeleteRequest): Promise<DeleteResult | typeof STALE> {
    const result = await this.#pipeline.submit(request, request.ids.length + 1);
    if (result !== STALE) this.#counts.add(request.row.id, "deleted", result.deleted);
    return result;
  }

  async #delete(batch: readonly DeleteRequest[]): Promise<(DeleteResult | typeof STALE)[]> {
    const queueIds: string[] = [];
    const epochs: string[] = [];
    const modes: string[] = [];
    const claims: (string | null)[] = [];
    const requests: number[] = [];
    const ids: string[] = [];
    const markers: (string | null)[] = [];
    batch.forEach((request, index) => {
      queueIds.push(request.row.id);
      epochs.push(request.row.epoch);
      modes.push(request.mode);
      claims.push(request.claimIds === null ? null : `{${request.claimIds.join(",")}}`);
      for (const id of request.ids) {
        requests.push(index + 1);
        ids.push(id);
        markers.push(this.#ids.markerOf(id));
      }
    });
    const rows = await this.#statements.write<DeleteResult & { request: number }>(DELETE, [
      queueIds,
      epochs,
      modes,
      claims,
      requests,
      ids,
      markers,
      this.#clock.offsetMs / 1000,
    ]);
    const results: (DeleteResult | typeof STALE)[] = batch.map(() => STALE);
    for (const row of rows) results[row.request - 1] = row;
    return results;
  }

  async #refusal(
    row: PoolQueue,
    verdict: "claimed" | "free" | "other",
    claimIds: readonly string[] | null,
    messageId: string,
  ): Promise<DomainError> {
    const details = { messageId };
    if (verdict === "claimed") {
      return new DomainError(
        "MESSAGE_IS_CLAIMED",
        "This message is claimed; it cannot be deleted without a valid claim id.",
        { details },
      );
    }
    const live =
      claimIds !== null &&
      claimIds.length > 0 &&
      (await this.#statements.read(CLAIM_IS_LIVE, [row.id, claimIds, this.#clock.offsetMs / 1000])).length > 0;
    if (verdict === "other" && live) {
      return new DomainError("MESSAGE_NOT_CLAIMED_BY", "Another claim holds this message.", { details });
    }
    if (verdict === "free") {
      return new DomainError("MESSAGE_NOT_CLAIMED", "A claim was specified, but nobody holds this message now.", {
        details,
      });
    }
    return new DomainError("CLAIM_DOES_NOT_EXIST", "The specified claim does not exist or has expired.", { details });
  }
}

/** Those that are ids at all, in PostgreSQL's spelling. */
export function known(ids: readonly string[]): string[] {
  return ids.map(normaliseUuid).filter((id) => id !== null);
}
