/** Reads claims: one with its messages, and pages. */
import { DomainError } from "../../../errors.ts";
import { type Claim, type ClaimController, carriedBytes } from "../../data-driver.ts";
import { normaliseUuid, numberMarker, pageOf, uuidRange } from "../../list-pages.ts";
import { type MaybeMessageRow, MESSAGE_COLUMNS, readMessages, upTo } from "../messages/rows.ts";
import type { Pool } from "../pool.ts";
import { STALE } from "../queue-rows.ts";
import { CLOCK, LIVE_QUEUE, milliseconds } from "../sql/fragments.ts";
import { int8, orNull, uuid } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import type { Acquired } from "./acquire.ts";
import { CLAIM_COLUMNS, type ClaimRow, claimDoesNotExist, HELD, readClaim } from "./rows.ts";

const QUEUE = { queueId: int8, epoch: int8 } as const;

/** Beside a message's columns, some of which have the names of CLAIM_COLUMNS. */
export const CLAIM_FIELDS = `c.id::text AS "claimId", c.ttl_seconds::float8 AS "claimTtl",
      c.grace_seconds::float8 AS "claimGrace", c.client_id AS "claimClient", c.actor AS "claimActor",
      ${milliseconds("c.created_at")} AS "claimCreated", ${milliseconds("c.renewed_at")} AS "claimRenewed",
      ${milliseconds("c.expires_at")} AS "expiresAt", ${milliseconds("clock.now")} AS "readAt", c.held AS "claimHolds"`;

export interface ClaimFields {
  claimId: string | null;
  claimTtl: number;
  claimGrace: number;
  claimClient: string | null;
  claimActor: string | null;
  claimCreated: number;
  claimRenewed: number;
  expiresAt: number;
  claimHolds: number;
  readAt: number;
}

/**
 * No row: stale. One row without a claim: there is none, since a claim lives as long as it holds a message. Else the
 * claim beside each of its messages after a marker, in order, as many as the bytes allow; beside none, when none
 * follows.
 */
const GET = statement({
  name: "claim_get",
  parameters: { ...QUEUE, id: orNull(uuid), after: int8, maxBytes: int8 },
  row: rowOf<ClaimFields & MaybeMessageRow>(),
  text: `
    WITH ${CLOCK}
    SELECT found.*, ${CLAIM_FIELDS} FROM pool_queues q CROSS JOIN clock
    LEFT JOIN LATERAL (
      SELECT c.*, (SELECT count(*)::int FROM ${HELD}) AS held FROM claims c WHERE c.queue_id = q.id AND c.id = :id
    ) AS c ON c.held > 0
    LEFT JOIN LATERAL (
      SELECT ${MESSAGE_COLUMNS} FROM ${upTo(`SELECT m.* FROM ${HELD} WHERE m.marker > :after ORDER BY m.marker`)} AS m
    ) AS found ON true
    WHERE ${LIVE_QUEUE}`,
});

/** The claims of the queue `q` that a page has. */
export const pagedClaims = (direction: "forward" | "backward") => `
        SELECT ${CLAIM_COLUMNS}, held.messages AS held
        FROM claims c CROSS JOIN LATERAL (SELECT count(*)::int AS messages FROM ${HELD}) AS held
        WHERE c.queue_id = q.id AND c.id ${direction === "forward" ? ">" : "<"} :from::uuid AND c.expires_at > clock.now
          AND held.messages > 0
        ORDER BY c.id ${direction === "forward" ? "ASC" : "DESC"} LIMIT :limit`;

const listStatement = (direction: "forward" | "backward") =>
  statement({
    name: `claim_list_${direction}`,
    parameters: { ...QUEUE, from: uuid, limit: int8 },
    row: rowOf<ClaimRow | { id: null }>(),
    text: `
      WITH ${CLOCK}
      SELECT found.* FROM pool_queues q CROSS JOIN clock
      LEFT JOIN LATERAL (${pagedClaims(direction)}) AS found ON true
      WHERE ${LIVE_QUEUE}`,
  });

const LIST = { forward: listStatement("forward"), backward: listStatement("backward") };

export function getClaim({ statements, queues, ids }: Pool): ClaimController["get"] {
  return async (params) => {
    const id = normaliseUuid(params.id);
    const after = numberMarker(params.after ?? "0");
    return queues.with(params.queue, async (row) => {
      const rows = await statements.read(GET, {
        queueId: row.id,
        epoch: row.epoch,
        id,
        after,
        maxBytes: carriedBytes(params.maxBytes),
      });
      const [first] = rows;
      if (first === undefined) return STALE;
      const claim = claimOf(first);
      if (claim === null) throw claimDoesNotExist(params);
      return { claim, messages: readMessages(rows, ids) };
    });
  };
}

/** The claim of a row; null when it has none. */
export function claimOf(row: ClaimFields): Claim | null {
  if (row.claimId === null) return null;
  return readClaim({
    id: row.claimId,
    ttl: row.claimTtl,
    grace: row.claimGrace,
    client: row.claimClient,
    actor: row.claimActor,
    created: row.claimCreated,
    renewed: row.claimRenewed,
    expires: row.expiresAt,
    now: row.readAt,
    held: row.claimHolds,
  });
}

/** A claim as a repeated call acquired it, with the messages that it still holds; null when it is no longer live. */
export async function resumeClaim(
  get: ClaimController["get"],
  params: Parameters<ClaimController["get"]>[0],
): Promise<Acquired | null> {
  try {
    const { claim, messages } = await get(params);
    return { claimId: params.id, claim, messages, deadLetters: [] };
  } catch (error) {
    if (error instanceof DomainError && error.code === "CLAIM_DOES_NOT_EXIST") return null;
    throw error;
  }
}

export function listClaims({ statements, queues }: Pool): ClaimController["list"] {
  return async ({ queue, page }) => {
    const { direction, from } = uuidRange(page);
    return queues.with(queue, async (row) => {
      const rows = await statements.read(LIST[direction], {
        queueId: row.id,
        epoch: row.epoch,
        from,
        limit: page.limit + 1,
      });
      if (rows.length === 0) return STALE;
      const found = rows.filter((claim) => claim.id !== null);
      return pageOf(found.map(readClaim), page, ({ id }) => id);
    });
  };
}
