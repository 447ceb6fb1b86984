/** Why messages wait, from facts alone. */
import { describe, expect, test } from "vitest";
import { explain, type QueueFacts } from "../../server/problems/explain.ts";
import { ofQueue, type Problem } from "../../server/problems/problem.ts";

const NOW = new Date("2026-01-01T12:00:00Z");
const ago = (minutes: number) => new Date(NOW.getTime() - minutes * 60_000);

/** A queue with nothing wrong: three messages have just come, and two consumers take them. */
const HEALTHY: QueueFacts = {
  now: NOW,
  pause: null,
  pool: { name: "fast", reachable: true, writesRefused: null },
  messages: { ready: 3, claimed: 0, delayed: 0, exhausted: 0, exact: true, oldestReadyAt: ago(0.05), changesAt: null },
  claims: { items: [], more: false },
  consumers: [
    { name: "worker-1", lastSeenAt: ago(0), stoppedAt: null, rate: 20 },
    { name: "worker-2", lastSeenAt: ago(1), stoppedAt: null, rate: 2.5 },
  ],
  problems: [],
  move: null,
  deadLetterQueue: { name: "orders-dead", exists: true },
};
const messages = (counts: Partial<NonNullable<QueueFacts["messages"]>>) => ({
  messages: { ...(HEALTHY.messages as NonNullable<QueueFacts["messages"]>), ready: 0, oldestReadyAt: null, ...counts },
});
const texts = (changes: Partial<QueueFacts>) =>
  explain({ ...HEALTHY, ...changes }).reasons.map(({ kind, severity, text }) => [kind, severity, text]);

describe("messages wait", () => {
  test("because somebody paused the queue, and not for their turn", () => {
    const pause = { what: "The queue's project", at: ago(12), actor: "ada", reason: "Stock taking." };
    const text =
      "The queue's project is paused: nobody gets messages until it is resumed. ada paused it 12 min ago: Stock taking.";
    expect(texts({ pause, consumers: [] })).toEqual([["paused", null, text]]);
  });

  test("for their turn, when nothing is wrong, and what was looked at is told", () => {
    expect(explain(HEALTHY)).toMatchObject({
      reasons: [
        {
          ...{ kind: "waitingTurn", severity: null, fix: null },
          text: "3 messages are ready and wait for a claim. None waits for longer than a few seconds. Consumers take 22.5 a second.",
        },
      ],
      ruledOut: [
        "It is not paused.",
        "The pool fast answers and takes writes.",
        "No move of the queue runs.",
        "Its dead letter queue orders-dead exists.",
        "It does not grow.",
        "Claims are finished before they expire.",
        "No unusual number of messages became dead letters.",
        "No claim holds messages.",
        "No message is delayed.",
        "2 consumers called within the last 2 min.",
      ],
    });
  });

  test("because the pool is away, or takes no writes, or the queue moves", () => {
    const pool = { name: "fast", reachable: false, writesRefused: null };
    expect(texts({ pool, messages: null, claims: null })).toEqual([
      [
        "poolUnreachable",
        "critical",
        "The pool fast cannot be reached: nobody can claim from the queue or post to it.",
      ],
    ]);
    expect(texts({ pool: { ...pool, reachable: true, writesRefused: "The disk is full." } })[0]).toEqual([
      "writesRefused",
      "critical",
      "The pool fast takes no writes, so nobody can claim from the queue or post to it. The disk is full.",
    ]);
    expect(texts({ move: { target: "slow", progress: 1200, total: 5000, waitingFor: null } })[0]).toEqual([
      "moving",
      null,
      "The queue moves to the pool slow; 1,200 of 5,000 messages are copied. It can be used meanwhile, but for a moment at the end.",
    ]);
  });

  test("because all are claimed: by whom, and for how long", () => {
    const claims = {
      items: [
        { id: "a", holder: "worker-2", expiresAt: ago(-4), messageCount: 10 },
        { id: "b", holder: "worker-1", expiresAt: ago(-1), messageCount: 1 },
        { id: "c", holder: "worker-2", expiresAt: ago(-5), messageCount: 1 },
      ],
      more: false,
    };
    expect(explain({ ...HEALTHY, ...messages({ claimed: 12 }), claims }).reasons).toMatchObject([
      {
        ...{ kind: "allClaimed", severity: null, fix: "releaseClaims", claimIds: ["a", "b", "c"], until: ago(-5) },
        text: "All 12 messages are claimed: 11 by worker-2 for up to 5 min, 1 by worker-1 for up to 1 min.",
      },
    ]);
  });

  test("because they are delayed, are exhausted, or nobody is there", () => {
    expect(texts(messages({ delayed: 2, changesAt: ago(-3) }))).toEqual([
      ["delayed", null, "2 messages are delayed by their post. The next change comes in 3 min."],
    ]);
    const deadLetterQueue = { name: "orders-dead", exists: false };
    expect(explain({ ...HEALTHY, ...messages({ exhausted: 37 }), deadLetterQueue }).reasons).toMatchObject([
      {
        ...{ kind: "exhausted", severity: "critical", fix: "createDeadLetterQueue", deadLetterQueue: "orders-dead" },
        text: "37 messages cannot be claimed: delivered as often as the queue allows, and its dead letter queue orders-dead does not exist.",
      },
    ]);
    const silent = [{ name: "worker-2", lastSeenAt: ago(12), stoppedAt: null, rate: 0 }];
    expect(texts({ consumers: silent })).toEqual([
      ["noConsumer", "warning", "No consumer for 12 min: worker-2 called last."],
    ]);
    const waiting = messages({ ready: 3, oldestReadyAt: ago(1) });
    expect(texts({ ...waiting, consumers: [] })).toEqual([
      ["noConsumer", "warning", "Nobody claimed from the queue or popped from it in the last week."],
    ]);
  });

  test("for a consumer that may have come a moment ago: nobody says that there is none", () => {
    expect(texts({ consumers: [] }).map(([kind]) => kind)).toEqual(["waitingTurn"]);
    const held = messages({ claimed: 1, ready: 3, oldestReadyAt: ago(1) });
    const claims = { items: [{ id: "a", holder: "worker-1", expiresAt: ago(-1), messageCount: 1 }], more: false };
    expect(texts({ ...held, claims, consumers: [] }).map(([kind]) => kind)).toEqual(["allClaimed", "waitingTurn"]);
  });

  test("because of a known problem, with its numbers and its fix", () => {
    const problem: Problem = {
      ...ofQueue({ project: "shop", name: "orders" }),
      ...{ id: "1", kind: "stuck", severity: "critical", since: ago(12), seenAt: ago(0), snooze: null },
      numbers: { ready: 3, claimed: 2, oldestReadyAt: ago(15).getTime(), givenAt: ago(12).getTime() },
    };
    const claims = { items: [{ id: "a", holder: null, expiresAt: ago(-1), messageCount: 2 }], more: false };
    const { reasons } = explain({ ...HEALTHY, ...messages({ ready: 3, claimed: 2 }), claims, problems: [problem] });
    expect(reasons).toMatchObject([
      {
        ...{ kind: "stuck", severity: "critical", since: ago(12), fix: "releaseClaims", claimIds: ["a"] },
        problem: { id: "1" },
        text:
          'The queue orders of the project "shop" is stuck: nothing took its 3 messages for 12 min. ' +
          "The oldest ready message is 15 min old. The last one was given out 12 min ago; 2 are claimed now.",
      },
      { kind: "allClaimed", text: "2 messages are claimed: 2 by an unknown client for up to 1 min." },
    ]);

    const snooze = { until: ago(-90), actor: "ada", reason: "Stock taking." };
    const silent = explain({ ...HEALTHY, ...messages({ ready: 3 }), problems: [{ ...problem, snooze }] });
    expect(silent.reasons).toMatchObject([
      { kind: "waitingTurn" },
      {
        ...{ kind: "stuck", severity: null, since: ago(12), fix: null, problem: { id: "1" } },
        text: expect.stringMatching(
          /^The queue orders .* is stuck.* ada snoozed this for 1 h 30 min more: Stock taking\.$/,
        ),
      },
    ]);
    // That nobody takes them is known with it.
    const alone = { ...HEALTHY, ...messages({ ready: 3, oldestReadyAt: ago(12) }), consumers: [] };
    const kinds = explain({ ...alone, problems: [{ ...problem, snooze }] }).reasons.map((one) => [
      one.kind,
      one.severity,
    ]);
    expect(kinds).toEqual([
      ["noConsumer", null],
      ["waitingTurn", null],
      ["stuck", null],
    ]);
  });

  test("in no other case: an empty queue says so, and a pool that is silent too", () => {
    expect(texts(messages({}))).toEqual([["empty", null, "The queue is empty: nothing waits."]]);
    const nothing = { messages: null, claims: null, pool: null, consumers: null, problems: null };
    expect(texts({ ...nothing, deadLetterQueue: null })).toEqual([
      ["unknown", "warning", "The pool did not say in time how many messages wait."],
    ]);
  });
});
