/** Counts and totals of queues, and notices of changes. */
import { dataPlane, drivers, type Mutation, POSTGRES, REDIS } from "./mutation.ts";

export const STATISTICS: readonly Mutation[] = [
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
    guarantee: "A claimed message is not counted as delayed too",
    file: `${POSTGRES}/messages/counting.ts`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of source text
    from: "count(*) FILTER (WHERE ${UNCLAIMED} AND NOT ${DUE})",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of source text
    to: "count(*) FILTER (WHERE NOT ${DUE})",
    test: drivers("a message that was claimed before the clock went back counts as claimed, not as delayed"),
  },
];
