/** Messages: posted, numbered, read. */
import { dataPlane, drivers, type Mutation, moves, POSTGRES, REDIS } from "./mutation.ts";

export const MESSAGES: readonly Mutation[] = [
  {
    guarantee: "A reader that pages by marker never misses a committed message",
    file: `${POSTGRES}/messages/insert.ts`,
    from: "SELECT q.id, pg_advisory_xact_lock(:lockSpace",
    to: "SELECT q.id, pg_advisory_xact_lock_shared(:lockSpace",
    test: dataPlane(
      "a post waits until an earlier post to its queue has committed, so that a reader by marker skips no message",
    ),
  },
  {
    guarantee: "A marker is never used twice, not even after a queue was deleted and created again",
    file: `${POSTGRES}/messages/insert.ts`,
    from: "nextval('message_marker') AS block,",
    to: "1::bigint AS block,",
    test: drivers(
      "a queue that is attached with a higher epoch is empty and never reuses a marker, and a lower epoch is refused",
    ),
  },
  {
    guarantee: "A marker is never used twice, not even after a standby took over without the last writes",
    file: `${POSTGRES}/timeline.ts`,
    from: "(isNew(seen) && seen.recorded !== null) ||",
    to: "",
    test: {
      file: "test/storage/postgres/timeline.test.ts",
      name: "a new timeline raises the markers once, and every process forgets what it has cached",
    },
  },
  {
    guarantee: "On Redis a marker is never used twice, not even after a queue was deleted and created again",
    file: `${REDIS}/messages/insert.ts`,
    from: "math.max((tonumber(last or 0)) + 1, now)",
    to: "redis.call('ZCARD', queue.order) + 1",
    test: drivers(
      "a queue that is attached with a higher epoch is empty and never reuses a marker, and a lower epoch is refused",
    ),
  },
  {
    guarantee: "A new connection can read the marker sequence while a move raises it",
    file: `${POSTGRES}/messages/marker-sequence.ts`,
    from: "ALTER SEQUENCE message_marker OWNED BY NONE",
    to: "ALTER SEQUENCE message_marker NO CYCLE",
    test: moves(
      "a move that raises the marker sequence leaves it in its file, since readers of the old one may find nothing",
    ),
  },
  {
    guarantee: "A repeated post is the same post, in whatever trace it is sent",
    file: "server/storage/idempotency.ts",
    from: "headersText(withoutTrace(headers))",
    to: "headersText(headers)",
    test: drivers("a repeat of another trace is the same post, and the message keeps the trace of the first"),
  },
  {
    guarantee: "A post that is repeated with its idempotency key adds nothing",
    file: `${POSTGRES}/messages/insert.ts`,
    from: "SELECT p.queue_id, :key, :request,",
    to: "SELECT p.queue_id, :key || random(), :request,",
    test: drivers("a post repeated with its idempotency key adds nothing and returns the first ids"),
  },
  {
    guarantee: "On Redis a post that is repeated with its idempotency key adds nothing",
    file: `${REDIS}/messages/insert.ts`,
    from: "keep(idempotency_key, digest,",
    to: "keep(idempotency_key .. NOW, digest,",
    test: drivers("a post repeated with its idempotency key adds nothing and returns the first ids"),
  },
  {
    guarantee: "Processes that post to the same queues meet no deadlock",
    file: `${POSTGRES}/messages/insert.ts`,
    from: "byNumber(a.id, b.id)",
    to: "Math.random() - 0.5",
    test: dataPlane("three processes posting to the same 50 queues in random order meet no deadlock and lose nothing"),
  },
  {
    guarantee: "A body is stored exactly as it was sent",
    file: `${POSTGRES}/messages/insert.ts`,
    from: "(:clientIds::text[])[(:clients::int[])[b.n]], b.body$",
    to: "(:clientIds::text[])[(:clients::int[])[b.n]], b.body::jsonb::text$",
    test: drivers("a body is kept exactly as it was sent"),
  },
  {
    guarantee: "A post keeps its headers, whatever it shares a statement with",
    file: `${POSTGRES}/messages/insert.ts`,
    from: "columns.headers?.push(headersText(message.headers));",
    to: "columns.headers?.push(headersText(batch[0]?.messages[0]?.headers));",
    test: drivers("messages with and without headers that are posted at the same time keep their own"),
  },
  {
    guarantee: "Limits in bytes count headers",
    file: `${POSTGRES}/messages/rows.ts`,
    from: "+ coalesce(octet_length(",
    to: "+ coalesce(0 * octet_length(",
    test: drivers("limits in bytes count headers as JSON, to the byte"),
  },
  {
    guarantee: "Expired messages are invisible at once",
    file: `${POSTGRES}/messages/rows.ts`,
    from: 'export const ALIVE = "(m.expires_at > clock.now) IS TRUE"',
    to: "export const ALIVE = \"m.expires_at > clock.now - interval '1 s'\"",
    test: drivers("an expired message is invisible at once, to every call"),
  },
  {
    guarantee: "On Redis expired messages are invisible at once",
    file: `${REDIS}/queue-lua.ts`,
    from: "if soonest <= now then",
    to: "if soonest <= now - 60000000 then",
    test: drivers("an expired message is invisible at once, to every call"),
  },
  {
    guarantee: "A delayed message is not delivered before its time",
    file: `${POSTGRES}/messages/rows.ts`,
    from: "m.available_at <= clock.now)",
    to: "m.available_at > clock.now)",
    test: drivers("a delayed message is neither listed, claimed nor popped before its time"),
  },
  {
    guarantee: "What an earlier version wrote into a pool on Redis is read as it was",
    file: `${REDIS}/messages/records.ts`,
    from: "client = word(client), count = count,",
    to: "client = client, count = count,",
    test: {
      file: "test/storage/redis/records.test.ts",
      name: "what an earlier version wrote reads as before, and can be claimed, renewed, released, transferred and deleted",
    },
  },
  {
    guarantee: "Of posts to many queues, one that fails stops no other",
    file: "server/operations/messages/many-posts.ts",
    from: 'if (error instanceof DomainError && error.code !== "INTERNAL") return { error: withDetails(error, names) };',
    to: "if (error instanceof DomainError) throw error;",
    test: {
      file: "test/operations/messages/many-posts.test.ts",
      name: "outcomes come in the order given, and a post that fails stops no other",
    },
  },
  {
    guarantee: "A search looks into bodies alone",
    file: `${REDIS}/messages/slices.ts`,
    from: "local first = #carried - size_of(carried) + 1",
    to: "local first = 1",
    test: drivers("finds a text in bodies as it was posted, and not in headers"),
  },
  {
    guarantee: "A search that goes on misses no message",
    file: `${POSTGRES}/messages/select.ts`,
    from: "selection.position = last.marker;",
    to: "selection.position = (BigInt(last.marker) + 1n).toString();",
    test: drivers("goes from either end, and on from where it ended, without gap or overlap"),
  },
];
