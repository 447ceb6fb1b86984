/** Reads the claims of many queues in one statement: a page of each queue's, or many claims with their messages. */
import { type BatchReads, carriedBytes, type QueueClaim } from "../../data-driver.ts";
import { normaliseUuid, numberMarker, pageOf, uuidRange } from "../../list-pages.ts";
import { ASKED, ASKED_COLUMNS, type AskedRow, asked, askedQueues, resultsOf } from "../asked-queues.ts";
import { requestsThatFit } from "../messages/batch.ts";
import { type MaybeMessageRow, MESSAGE_COLUMNS, readMessages, upTo } from "../messages/rows.ts";
import type { Pool } from "../pool.ts";
import { uuidArray } from "../sql/array-parameter.ts";
import { CLOCK } from "../sql/fragments.ts";
import { int8, uuid } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import { CLAIM_FIELDS, type ClaimFields, claimOf, pagedClaims } from "./get.ts";
import { type ClaimRow, claimDoesNotExist, HELD, readClaim } from "./rows.ts";

const pagesStatement = (direction: "forward" | "backward") =>
  statement({
    name: `claim_batch_${direction}`,
    parameters: { ...ASKED, from: uuid, limit: int8 },
    row: rowOf<AskedRow & (ClaimRow | { id: null })>(),
    text: `
      WITH ${CLOCK}
      SELECT ${ASKED_COLUMNS}, found.* FROM ${askedQueues()}
      LEFT JOIN LATERAL (${pagedClaims(direction)}) AS found ON true
      ORDER BY a.n, found.id ${direction === "forward" ? "ASC" : "DESC"}`,
  });

const PAGES = { forward: pagesStatement("forward"), backward: pagesStatement("backward") };

const BY_IDS = statement({
  name: "claim_batch_by_id",
  parameters: { ...ASKED, claimIds: uuidArray, after: int8, pageBytes: int8, maxBytes: int8 },
  row: rowOf<AskedRow & ClaimFields & MaybeMessageRow>(),
  text: requestsThatFit(`
    SELECT ${ASKED_COLUMNS}, ${CLAIM_FIELDS}, found.* FROM ${askedQueues({ claim_id: ":claimIds::uuid[]" })}
    LEFT JOIN LATERAL (
      SELECT c.*, (SELECT count(*)::int FROM ${HELD}) AS held FROM claims c
      WHERE c.queue_id = q.id AND c.id = a.claim_id
    ) AS c ON c.held > 0
    LEFT JOIN LATERAL (
      SELECT ${MESSAGE_COLUMNS}, m.position FROM ${upTo(
        `SELECT m.* FROM ${HELD} WHERE m.marker > :after ORDER BY m.marker`,
        ":pageBytes::bigint",
      )} AS m
    ) AS found ON true`),
});

export function claimsOfMany({ statements, queues: known }: Pool): BatchReads["claims"] {
  return async ({ queues, page }) => {
    if (queues.length === 0) return [];
    const { direction, from } = uuidRange(page);
    const rows = await statements.read(PAGES[direction], {
      ...asked(known, queues),
      from,
      limit: page.limit + 1,
    });
    const results = resultsOf(known, queues, rows, (found) =>
      pageOf(found.filter((row) => row.id !== null).map(readClaim), page, ({ id }) => id),
    );
    // Each queue has a row, whether it has claims or not.
    return results.filter((result) => result !== null);
  };
}

export function claimsOfManyById({ statements, queues: known, ids }: Pool): BatchReads["claimsById"] {
  return async ({ claims, after = "0", pageBytes, maxBytes }) => {
    if (claims.length === 0) return [];
    const rows = await statements.read(BY_IDS, {
      ...asked(known, claims),
      claimIds: claims.map(({ claimId }) => normaliseUuid(claimId)),
      after: numberMarker(after),
      pageBytes: carriedBytes(pageBytes),
      maxBytes: carriedBytes(maxBytes),
    });
    return resultsOf(known, claims, rows, (found, index) => {
      const claim = claimOf(found[0]);
      const asking = claims[index] as QueueClaim;
      if (claim === null) return claimDoesNotExist({ queue: asking, id: asking.claimId });
      return { claim, messages: readMessages(found, ids) };
    });
  };
}
