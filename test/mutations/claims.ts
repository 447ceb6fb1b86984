/** Claims: who gets which message, for how long, and how it ends. */
import { drivers, history, type Mutation, POSTGRES, REDIS } from "./mutation.ts";

export const CLAIMS: readonly Mutation[] = [
  {
    guarantee: "A person who renews a claim does not say that its holder is at work",
    file: "server/operations/claims/write.ts",
    from: "access.isPerson === true ? null : holderOf(claim)",
    to: "holderOf(claim)",
    test: history("consumers", "are at work while they renew the claim of long work, but not while a person renews it"),
  },
  {
    guarantee: "A claim that found no room in its statement is sent again, and does not report an empty queue",
    file: `${POSTGRES}/claims/acquire.ts`,
    from: "if (bounded.has(index) && isEmpty(acquired)) return RESEND;",
    to: "",
    test: drivers("concurrent claims each get messages, in order, and none is told that the queue is empty"),
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
    guarantee: "An expired claim neither renews nor releases what another claim holds",
    file: `${POSTGRES}/claims/renew.ts`,
    from: "AND m.claim_id = w.claim_id AND",
    to: "AND",
    test: drivers("renewing or releasing an expired claim does not touch messages that another claim holds by now"),
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
    guarantee: "On Redis two callers never hold the same message",
    file: `${REDIS}/claims/acquire.ts`,
    from: "redis.call('ZREM', READY, unpack(some)) end",
    to: "end",
    test: drivers("twenty concurrent clients claim every message exactly once"),
  },
];
