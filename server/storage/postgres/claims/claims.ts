import { DomainError } from "../../../errors.ts";
import { type Claim, type ClaimController, carriedBytes, type Message } from "../../data-driver.ts";
import type { Page, PageRequest } from "../../list-pages.ts";
import { markerField, normaliseUuid, numberMarker, pageOf, uuidMarker } from "../../list-pages.ts";
import type { QueueRef } from "../../queue-ref.ts";
import type { Arrivals } from "../arrivals.ts";
import type { MessageIds } from "../messages/ids.ts";
import { ALIVE, MESSAGE_COLUMNS, type MessageRow, readMessage, upTo } from "../messages/rows.ts";
import type { Pool } from "../pool.ts";
import { type QueueRows, STALE } from "../queue-rows.ts";
import { allOrNothing, clockCte, milliseconds, type Statement, type Statements } from "../sql/statements.ts";
import { ClaimAcquirer, type Taken, type TakeParams } from "./acquire.ts";
import { ClaimRenewer } from "./renew.ts";
import { CLAIM_COLUMNS, type ClaimRow, claimDoesNotExist, HELD, readClaim } from "./rows.ts";
import type { ScanHints } from "./scan-hints.ts";

const QUEUE = "pool_queues q CROSS JOIN clock";
const QUEUE_IS = "q.id = $1 AND q.epoch = $2 AND q.state = 'live'";

const CLAIM_FIELDS = `c.id::text AS "claimId", c.ttl_seconds::float8 AS "claimTtl", c.grace_seconds::float8 AS "claimGrace", c.client_id AS "claimClient",
      c.actor AS "claimActor", ${milliseconds("c.created_at")} AS "claimCreated", ${milliseconds("c.renewed_at")} AS "claimRenewed",
      ${milliseconds("c.expires_at")} AS "reaper", ${milliseconds("clock.now")} AS "readAt", c.held AS "claimHolds"`;

/**
 * No row: stale. One row without a claim: no such claim, since a claim lives as long as it holds a message. Else the
 * claim beside each of its messages after a marker, in order, as many as the bytes allow; beside none, when none
 * follows.
 */
const GET: Statement = {
  name: "claim_get",
  text: `
    WITH ${clockCte(4)}
    SELECT found.*, ${CLAIM_FIELDS} FROM ${QUEUE}
    LEFT JOIN LATERAL (
      SELECT c.*, (SELECT count(*)::int FROM ${HELD}) AS held FROM claims c WHERE c.queue_id = q.id AND c.id = $3
    ) AS c ON c.held > 0
    LEFT JOIN LATERAL (
      SELECT ${MESSAGE_COLUMNS} FROM ${upTo("$6", `SELECT m.* FROM ${HELD} WHERE m.marker > $5 ORDER BY m.marker`)} AS m
    ) AS found ON true
    WHERE ${QUEUE_IS}`,
};

const listStatement = (direction: "forward" | "backward"): Statement => ({
  name: `claim_list_${direction}`,
  text: `
    WITH ${clockCte(5)}
    SELECT found.* FROM ${QUEUE}
    LEFT JOIN LATERAL (
      SELECT ${CLAIM_COLUMNS}, held.messages AS held
      FROM claims c CROSS JOIN LATERAL (SELECT count(*)::int AS messages FROM ${HELD}) AS held
      WHERE c.queue_id = q.id AND c.id ${direction === "forward" ? ">" : "<"} $3::uuid AND c.expires_at > clock.now AND held.messages > 0
      ORDER BY c.id ${direction === "forward" ? "ASC" : "DESC"} LIMIT $4
    ) AS found ON true
    WHERE ${QUEUE_IS}`,
});

const LIST = { forward: listStatement("forward"), backward: listStatement("backward") };

/** Messages are locked in the order of their markers, then the claim's row: so does every statement that locks both. */
const HELD_BY_CLAIM = `
    queue AS MATERIALIZED (SELECT q.id, q.low_water FROM pool_queues q WHERE ${QUEUE_IS}),
    held AS MATERIALIZED (
      SELECT m.place FROM clock CROSS JOIN (
        SELECT c.queue_id, c.id, t.marker, q.low_water FROM queue q CROSS JOIN LATERAL (
          SELECT c.queue_id, c.id, c.markers FROM claims c WHERE c.queue_id = q.id AND c.id = $3 LIMIT 1
        ) AS c CROSS JOIN LATERAL unnest(c.markers) AS t(marker)
        ORDER BY t.marker OFFSET 0
      ) AS c CROSS JOIN LATERAL (
        SELECT m.ctid AS place FROM messages m
        WHERE m.queue_id = c.queue_id AND m.marker = c.marker AND m.marker > c.low_water
          AND m.claim_id = c.id AND m.claim_expires_at > clock.now AND ${ALIVE}
        FOR UPDATE
      ) AS m
    )`;

const RELEASE: Statement = {
  name: "claim_release",
  text: `
    WITH ${clockCte(4)}, ${HELD_BY_CLAIM},
    freed AS (
      UPDATE messages m SET claim_id = NULL, claim_expires_at = NULL
      WHERE m.ctid = ANY (ARRAY(SELECT h.place FROM held h))
      RETURNING 1
    ),
    tally AS MATERIALIZED (SELECT count(*)::int AS messages FROM freed),
    released AS (
      DELETE FROM claims c WHERE c.queue_id = $1 AND c.id = $3 AND EXISTS (SELECT 1 FROM queue) AND (SELECT t.messages FROM tally t) >= 0
    )
    SELECT tally.messages AS freed, ${allOrNothing("SELECT t.messages FROM tally t", "SELECT count(*) FROM held")} FROM queue, tally`,
};

/** Claims on PostgreSQL. A claim is a row with the markers of what it took; what it still holds are the messages that carry its id. */
export class PostgresClaims implements ClaimController {
  readonly #statements: Statements;
  readonly #queues: QueueRows;
  readonly #ids: MessageIds;
  readonly #clock: { offsetMs: number };
  readonly #arrivals: Arrivals;
  readonly #starts: ScanHints;
  readonly #takes: ClaimAcquirer;
  readonly #renewals: ClaimRenewer;

  constructor(parts: Pool) {
    this.#statements = parts.statements;
    this.#queues = parts.queues;
    this.#ids = parts.ids;
    this.#clock = parts.clock;
    this.#arrivals = parts.arrivals;
    this.#starts = parts.scanHints;
    this.#takes = new ClaimAcquirer(parts);
    this.#renewals = new ClaimRenewer(parts);
  }

  create(params: TakeParams): Promise<Taken> {
    return this.#takes.take(params, async (claimId) => {
      try {
        const { claim, messages } = await this.get({ ...params, id: claimId });
        return { claimId, claim, messages, deadLetters: [] };
      } catch (error) {
        if (error instanceof DomainError && error.code === "CLAIM_DOES_NOT_EXIST") return null;
        throw error;
      }
    });
  }

  async get(params: {
    queue: QueueRef;
    id: string;
    after?: string;
    maxBytes?: number;
  }): Promise<{ claim: Claim; messages: Message[] }> {
    const id = normaliseUuid(params.id);
    const after = numberMarker(params.after ?? "0");
    return this.#queues.with(params.queue, async (row) => {
      const values = [row.id, row.epoch, id, this.#offset(), after, carriedBytes(params.maxBytes)];
      const rows = await this.#statements.read<HeldRow & (MessageRow | { marker: null })>(GET, values);
      const [first] = rows;
      if (first === undefined) return STALE;
      if (first.claimId === null) throw claimDoesNotExist(params);
      const messages = rows.filter((found) => found.marker !== null).map((found) => readMessage(found, this.#ids));
      const claim = readClaim({
        id: first.claimId,
        ttl: first.claimTtl,
        grace: first.claimGrace,
        client: first.claimClient,
        actor: first.claimActor,
        created: first.claimCreated,
        renewed: first.claimRenewed,
        expires: first.reaper,
        now: first.readAt,
        held: first.claimHolds,
      });
      return { claim, messages };
    });
  }

  async list(params: { queue: QueueRef; page: PageRequest }): Promise<Page<Claim>> {
    const { after, before, limit } = params.page;
    const backward = before !== undefined;
    const from = uuidMarker(before ?? after ?? NIL, markerField(params.page));
    return this.#queues.with(params.queue, async (row) => {
      const values = [row.id, row.epoch, from, limit + 1, this.#offset()];
      const rows = await this.#statements.read<ClaimRow | { id: null }>(
        LIST[backward ? "backward" : "forward"],
        values,
      );
      if (rows.length === 0) return STALE;
      const found = rows.filter((claim): claim is ClaimRow => claim.id !== null);
      return pageOf(found.map(readClaim), params.page, ({ id }) => id);
    });
  }

  update(params: { queue: QueueRef; id: string; ttlSeconds: number; graceSeconds: number }): Promise<Claim> {
    return this.#renewals.renew(params);
  }

  async delete(params: { queue: QueueRef; id: string }): Promise<void> {
    await this.#queues.with(params.queue, async (row) => {
      const values = [row.id, row.epoch, normaliseUuid(params.id), this.#offset()];
      const [released] = await this.#statements.write<{ freed: number }>(RELEASE, values);
      if (released === undefined) return STALE;
      this.#starts.reset(row);
      this.#arrivals.tell(params.queue, released.freed);
      return undefined;
    });
  }

  #offset(): number {
    return this.#clock.offsetMs / 1000;
  }
}

const NIL = "00000000-0000-0000-0000-000000000000";

interface HeldRow {
  claimId: string | null;
  claimTtl: number;
  claimGrace: number;
  claimClient: string | null;
  claimActor: string | null;
  claimCreated: number;
  claimRenewed: number;
  reaper: number;
  claimHolds: number;
  readAt: number;
}
