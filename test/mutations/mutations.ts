/**
 * The guarantees of the data plane and of key-value stores. Each has one line whose change breaks it, and the test that
 * must notice.
 */
export interface Mutation {
  guarantee: string;
  /** Path from the top of the project. */
  file: string;
  /** Stands in the file exactly once. */
  from: string;
  to: string;
  /** A test file, and the test's own name in it. */
  test: { file: string; name: string };
}

const drivers = (name: string) => ({ file: "test/conformance/drivers.test.ts", name });
const dataPlane = (name: string) => ({ file: "test/guarantees/data-plane.test.ts", name });
const control = (name: string) => ({ file: "test/conformance/control-drivers.test.ts", name });
const pooling = (file: string, name: string) => ({ file: `test/storage/pooling/${file}.test.ts`, name });
const postgres = (file: string, name: string) => ({ file: `test/storage/postgres/${file}.test.ts`, name });
const moves = (name: string) => ({ file: "test/guarantees/queue-moves.test.ts", name });
const jobs = (name: string) => ({ file: "test/operations/jobs.test.ts", name });
const movesOf = (name: string) => ({ file: "test/conformance/queue-moves.test.ts", name });
const api = (file: string, name: string) => ({ file: `test/graphql/${file}.test.ts`, name });
const rules = (name: string) => ({ file: "test/problems/queue-rules.test.ts", name });
const history = (file: string, name: string) => ({ file: `test/history/${file}.test.ts`, name });
const access = (name: string) => ({ file: "test/access/matrix.test.ts", name });
const tracing = (name: string) => ({ file: "test/tracing/tracing.test.ts", name });
const kvs = (name: string) => ({ file: "test/kvs/postgres.test.ts", name });

const POSTGRES = "server/storage/postgres";
const REDIS = "server/storage/redis";

export const MUTATIONS: readonly Mutation[] = [
  {
    guarantee: "A person who renews a claim does not say that its holder is at work",
    file: "server/operations/claims/write.ts",
    from: "access.isPerson === true ? null : holderOf(claim)",
    to: "holderOf(claim)",
    test: history("consumers", "are at work while they renew the claim of long work, but not while a person renews it"),
  },
  {
    guarantee: "A job on what one holder holds spares the others, on PostgreSQL",
    file: `${POSTGRES}/messages/slices.ts`,
    from: "AND coalesce(k.client_id, k.actor) = :holder",
    to: "",
    test: drivers("finds messages by who holds them, and by when their claims end"),
  },
  {
    guarantee: "A job on what one holder holds spares the others, on Redis",
    file: `${REDIS}/messages/slices.ts`,
    from: "claimed and (any_holder or holder_of(record.claim) == holder)",
    to: "claimed",
    test: drivers("finds messages by who holds them, and by when their claims end"),
  },
  {
    guarantee: "Histories take no more room than they may",
    file: "server/history/sample-budget.ts",
    from: "size.bytes <= share",
    to: "size.bytes > 0",
    test: history(
      "queue-samples",
      "lose the oldest of those that take most when all take too much, and histories of a usual resolution know",
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
    guarantee: "No post is too large because of its trace",
    file: "server/operations/input/message-headers.ts",
    from: " && grown <= room",
    to: "",
    test: tracing("a post as large as it may be is taken, with as many contexts as there is room for"),
  },
  {
    guarantee: "The trace of a delete leads to the post, whichever process gave the message out",
    file: "server/tracing/post-contexts.ts",
    from: "unknown.length > 0",
    to: "unknown.length < 0",
    test: tracing("a delete finds the post of a message that was claimed elsewhere"),
  },
  {
    guarantee: "A life on PostgreSQL says why a message was deleted, when a pop deleted it",
    file: `${POSTGRES}/messages/pop.ts`,
    from: 'deletes("popped")',
    to: '""',
    test: drivers("a life says how the message went: popped, deleted by nobody's claim, purged"),
  },
  {
    guarantee: "On PostgreSQL lives are written from the moment when a queue is told to keep them",
    file: `${POSTGRES}/lives/triggers.ts`,
    from: 'await follow(transaction, after.map(({ id }) => id).join(","));',
    to: "",
    test: postgres("lives", "the triggers exist while some queue keeps lives, also for processes of earlier versions"),
  },
  {
    guarantee: "On PostgreSQL the triggers of a queue end with the queue",
    file: `${POSTGRES}/lives/collect.ts`,
    from: "queues.filter(({ ended, keeps }) => ended && keeps)",
    to: "queues.filter(() => false)",
    test: postgres("lives", "a queue that is deleted ends its triggers, and gc frees its events"),
  },
  {
    guarantee: "What a queue on PostgreSQL kept is forgotten when it stops to keep lives",
    file: `${POSTGRES}/lives/lives.ts`,
    from: "e.at >= greatest(l.since, ",
    to: "e.at >= greatest(NULL, ",
    test: drivers("a queue keeps nothing until it is asked to, and forgets all when that ends"),
  },
  {
    guarantee: "A life on Redis tells that a claim lapsed",
    file: `${REDIS}/queue-lua.ts`,
    from: "if history and key == CLAIMED then tell_lapsed(ids) end",
    to: "",
    test: drivers("a claim that lapses and a message that expires are told at once, with their own times, and once"),
  },
  {
    guarantee: "Lives on Redis take a bounded part of the memory",
    file: `${REDIS}/lives/lua.ts`,
    from: "bytes = forget_lives(row, oldest)",
    to: "break",
    test: {
      file: "test/storage/redis/lives.test.ts",
      name: "lives take no more bytes than they may: those go whose last event is the oldest",
    },
  },
  {
    guarantee: "A queue that moves keeps lives in its new pool too",
    file: `${POSTGRES}/moves/target.ts`,
    from: "if (seconds > 0) await keepLives(",
    to: "if (seconds < 0) await keepLives(",
    test: movesOf("a queue that keeps lives goes on with that in the target, and leaves behind what it kept"),
  },
  {
    guarantee: "A queue whose _history_seconds changes keeps to it from the next call on",
    file: "server/operations/lifecycle/metadata-changes.ts",
    from: "if (seconds !== before.effective.historySeconds) await data.lives.keep({ queue, seconds });",
    to: "",
    test: api("messages", "a life goes on in the dead letter queue and back, and is told of messages that are gone"),
  },
  {
    guarantee: "A claim that found no room in its statement is sent again, and does not report an empty queue",
    file: `${POSTGRES}/claims/acquire.ts`,
    from: "if (bounded.has(index) && isEmpty(acquired)) return RESEND;",
    to: "",
    test: drivers("concurrent claims each get messages, in order, and none is told that the queue is empty"),
  },
  {
    guarantee: "A pop deletes no message that does not fit into the answer",
    file: "server/graphql/http/answer-budget.ts",
    from: "if (granted < least) throw this.#tooLarge(least, NOTHING_TAKEN);",
    to: "",
    test: api("http/answer-size", "a pop takes only messages that the answer can hold, and returns all that it took"),
  },
  {
    guarantee: "A client is not told to repeat a request of which a part may have happened",
    file: "server/errors.ts",
    from: '!errors.every(({ retry }) => retry === "SAFE")',
    to: '!errors.some(({ retry }) => retry === "SAFE")',
    test: api("http/errors", "an answer is not 503 when one of its writes may have happened"),
  },
  {
    guarantee: "A client is not told to repeat a mutation that succeeded",
    file: "server/graphql/http/mask-errors.ts",
    from: "const done = place.changes && (graphqlError?.path?.length ?? 0) > 1;",
    to: "const done = false;",
    test: api(
      "http/errors",
      "a part of the answer to a mutation that cannot be read asks nobody to repeat the mutation",
    ),
  },
  {
    guarantee: "A claim gives no message back that another claim holds",
    file: `${POSTGRES}/claims/release-messages.ts`,
    from: "m.claim_id = :claimId AS mine",
    to: "(m.claim_id = :claimId) IS NOT NULL AS mine",
    test: drivers("no message is released when another claim holds one of them, and the error names those"),
  },
  {
    guarantee: "On Redis a claim gives no message back that another claim holds",
    file: `${REDIS}/claims/release-messages.ts`,
    from: "if record.claim ~= claim then others[#others + 1] = some[index] end",
    to: "",
    test: drivers("no message is released when another claim holds one of them, and the error names those"),
  },
  {
    guarantee: "A stream of events continues after the last one that its client has",
    file: "server/graphql/live.ts",
    from: "position.lastEventId ?? args.after",
    to: "args.after",
    test: api(
      "http/events",
      "an EventSource whose stream ends opens it again where it was, also when it had got no message yet",
    ),
  },
  {
    guarantee: "A delete without claim ids spares claimed messages",
    file: `${POSTGRES}/messages/delete.ts`,
    from: 'params.claimed === "refuse" ? "unclaimed" : "any"',
    to: '"any"',
    test: drivers("a bulk delete that refuses claimed messages removes all or nothing, and names the claimed ones"),
  },
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
    guarantee: "A process forgets what it has cached of queues when the store has lost its last writes",
    file: `${POSTGRES}/data-driver.ts`,
    from: "timeline.forget = () => this.#pool.queues.forgetAll();",
    to: "",
    test: {
      file: "test/guarantees/lost-writes.test.ts",
      name: "reuses no id or number, and every process sees the queues as they are now",
    },
  },
  {
    guarantee: "When a server refuses another connection, callers wait for the open ones",
    file: `${POSTGRES}/sql/connection-pool.ts`,
    from: "if (this.#working() > 0) return this.#connect(caller);",
    to: "if (this.#working() > 0) return caller.connected(error, client, release);",
    test: {
      file: "test/guarantees/few-connections.test.ts",
      name: "a whole service answers every call, though its parts share the few connections",
    },
  },
  {
    guarantee: "A job that meets an unreachable pool continues when the pool is back",
    file: "server/jobs/patience.ts",
    from: "if (!isPassing(error)) {",
    to: "{",
    test: {
      file: "test/operations/patient-jobs.test.ts",
      name: "a move whose pool is unreachable waits, shows what it waits for, and continues when the pool is back",
    },
  },
  {
    guarantee: "A queue whose mover dies during the freeze can be used again within seconds",
    file: "server/operations/lifecycle/move-lease.ts",
    from: "this.#leaseSeconds = FROZEN_LEASE_SECONDS;",
    to: "",
    test: {
      file: "test/guarantees/killed-movers.test.ts",
      name: "a queue whose mover dies during the freeze can be used again after two seconds",
    },
  },
  {
    guarantee: "A claim reports an empty queue only after it looked everywhere",
    file: `${POSTGRES}/claims/acquire.ts`,
    from: "if (!skipping || !isEmpty(acquired)",
    to: "if (skipping || !isEmpty(acquired)",
    test: {
      file: "test/guarantees/scan-hints.test.ts",
      name: "claims that find nothing else get at once what another process released in front",
    },
  },
  {
    guarantee: "A post that is repeated with its idempotency key adds nothing",
    file: `${POSTGRES}/messages/insert.ts`,
    from: "SELECT p.queue_id, :key, :request,",
    to: "SELECT p.queue_id, :key || random(), :request,",
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
    guarantee: "A request that is refused does not fail those that share its statement",
    file: `${POSTGRES}/sql/batch-executor.ts`,
    from: 'if (hasCode(error, "INTERNAL")) return',
    to: "if (false) return",
    test: {
      file: "test/storage/postgres/batch-executor.test.ts",
      name: "a refused request fails alone: those that shared its statement are tried again without it",
    },
  },
  {
    guarantee: "No queue's backlog keeps another queue's request waiting",
    file: `${POSTGRES}/sql/batch-executor.ts`,
    from: "[...this.#unansweredFirst(again, batch), ...this.#waiting]",
    to: "[...again, ...this.#waiting]",
    test: {
      file: "test/storage/postgres/batch-executor.test.ts",
      name: "requests that a statement left out are sent again, first those of queues that got no answer",
    },
  },
  {
    guarantee: "At most one live claim per message",
    file: `${POSTGRES}/claims/acquire-statement.ts`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of source text
    from: "AND ${DUE} AND ${UNCLAIMED}",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of source text
    to: "AND ${DUE}",
    test: drivers("twenty concurrent clients claim every message exactly once"),
  },
  {
    guarantee: "A claim gives messages in the queue's order",
    file: `${POSTGRES}/claims/acquire-statement.ts`,
    from: "ORDER BY m.marker LIMIT w.limit",
    to: "ORDER BY m.marker DESC LIMIT w.limit",
    test: drivers("a claim takes the oldest ready messages, in order, and holds them"),
  },
  {
    guarantee: "Messages of an expired claim are delivered again",
    file: `${POSTGRES}/messages/rows.ts`,
    from: "(m.claim_expires_at IS NULL OR m.claim_expires_at <= clock.now)",
    to: "(m.claim_expires_at IS NULL)",
    test: drivers("an expired claim releases its messages, and they are delivered again"),
  },
  {
    guarantee: "A claimed message lasts until its claim's end plus the grace",
    file: `${POSTGRES}/claims/acquire-statement.ts`,
    from: 'grace: () => ":graceSeconds::bigint"',
    to: 'grace: () => "0 * :graceSeconds::bigint"',
    test: drivers("a claim extends messages that would expire first to its own end plus the grace, and no others"),
  },
  {
    guarantee: "The claim id is a fencing token: after the claim expired it deletes nothing",
    file: `${POSTGRES}/messages/delete.ts`,
    from: "WHEN (m.claim_expires_at > queue.now) IS NOT TRUE THEN",
    to: "WHEN m.claim_id IS NULL THEN",
    test: drivers("a delete with the id of an expired claim removes nothing"),
  },
  {
    guarantee: "An expired claim neither renews nor releases what another claim holds",
    file: `${POSTGRES}/claims/renew.ts`,
    from: "AND m.claim_id = w.claim_id AND",
    to: "AND",
    test: drivers("renewing or releasing an expired claim does not touch messages that another claim holds by now"),
  },
  {
    guarantee: "A row that others change meanwhile is neither skipped nor reported as done",
    file: `${POSTGRES}/sql/fragments.ts`,
    from: "THEN 1 ELSE 0 END AS whole",
    to: "THEN 1 ELSE 1 END AS whole",
    test: {
      file: "test/guarantees/postgres-faults.test.ts",
      name: "a message that changes between a statement's snapshot and its lock is deleted, renewed and released all the same",
    },
  },
  {
    guarantee: "Expired messages are invisible at once",
    file: `${POSTGRES}/messages/rows.ts`,
    from: 'export const ALIVE = "(m.expires_at > clock.now) IS TRUE"',
    to: "export const ALIVE = \"m.expires_at > clock.now - interval '1 s'\"",
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
    guarantee: "A dead letter tells who had it last, not who moved it",
    file: `${POSTGRES}/claims/acquire-statement.ts`,
    from: "THEN m.last_holder\n",
    to: "THEN (:clientIds::text[])[p.request]\n",
    test: drivers(
      "a dead letter tells where it came from and who had it last; moving it back keeps that, the next time replaces it",
    ),
  },
  {
    guarantee: "On Redis a dead letter tells who had it last, not who moved it",
    file: `${REDIS}/messages/transfer.ts`,
    from: "local last = string.match(more, ' last=(%S+)') or record.claim",
    to: "local last = record.claim",
    test: drivers(
      "a dead letter tells where it came from and who had it last; moving it back keeps that, the next time replaces it",
    ),
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
    guarantee: "A purge removes all messages at once",
    file: `${POSTGRES}/messages/purge.ts`,
    from: "low_water = nextval('message_marker'), purged_at",
    to: "low_water = q.low_water, purged_at",
    test: drivers("a purge removes every message, claimed ones too, ends their claims and never reuses a marker"),
  },
  {
    guarantee: "Purging 1,000,000 messages takes under 50 ms",
    file: `${POSTGRES}/messages/purge.ts`,
    from: "forgotten AS (DELETE FROM queue_counts c USING entered e WHERE c.queue_id = e.id RETURNING c.*)",
    to: "emptied AS (DELETE FROM messages c USING entered e WHERE c.queue_id = e.id), forgotten AS (SELECT 0 AS posted, 0 AS deleted, 0 AS expired)",
    test: dataPlane("purging 1,000,000 messages takes under 50 ms, and deleting such a queue too"),
  },
  {
    guarantee: "gc deletes nothing that is visible",
    file: `${POSTGRES}/gc.ts`,
    from: "SELECT ctid AS tid FROM messages WHERE expires_at <=",
    to: "SELECT ctid AS tid FROM messages WHERE created_at <=",
    test: drivers("gc frees what has expired and nothing else"),
  },
  {
    guarantee: "A call with an old epoch reads and writes nothing",
    file: `${POSTGRES}/sql/fragments.ts`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of source text
    from: "AND q.epoch = ${epoch} AND q.state = 'live'",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of source text
    to: "AND q.epoch = ${epoch}",
    test: drivers("a call with an old epoch writes and reads nothing, even when its driver still caches the queue"),
  },
  {
    guarantee: "Projects and queues whose joined names are equal never mix",
    file: "server/storage/queue-ref.ts",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of source text
    from: "`${project.length}:${project}${name}`",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of source text
    to: "`${project}.${name}`",
    test: drivers("messages stay apart in queues whose project and name join to the same text"),
  },
  {
    guarantee: "Statistics of long queues are nearly exact",
    file: `${POSTGRES}/messages/counting.ts`,
    from: "=> growth > limit || total > limit;",
    to: "=> total > limit;",
    test: drivers("statistics of a long queue come from counters, nearly exact, and say that they are not exact"),
  },
  {
    guarantee: "A lapsed message is counted once",
    file: `${POSTGRES}/gc.ts`,
    from: "UPDATE messages m SET claim_expires_at = NULL WHERE",
    to: "UPDATE messages m SET claim_expires_at = m.claim_expires_at WHERE",
    test: drivers("count each message once whose claim expires, although nobody looks at it"),
  },
  {
    guarantee: "A lapsed message is counted by whoever claims it first",
    file: `${POSTGRES}/claims/acquire.ts`,
    from: 'if (row.lapsed) counters.add(request.row.id, "lapsed", 1);',
    to: "",
    test: drivers("count a lapsed message that is claimed, popped or deleted before anybody else looks"),
  },
  {
    guarantee: "A purge counts what it removed, and resets no total",
    file: `${POSTGRES}/messages/purge.ts`,
    from: 'counters.tally(row.id, "deleted", complete ? alive',
    to: 'counters.add(row.id, "expired", complete ? alive',
    test: drivers("a purge does not reset them, and counts what it removed as deleted"),
  },
  {
    guarantee: "A change is told of once",
    file: `${REDIS}/activity.ts`,
    from: "'(' .. after, '+inf', 'WITHSCORES'",
    to: "after, '+inf', 'WITHSCORES'",
    test: drivers("come once, from the mark of the answer before, whichever process used them"),
  },
  {
    guarantee: "A change that commits late is told of",
    file: `${POSTGRES}/activity.ts`,
    from: "await transaction.run(WAIT_FOR_CHANGES, {});",
    to: "",
    test: dataPlane("a change that commits after a later one is told of all the same"),
  },
  {
    guarantee: "A move takes the totals along",
    file: `${REDIS}/moves/target.ts`,
    from: "redis.call('HSET', ROW, kind, counts[index])",
    to: "redis.call('HSET', ROW, kind, 0)",
    test: movesOf("a move takes the totals along, and messages that lapsed before it are counted once"),
  },
  {
    guarantee: "No claim delivers an exhausted message",
    file: `${POSTGRES}/claims/acquire-statement.ts`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of source text
    from: 'AND ${deliverable("w.exhausted_from")}',
    to: "",
    test: drivers("each message has one state, on which statistics, lists, claims and pops agree"),
  },
  {
    guarantee: "A claimed message is not counted as delayed too",
    file: `${POSTGRES}/messages/counting.ts`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of source text
    from: "count(*) FILTER (WHERE ${UNCLAIMED} AND NOT ${DUE})",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of source text
    to: "count(*) FILTER (WHERE NOT ${DUE})",
    test: drivers("a message that was claimed before the clock went back counts as claimed, not as delayed"),
  },
  {
    guarantee: "A dead letter has neither a claim nor a count",
    file: `${POSTGRES}/messages/transfer.ts`,
    from: "claim_expires_at = NULL, claim_count = 0,",
    to: "claim_expires_at = NULL,",
    test: drivers(
      "a transfer moves what a claim holds to the end of another queue, under the same ids, with neither claim nor count",
    ),
  },
  {
    guarantee: "Nobody gets a message whose transfer to another store waits for hours",
    file: "server/storage/messages/transfer-steps.ts",
    from: "const HOLD_SECONDS = KEY_SECONDS;",
    to: "const HOLD_SECONDS = 600;",
    test: drivers(
      "a transfer between stores that is killed anywhere is finished by a repeat, and neither loses nor doubles a message",
    ),
  },
  {
    guarantee: "A copy that comes back while its original is held is not lost",
    file: `${REDIS}/messages/insert.ts`,
    from: "if record and read_record(record).part == 'x' then",
    to: "if false then",
    test: drivers(
      "a copy that would come back while its original is still held stays where it is, and comes once that is gone",
    ),
  },
  {
    guarantee: "A purge that is taken back brings back nothing that was moved on PostgreSQL",
    file: `${POSTGRES}/messages/remove-copied.ts`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of source text
    from: "(m.marker <= queue.low_water OR ${ALIVE})",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of source text
    to: "m.marker > queue.low_water AND ${ALIVE}",
    test: drivers(
      "messages that are removed in the middle of their transfer to another store are there once after an undo",
    ),
  },
  {
    guarantee: "A purge that is taken back brings back nothing that was moved on Redis",
    file: `${REDIS}/messages/remove-copied.ts`,
    from: "if #missing > 0 then",
    to: "if false then",
    test: drivers(
      "messages that are removed in the middle of their transfer to another store are there once after an undo",
    ),
  },
  {
    guarantee: "An expired subscription does not stand in the way of a new one",
    file: `${POSTGRES}/subscriptions/subscriptions.ts`,
    from: "WHERE s.expires_at <= (SELECT now FROM clock)",
    to: "WHERE false",
    test: drivers("an expired subscription does not stand in the way of a new one of the same subscriber"),
  },
  {
    guarantee: "The control plane loses no change of a queue's metadata",
    file: `${POSTGRES}/control/queues.ts`,
    from: " FOR UPDATE`;",
    to: "`;",
    test: control("loses none of many concurrent changes to the metadata of one queue"),
  },
  {
    guarantee: "A filtered list has only queues that meet every condition, and each once",
    file: `${POSTGRES}/control/queue-lists.ts`,
    from: "Prisma.sql`f.flavor = facets.flavor`,",
    to: "",
    test: control("find by pool, flavor, use as a dead letter queue and beginning of the name, in any combination"),
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
    guarantee: "The control plane deletes no pool while a queue is being placed in it",
    file: `${POSTGRES}/control/catalogue.ts`,
    from: " FOR KEY SHARE)",
    to: ")",
    test: control("a delete waits for a transaction that maps a queue to the pool, and is then refused"),
  },
  {
    guarantee: "A queue that moved is found: the catalogue is read once more",
    file: "server/storage/pooling/routed-calls.ts",
    from: "if (!isMisplaced(refusal) || queue.epoch !== undefined) return addPoolName(pool)(refusal);",
    to: "return addPoolName(pool)(refusal);",
    test: pooling("routing", "follows a queue that another process moved, while the old location is still cached"),
  },
  {
    guarantee: "Callers of a failing pool do not wait for it: they are refused at once, with the reason",
    file: "server/storage/pooling/circuit-breaker.ts",
    from: "if (failing === undefined || failing.failures < FAILURES) return null;",
    to: "return null;",
    test: {
      file: "test/guarantees/sick-pools.test.ts",
      name: "a pool that hangs delays no call to the other, answers 503 with the reason, and is intact afterwards",
    },
  },
  {
    guarantee: "A late answer of a failing pool does not count as a recovery",
    file: "server/storage/pooling/circuit-breaker.ts",
    from: 'if (hasCode(error, "DEADLINE_EXCEEDED") || isSlow(error)) return;',
    to: "if (isSlow(error)) return;",
    test: pooling(
      "circuit-breaker",
      "a call that exceeds its deadline neither opens nor closes the circuit breaker, even many in a row",
    ),
  },
  {
    guarantee: "A failing server of a cluster affects only its own queues",
    file: "server/storage/pooling/pool-groups.ts",
    from: 'return driver?.partOf?.(queue) ?? "";',
    to: 'return "";',
    test: {
      file: "test/guarantees/sick-cluster.test.ts",
      name: "a cluster server that is killed affects only its own queues, and they are intact afterwards",
    },
  },
  {
    guarantee: "A drain that another process took over is not undone by its former holder",
    file: "server/operations/lifecycle/drain-pool.ts",
    from: 'if (stop === null || stop.why === "cancelled") await',
    to: "await",
    test: jobs("a drain that another process took over leaves the pool closed to new queues when it fails here"),
  },
  {
    guarantee: "A drain is refused before it begins when a queue would have no pool to go to",
    file: "server/operations/jobs/moves.ts",
    from: "await possible(context, trace, () => work.requireElsewhere(pool));",
    to: "",
    test: jobs("a drain without another pool that takes the queues is refused at once, with an audit entry"),
  },
  {
    guarantee: "A change of flavor during a move is followed",
    file: "server/operations/lifecycle/move-queue.ts",
    from: "if (here === wanted) return pool;",
    to: "return pool;",
    test: jobs(
      "changes of _flavor during a move end with the queue in its last flavor, also when that is the one it came from",
    ),
  },
  {
    guarantee: "The refusal of an untrusted certificate says what to do",
    file: "server/storage/errors/storage-errors.ts",
    from: "tlsErrorMessage(cause) ?? ",
    to: "",
    test: {
      file: "test/guarantees/redis-tls.test.ts",
      name: "an unknown certificate authority is named as the reason, with the variable that adds it",
    },
  },
  {
    guarantee: "A pool of weight 0 gets no new queue",
    file: "server/storage/pooling/weighted-choice.ts",
    from: "candidate.weight > 0",
    to: "candidate.weight >= 0",
    test: pooling("placement", "picks each candidate in proportion to its weight, and never one of weight 0"),
  },
  {
    guarantee: "A key's lock excludes across processes",
    file: "server/kvs/postgres.ts",
    from: "WHERE l.expires_at <= (SELECT now FROM clock)\n",
    to: "\n",
    test: kvs("excludes across processes: no increment is lost"),
  },
  {
    guarantee: "A write with an older fence than the entry's is refused",
    file: "server/kvs/postgres.ts",
    from: "WHERE v.fence <= excluded.fence",
    to: "",
    test: kvs("refuses a write with an older fence than the entry's, whatever the holder's clock says"),
  },
  {
    guarantee: "A lock ends for its holder a second before the backend releases it",
    file: "server/kvs/region.ts",
    from: "LOCK_MARGIN_SECONDS = 1;",
    to: "LOCK_MARGIN_SECONDS = 0;",
    test: kvs("expire for their holder one second before the backend drops them"),
  },
  {
    guarantee: "A lock that has expired for its holder is not renewed",
    file: "server/kvs/postgres.ts",
    from: "l.expires_at > clock.now + make_interval",
    to: "l.expires_at > clock.now - make_interval",
    test: kvs("cannot be renewed by anybody else, nor once they have expired for their holder"),
  },
  {
    guarantee: "The lock of a process that died is free again",
    file: "server/kvs/postgres.ts",
    from: "WHERE l.expires_at <= (SELECT now FROM clock)\n",
    to: "WHERE false\n",
    test: kvs("frees the lock of a process that died, and refuses what that one still had under way"),
  },
  {
    guarantee: "On Redis expired messages are invisible at once",
    file: `${REDIS}/queue-lua.ts`,
    from: "if soonest <= now then",
    to: "if soonest <= now - 60000000 then",
    test: drivers("an expired message is invisible at once, to every call"),
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
    guarantee: "On Redis the claim id is the fencing token",
    file: `${REDIS}/messages/delete.ts`,
    from: "held and not request.is_mine[claim] then verdict = 'other'",
    to: "false then verdict = 'other'",
    test: drivers("a delete with the id of an expired claim removes nothing"),
  },
  {
    guarantee: "On Redis two callers never hold the same message",
    file: `${REDIS}/claims/acquire.ts`,
    from: "redis.call('ZREM', READY, unpack(some)) end",
    to: "end",
    test: drivers("twenty concurrent clients claim every message exactly once"),
  },
  {
    guarantee: "On Redis a post that is repeated with its idempotency key adds nothing",
    file: `${REDIS}/messages/insert.ts`,
    from: "keep(idempotency_key, digest,",
    to: "keep(idempotency_key .. NOW, digest,",
    test: drivers("a post repeated with its idempotency key adds nothing and returns the first ids"),
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
  {
    guarantee: "On Redis a caller with an old epoch writes nothing",
    file: `${REDIS}/queue-lua.ts`,
    from: "if caller_epoch and caller_epoch ~= epoch then return {'stale'} end",
    to: "",
    test: drivers("a call with an old epoch writes and reads nothing, even when its driver still caches the queue"),
  },
  {
    guarantee: "On Redis a move includes what changes during it",
    file: `${REDIS}/queue-lua.ts`,
    from: "if not moving then return end",
    to: "if moving then return end",
    test: moves("a move from left includes every change after its copy"),
  },
  {
    guarantee: "On Redis nothing changes while a queue is frozen",
    file: `${REDIS}/moves/source.ts`,
    from: "redis.call('HSET', ROW, 'frozen', '1')\nreturn",
    to: "return",
    test: moves("stalled after freeze: another process ends the move, and the mover changes nothing when it wakes"),
  },
  {
    guarantee: "On Redis a purge during a move holds in the target too",
    file: `${REDIS}/messages/purge.ts`,
    from: "if moving then redis.call('HSET', ROW, 'low'",
    to: "if false then redis.call('HSET', ROW, 'low'",
    test: moves("a purge during a move from left leaves only later messages"),
  },
  {
    guarantee: "On Redis a write with an older fence than the entry's is refused",
    file: "server/kvs/redis-scripts.ts",
    from: "<= tonumber(fence)",
    to: "<= math.huge",
    test: {
      file: "test/kvs/redis.test.ts",
      name: "refuses a write with an older fence than the entry's, whatever the holder's clock says",
    },
  },
  {
    guarantee: "A move includes messages that were posted with a snapshot older than the freeze",
    file: `${POSTGRES}/moves/write-barrier.ts`,
    from: "while (writers.length > 0) {",
    to: "while (writers.length > 1000) {",
    test: moves("a move includes a post that waits for the queue's lock with a snapshot from before the freeze"),
  },
  {
    guarantee: "Readers' markers stay valid after a move",
    file: `${POSTGRES}/moves/target.ts`,
    from: "await liftMarkers(statements, rest.highestMarker);",
    to: "",
    test: movesOf("a reader's marker stays valid after a move, and messages that are posted next come after it"),
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
    guarantee: "A move includes what changes during it",
    file: `${POSTGRES}/moves/source.ts`,
    from: "AFTER UPDATE OR DELETE ON messages",
    to: "AFTER DELETE ON messages",
    test: moves(
      "a move includes what changes during it: claims, messages, idempotency keys, a subscription and a purge",
    ),
  },
  {
    guarantee: "A queue has one mover: a mover whose lease expired changes nothing",
    file: "server/operations/lifecycle/queue-moves.ts",
    from: "|| !(await tx.moveLedger.switch(move))",
    to: "|| ((await tx.moveLedger.switch(move)) && false)",
    test: moves(
      "stalled before transaction: another process ends the move, and the mover changes nothing when it wakes",
    ),
  },
  {
    guarantee: "A control database that fails over and loses the end of a move costs no message",
    file: "server/operations/lifecycle/move-recovery.ts",
    from: "if (!(await thawSource({ source, project, name, sourceEpoch, epoch }))) {",
    to: "if ((await thawSource({ source, project, name, sourceEpoch, epoch })) === null) {",
    test: moves("a lost switch to the target is repeated: the target keeps the only copy of the queue"),
  },
  {
    guarantee: "A move leaves no subscription behind",
    file: `${POSTGRES}/subscriptions/subscriptions.ts`,
    from: "const STAYS = `NOT EXISTS",
    to: "const STAYS = `true OR NOT EXISTS",
    test: movesOf(
      "subscriptions move with the queue, and a process with a stale location changes them where they are now",
    ),
  },
  {
    guarantee: "A move includes the queue's idempotency keys",
    file: `${POSTGRES}/moves/keys.ts`,
    from: 'result.split(",").map(toId).join(",")',
    to: "result",
    test: movesOf("a post or claim that is repeated with its idempotency key after a move returns the first result"),
  },
  {
    guarantee: "A frozen queue does not wait for idempotency keys that were carried before",
    file: `${POSTGRES}/moves/keys.ts`,
    from: "OR NOT pg_visible_in_snapshot(",
    to: "OR 1 = 1 OR NOT pg_visible_in_snapshot(",
    test: movesOf(
      "while a queue is frozen a move carries only those idempotency keys that were used since it carried the others",
    ),
  },
  {
    guarantee: "Two pools never share one server and namespace",
    file: `${POSTGRES}/control/pool-identities.ts`,
    from: "if (holder !== null) throw uriInUse(holder);",
    to: "",
    test: control("refuses a store whose identity another pool or the control database has, whatever the URIs say"),
  },
  {
    guarantee: "A claim that changes while its queue moves to Redis arrives with the change",
    file: `${REDIS}/moves/staging.ts`,
    from: "count_all_held(doomed)",
    to: "",
    test: movesOf("claims that change before, while and after they are copied arrive in the target with the change"),
  },
  {
    guarantee: "A write that a full pool refuses counts in health",
    file: "server/operations/pool-facts/refusals.ts",
    from: "if (reason !== null) this.refused(pool, reason);",
    to: "",
    test: {
      file: "test/operations/pool-facts/refusals.test.ts",
      name: "a refused write counts until a later check finds that the pool takes writes",
    },
  },
  {
    guarantee: "A full pool can still be read",
    file: "server/storage/pooling/circuit-breaker.ts",
    from: "if (isWriteRefusal(error)) return false;",
    to: "",
    test: pooling(
      "circuit-breaker",
      "does not count an answer that the pool is full or read-only, and takes it as a sign that the pool is reachable",
    ),
  },
  {
    guarantee: "A document is measured before GraphQL's own rules compare its fields",
    file: "server/graphql/http/documents.ts",
    from: "const costs = measureDocument(schema, document, limits);\n    const errors = validate(schema, document, undefined, VALIDATION);",
    to: "const errors = validate(schema, document, undefined, VALIDATION);\n    const costs = measureDocument(schema, document, limits);",
    test: api("http/hostile-requests", "a field 990 times: the answer costs little more than parsing the request"),
  },
  {
    guarantee: "Events that are being rendered count against the memory of all streams",
    file: "server/graphql/http/event-streams.ts",
    from: "this.#bytes += event.bytes;",
    to: "",
    test: api(
      "http/event-streams",
      "events that take several turns to render count while they are rendered, so that not all are rendered at once",
    ),
  },
  {
    guarantee: "No field begins after the deadline of its operation",
    file: "server/graphql/schema/context.ts",
    from: "this.time.requireLeft();",
    to: "",
    test: api("http/deadline", "a write that has begun finishes, and none begins after the deadline"),
  },
  {
    guarantee: "A shutdown resets no connection that has a request",
    file: "server/http/draining-server.ts",
    from: "}, this.#graceMs);",
    to: "}, 0);",
    test: {
      file: "test/http/connections.test.ts",
      name: "a running answer says that it is the last, an idle connection serves one more request, and then all connections end",
    },
  },
  {
    guarantee: "A call has one deadline, which includes its wait",
    file: "server/storage/deadlines/call-deadlines.ts",
    from: "if (this.#timer === undefined) this.#wait(call);",
    to: "",
    test: {
      file: "test/storage/postgres/batch-executor.test.ts",
      name: "a deadline includes the wait, and a storage that has answered nothing by then counts as unreachable",
    },
  },
  {
    guarantee: "A queue is stuck since the message was given out last, not since it was seen",
    file: "server/problems/queue-rules.ts",
    from: "const since = Math.max(oldest, state.givenAt ?? 0, state.readySince ?? 0);",
    to: "const since = oldest;",
    test: rules("since the last message was given out, if more waited then, and no more once one is given out"),
  },
  {
    guarantee: "A delayed message that has just become ready makes no queue stuck",
    file: "server/problems/queue-rules.ts",
    from: "return Math.max(depths.oldestReadyAt?.getTime() ?? 0, lastMinute ?? 0);",
    to: "return depths.oldestReadyAt?.getTime();",
    test: rules("not because of a delayed message that has just become ready, however old it is"),
  },
  {
    guarantee: "The rules look at a queue again though nothing happens in it",
    file: "server/problems/queue-rules.ts",
    from: "if (looks.length > 0) state.lookAt = Math.min(...looks);",
    to: "",
    test: rules("looking only when it is used or due finds the same problems as looking in each minute"),
  },
  {
    guarantee: "A minute without use is no minute of growth",
    file: "server/problems/queue-rules.ts",
    from: "const rising = followsOn ? before.rising : undefined;",
    to: "const rising = before.rising;",
    test: rules("not when it grew by less, when one minute was without growth, or when nothing happened in one"),
  },
  {
    guarantee: "A problem that ended and comes again is silent as long as it is snoozed",
    file: "server/problems/store.ts",
    from: "($8::boolean OR z.until IS NULL)",
    to: "($8::boolean OR true)",
    test: api(
      "problems",
      "a snoozed problem is silent until then, says who did it and why, and stays silent when it comes again",
    ),
  },
  {
    guarantee: "A queue that nobody uses is looked at when its problem begins by the passing of time",
    file: "server/history/sample-writes.ts",
    from: "changes_at: earlier(reading.changesAt, rules.lookAt),",
    to: "changes_at: reading.changesAt,",
    test: api(
      "problems",
      "a stuck queue is a problem since its oldest message came, for everybody who asks, until one is given out",
    ),
  },
  {
    guarantee: "A list of all projects has only those that the caller may see",
    file: "server/operations/input/names.ts",
    from: "return access.rights[permission];",
    to: 'return "all";',
    test: access("is in no list, record or file of callers of another project"),
  },
  {
    guarantee: "What adds up all projects is for those who may read all",
    file: "server/operations/pools/read.ts",
    from: "countByPools({ pools: names, projects: access.rights.read })",
    to: 'countByPools({ pools: names, projects: "all" })',
    test: access("is counted in no pool, history or collection"),
  },
  {
    guarantee: "What another project has is answered like what does not exist",
    file: "server/operations/jobs/starts.ts",
    from: "const dryRun = visibleDryRun(access, await dryRuns.get(token));",
    to: "const dryRun = await dryRuns.get(token);",
    test: access("is answered as if it did not exist, whatever is asked, and with the same work"),
  },
];
