/** What removes messages: deletes, pops, purges, garbage collection. */
import { api, dataPlane, drivers, type Mutation, POSTGRES, REDIS } from "./mutation.ts";

export const DELETES: readonly Mutation[] = [
  {
    guarantee: "A pop deletes no message that does not fit into the answer",
    file: "server/graphql/http/answer-budget.ts",
    from: "if (granted < least) throw this.#tooLarge(least, NOTHING_TAKEN);",
    to: "",
    test: api("http/answer-size", "a pop takes only messages that the answer can hold, and returns all that it took"),
  },
  {
    guarantee: "A delete without claim ids spares claimed messages",
    file: `${POSTGRES}/messages/delete.ts`,
    from: 'params.claimed === "refuse" ? "unclaimed" : "any"',
    to: '"any"',
    test: drivers("a bulk delete that refuses claimed messages removes all or nothing, and names the claimed ones"),
  },
  {
    guarantee: "The claim id is a fencing token: after the claim expired it deletes nothing",
    file: `${POSTGRES}/messages/delete.ts`,
    from: "WHEN (m.claim_expires_at > queue.now) IS NOT TRUE THEN",
    to: "WHEN m.claim_id IS NULL THEN",
    test: drivers("a delete with the id of an expired claim removes nothing"),
  },
  {
    guarantee: "A purge removes all messages at once",
    file: `${POSTGRES}/messages/purge.ts`,
    from: "low_water = nextval('message_marker'), purged_at",
    to: "low_water = q.low_water, purged_at",
    test: drivers("a purge removes every message, claimed ones too, ends their claims and never reuses a marker"),
  },
  {
    guarantee: "gc deletes nothing that is visible",
    file: `${POSTGRES}/gc.ts`,
    from: "SELECT ctid AS tid FROM messages WHERE expires_at <=",
    to: "SELECT ctid AS tid FROM messages WHERE created_at <=",
    test: drivers("gc frees what has expired and nothing else"),
  },
  {
    guarantee: "Purging 1,000,000 messages takes under 50 ms",
    file: `${POSTGRES}/messages/purge.ts`,
    from: "forgotten AS (DELETE FROM queue_counts c USING entered e WHERE c.queue_id = e.id RETURNING c.*)",
    to: "emptied AS (DELETE FROM messages c USING entered e WHERE c.queue_id = e.id), forgotten AS (SELECT 0 AS posted, 0 AS deleted, 0 AS expired)",
    test: dataPlane("purging 1,000,000 messages takes under 50 ms, and deleting such a queue too"),
  },
  {
    guarantee: "On Redis the claim id is the fencing token",
    file: `${REDIS}/messages/delete.ts`,
    from: "held and not request.is_mine[claim] then verdict = 'other'",
    to: "false then verdict = 'other'",
    test: drivers("a delete with the id of an expired claim removes nothing"),
  },
  {
    guarantee: "A pop that is repeated with its idempotency key removes nothing",
    file: `${POSTGRES}/messages/pop.ts`,
    from: "SELECT q.id, :key, :request,",
    to: "SELECT q.id, :key || random(), :request,",
    test: drivers("a pop repeated with its idempotency key returns the same messages and removes no others"),
  },
  {
    guarantee: "A pop with an idempotency key takes nothing when there is no room for its answer",
    file: `${POSTGRES}/messages/pop.ts`,
    from: '" AND (SELECT k.room FROM kept k)"',
    to: '""',
    test: drivers(
      "a queue that keeps enough answers of pops refuses others with a key until one ends, and never one without",
    ),
  },
  {
    guarantee: "On Redis a pop that is repeated with its idempotency key removes nothing",
    file: `${REDIS}/messages/pop.ts`,
    from: "keep(idempotency_key, digest,",
    to: "keep(idempotency_key .. NOW, digest,",
    test: drivers("a pop repeated with its idempotency key returns the same messages and removes no others"),
  },
  {
    guarantee: "A purge before a marker spares all later messages",
    file: `${POSTGRES}/messages/purge.ts`,
    from: "least(:upTo::bigint, nextval('message_marker'))",
    to: "greatest(:upTo::bigint, nextval('message_marker'))",
    test: drivers(
      "a purge before a marker spares that message and all later ones, and removes earlier ones in every state",
    ),
  },
  {
    guarantee: "On Redis a purge that stopped between two steps goes on to the same marker",
    file: `${REDIS}/messages/purge.ts`,
    from: "up_to, removed = bound, tonumber(count)",
    to: "",
    test: {
      file: "test/guarantees/redis-faults.test.ts",
      name: "a purge of a queue's beginning that breaks off is finished by a repeat with its key, which spares later messages",
    },
  },
];
