/** Why the messages of a queue wait: from what was read of it just now, in words. */
import type { Problem, ProblemKind, Severity } from "./problem.ts";
import { inNumbers, inTime, inWords, type ProblemFix, type ProblemRecord, plural } from "./text.ts";

/** Reasons beside the kinds of problems. */
export const REASON_KINDS = [
  "paused",
  "poolUnreachable",
  "writesRefused",
  "moving",
  "exhausted",
  "allClaimed",
  "delayed",
  "noConsumer",
  "waitingTurn",
  "empty",
  "unknown",
] as const;
export type ReasonKind = (typeof REASON_KINDS)[number] | ProblemKind;

export interface Reason {
  kind: ReasonKind;
  /** Null: nothing is wrong, or somebody has snoozed it. */
  severity: Severity | null;
  text: string;
  /** Since when, and until when, as far as is known. */
  since: Date | null;
  until: Date | null;
  fix: ProblemFix | null;
  /** What the fix is applied to. */
  claimIds: string[];
  deadLetterQueue: string | null;
  /** The problem that says so, to be snoozed. */
  problem: ProblemRecord | null;
}

/** What was read of a queue. Null, or of the move and the pause undefined: it could not be read in time. */
export interface QueueFacts {
  now: Date;
  /** Null: it is not paused. */
  pause: { what: string; at: Date; actor: string; reason: string } | null | undefined;
  pool: { name: string; reachable: boolean; writesRefused: string | null } | null;
  messages: {
    ready: number;
    claimed: number;
    delayed: number;
    exhausted: number;
    exact: boolean;
    oldestReadyAt: Date | null;
    /** When a number changes by itself next. */
    changesAt: Date | null;
  } | null;
  /** The oldest live claims, at most so many that all are named; `more`: there are others. */
  claims: {
    items: readonly { id: string; holder: string | null; expiresAt: Date; messageCount: number }[];
    more: boolean;
  } | null;
  /** Null also when nobody notes them. Those that have stopped come first. */
  consumers: readonly { name: string; lastSeenAt: Date; stoppedAt: Date | null; rate: number }[] | null;
  problems: readonly Problem[] | null;
  /** Null: none runs. */
  move: { target: string | null; progress: number; total: number | null; waitingFor: string | null } | null | undefined;
  deadLetterQueue: { name: string; exists: boolean } | null;
}

/** A consumer that was silent for longer is not there, as far as the text goes. */
const PRESENT_MS = 120_000;
/** Ready messages wait so long because it is not their turn yet. */
const SHORT_MS = 10_000;
/** Consumers are known about ten seconds after their first call. */
const UNKNOWN_MS = 30_000;
const MAX_HOLDERS = 3;

export interface Explained {
  reasons: Reason[];
  /** What was looked at and is no reason. */
  ruledOut: string[];
}

/** The reasons, the ones that stop everything first. */
export function explain(facts: QueueFacts): Explained {
  const out: Explained = { reasons: [], ruledOut: [] };
  explainPause(facts, out);
  explainPool(facts, out);
  explainMove(facts, out);
  explainExhausted(facts, out);
  explainProblems(facts, out);
  explainClaims(facts, out);
  explainDelays(facts, out);
  // Nobody can take them meanwhile.
  if (!facts.pause) {
    explainConsumers(facts, out);
    explainRest(facts, out);
  }
  explainSnoozed(facts, out);
  return out;
}

function add(
  { reasons }: Explained,
  kind: ReasonKind,
  severity: Severity | null,
  text: string,
  more: Partial<Reason> = {},
) {
  const none = { since: null, until: null, fix: null, claimIds: [], deadLetterQueue: null, problem: null };
  reasons.push({ kind, severity, text, ...none, ...more });
}

function explainPause({ pause, now }: QueueFacts, out: Explained) {
  if (pause === undefined) return;
  if (pause === null) {
    out.ruledOut.push("It is not paused.");
    return;
  }
  const { what, at, actor, reason } = pause;
  const text = `${what} is paused: nobody gets messages until it is resumed. ${actor} paused it ${inTime(now.getTime() - at.getTime())} ago: ${reason}`;
  add(out, "paused", null, text, { since: at, fix: "resume" });
}

function explainPool({ pool }: QueueFacts, out: Explained) {
  if (pool === null) return;
  const { name, reachable, writesRefused } = pool;
  if (!reachable) {
    const text = `The pool ${name} cannot be reached: nobody can claim from the queue or post to it.`;
    add(out, "poolUnreachable", "critical", text, { fix: "testPool" });
  } else if (writesRefused !== null) {
    const text = `The pool ${name} takes no writes, so nobody can claim from the queue or post to it. ${writesRefused}`;
    add(out, "writesRefused", "critical", text, { fix: "drainPool" });
  } else out.ruledOut.push(`The pool ${name} answers and takes writes.`);
}

function explainMove({ move }: QueueFacts, out: Explained) {
  if (move === undefined) return;
  if (move === null) {
    out.ruledOut.push("No move of the queue runs.");
    return;
  }
  const { target, progress, total, waitingFor } = move;
  const done = total === null ? inNumbers(progress) : `${inNumbers(progress)} of ${inNumbers(total)}`;
  const waits = waitingFor === null ? "" : ` It waits for ${waitingFor}.`;
  const text =
    `The queue moves to ${target === null ? "another pool" : `the pool ${target}`}; ${done} messages are copied. ` +
    `It can be used meanwhile, but for a moment at the end.${waits}`;
  add(out, "moving", null, text);
}

function explainExhausted({ messages, deadLetterQueue }: QueueFacts, out: Explained) {
  if (messages !== null && messages.exhausted > 0) {
    const name = deadLetterQueue?.name ?? null;
    const named = name === null ? "its dead letter queue" : `its dead letter queue ${name}`;
    const count = `${messages.exact ? "" : "At least "}${plural(messages.exhausted, "message")}`;
    const text = `${count} cannot be claimed: delivered as often as the queue allows, and ${named} does not exist.`;
    add(out, "exhausted", "critical", text, { fix: "createDeadLetterQueue", deadLetterQueue: name });
  } else if (deadLetterQueue?.exists === true) {
    out.ruledOut.push(`Its dead letter queue ${deadLetterQueue.name} exists.`);
  } else if (messages !== null) out.ruledOut.push("No message is exhausted.");
}

/** Of which the facts tell more. */
const TOLD: ReadonlySet<ProblemKind> = new Set(["exhausted"]);

function explainProblems({ problems, now, deadLetterQueue, claims }: QueueFacts, out: Explained) {
  if (problems === null) return;
  for (const problem of problems.filter(({ kind, snooze }) => !TOLD.has(kind) && snooze === null)) {
    const record = inWords(problem, now);
    const { text, evidence, fix } = record;
    add(out, problem.kind, problem.severity, `${text} ${evidence}`, {
      since: problem.since,
      fix,
      problem: record,
      ...(fix === "releaseClaims" ? { claimIds: claims?.items.map(({ id }) => id) ?? [] } : {}),
      ...(fix === "createDeadLetterQueue" ? { deadLetterQueue: deadLetterQueue?.name ?? null } : {}),
    });
  }
  const kinds = new Set(problems.map(({ kind }) => kind));
  const no = (kind: ProblemKind, text: string) => (kinds.has(kind) ? [] : [text]);
  out.ruledOut.push(
    ...no("growing", "It does not grow."),
    ...no("claimsLapsing", "Claims are finished before they expire."),
    ...no("deadLettersArriving", "No unusual number of messages became dead letters."),
  );
}

/** They are true all the same, but somebody knows, so they come last and raise no alarm. */
function explainSnoozed({ problems, now }: QueueFacts, out: Explained) {
  for (const problem of problems ?? []) {
    const { kind, snooze, since } = problem;
    if (snooze === null || TOLD.has(kind)) continue;
    const record = inWords(problem, now);
    const silence = `${snooze.actor} snoozed this for ${inTime(snooze.until.getTime() - now.getTime())} more: ${snooze.reason}`;
    add(out, kind, null, `${record.text} ${record.evidence} ${silence}`, { since, problem: record });
  }
}

function explainClaims({ messages, claims, now }: QueueFacts, out: Explained) {
  if (messages === null || claims === null) return;
  if (messages.claimed === 0) {
    out.ruledOut.push("No claim holds messages.");
    return;
  }
  const holders = new Map<string, { messages: number; until: number }>();
  for (const { holder, expiresAt, messageCount } of claims.items) {
    const name = holder ?? "an unknown client";
    const known = holders.get(name) ?? { messages: 0, until: 0 };
    holders.set(name, {
      messages: known.messages + messageCount,
      until: Math.max(known.until, expiresAt.getTime()),
    });
  }
  const most = [...holders].sort(([, a], [, b]) => b.messages - a.messages);
  const named = most
    .slice(0, MAX_HOLDERS)
    .map(([name, held]) => `${inNumbers(held.messages)} by ${name} for up to ${inTime(held.until - now.getTime())}`);
  const rest = most.length - named.length;
  const others = claims.more ? ", and by others" : rest > 0 ? `, and by ${inNumbers(rest)} more` : "";
  const who = named.length === 0 ? "" : `: ${named.join(", ")}${others}`;
  const ends = claims.items.map(({ expiresAt }) => expiresAt.getTime());
  const all = messages.ready === 0 && messages.delayed === 0 && messages.exhausted === 0;
  const text = `${all ? `All ${plural(messages.claimed, "message")}` : plural(messages.claimed, "message")} ${
    messages.claimed === 1 ? "is" : "are"
  } claimed${who}.`;
  add(out, "allClaimed", null, text, {
    until: ends.length === 0 ? null : new Date(Math.max(...ends)),
    fix: "releaseClaims",
    claimIds: claims.items.map(({ id }) => id),
  });
}

function explainDelays({ messages, now }: QueueFacts, out: Explained) {
  if (messages === null) return;
  if (messages.delayed === 0) {
    out.ruledOut.push("No message is delayed.");
    return;
  }
  const onlyDelayed = messages.ready === 0 && messages.claimed === 0;
  // Among others, what changes next may be another message.
  const next = onlyDelayed ? messages.changesAt : null;
  const until = next === null ? "" : ` The next change comes in ${inTime(next.getTime() - now.getTime())}.`;
  const are = messages.delayed === 1 ? "is" : "are";
  add(
    out,
    "delayed",
    null,
    `${plural(messages.delayed, "message")} ${are} delayed by ${messages.delayed === 1 ? "its" : "their"} post.${until}`,
    {
      until: next,
    },
  );
}

function explainConsumers({ consumers, messages, claims, now, problems }: QueueFacts, out: Explained) {
  if (consumers === null || messages === null || messages.ready + messages.claimed === 0) return;
  const present = consumers.filter(({ lastSeenAt }) => now.getTime() - lastSeenAt.getTime() < PRESENT_MS);
  if (present.length > 0) {
    const count = plural(present.length, "consumer");
    out.ruledOut.push(`${count} called within the last ${inTime(PRESENT_MS)}.`);
    return;
  }
  // That says the same, and who it was.
  if (problems?.some(({ kind }) => kind === "consumerGone")) return;
  const last = consumers.reduce<(typeof consumers)[number] | null>(
    (latest, one) => (latest === null || one.lastSeenAt > latest.lastSeenAt ? one : latest),
    null,
  );
  if (last === null) {
    const { oldestReadyAt } = messages;
    const isNews = oldestReadyAt !== null && now.getTime() - oldestReadyAt.getTime() < UNKNOWN_MS;
    if (isNews || claims === null || claims.items.length > 0) return;
  }
  const text =
    last === null
      ? "Nobody claimed from the queue or popped from it in the last week."
      : `No consumer for ${inTime(now.getTime() - last.lastSeenAt.getTime())}: ${last.name} called last.`;
  // Whoever silenced the one knows the other.
  const isKnown = problems?.some(({ kind, snooze }) => kind === "stuck" && snooze !== null) ?? false;
  add(out, "noConsumer", isKnown ? null : "warning", text, { since: last?.lastSeenAt ?? null });
}

function explainRest({ messages, now, consumers }: QueueFacts, out: Explained) {
  if (messages === null) {
    if (out.reasons.length === 0)
      add(out, "unknown", "warning", "The pool did not say in time how many messages wait.");
    return;
  }
  const { ready, claimed, delayed, exhausted, oldestReadyAt } = messages;
  if (ready + claimed + delayed + exhausted === 0) {
    add(out, "empty", null, "The queue is empty: nothing waits.");
    return;
  }
  if (ready === 0 || out.reasons.some(({ severity }) => severity !== null)) return;
  const age = oldestReadyAt === null ? null : now.getTime() - oldestReadyAt.getTime();
  const rate = (consumers ?? []).reduce((sum, one) => sum + one.rate, 0);
  const pace = rate > 0 ? ` Consumers take ${inNumbers(Math.round(rate * 10) / 10)} a second.` : "";
  const oldest =
    age === null
      ? ""
      : age < SHORT_MS
        ? " None waits for longer than a few seconds."
        : ` The oldest waits for ${inTime(age)}.`;
  const are = ready === 1 ? "is" : "are";
  add(
    out,
    "waitingTurn",
    null,
    `${plural(ready, "message")} ${are} ready and ${are === "is" ? "waits" : "wait"} for a claim.${oldest}${pace}`,
    {
      since: oldestReadyAt,
    },
  );
}
