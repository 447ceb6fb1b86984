import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Access } from "../../../server/access/access.ts";
import { type AnswerChange, SharedAnswers } from "../../../server/graphql/http/shared-answers.ts";
import { callerWith, limitedTo } from "../../support/access.ts";

const VIEWER: Access = callerWith("viewer", ["p"], "a");
const OTHER: Access = { ...VIEWER, actor: "b", requestId: "2" };
const ADMIN: Access = limitedTo(VIEWER, "admin", ["p"]);

let runs: string[];
let answer: unknown;
let shared: SharedAnswers<unknown>;

beforeEach(() => {
  vi.useFakeTimers();
  runs = [];
  answer = 1;
  shared = new SharedAnswers({
    run: async (_access, document) => {
      runs.push(document);
      return { data: { answer } };
    },
    isQuery: (document) => document.startsWith("q"),
  });
});
afterEach(() => vi.useRealTimers());

/** Collects what a watcher is told until it leaves. */
function watch(keys: string[], access = VIEWER): { told: AnswerChange[]; leave: () => void } {
  const leaving = new AbortController();
  const told: AnswerChange[] = [];
  const queries = keys.map((key) => ({ key, document: `q ${key}`, variables: {} }));
  void (async () => {
    for await (const change of shared.watch(access, queries, leaving.signal)) told.push(change);
  })();
  return { told, leave: () => leaving.abort() };
}

test("viewers with the same rights share an answer for a second; one who must see the newest asks alone", async () => {
  const ask = (access: Access, fresh = false) => shared.answer(access, "q", { a: 1 }, { fresh });
  await Promise.all([ask(VIEWER), ask(OTHER), ask(VIEWER)]);
  expect(runs.length).toBe(1);
  await ask(ADMIN);
  expect(runs.length).toBe(2);
  await shared.answer(VIEWER, "q", { a: 2 });
  expect(runs.length).toBe(3);
  answer = 2;
  expect(await ask(VIEWER, true)).toEqual({ data: { answer: 2 } });
  // What was just asked is for the others too.
  expect(await ask(OTHER)).toEqual({ data: { answer: 2 } });
  expect(runs.length).toBe(4);
  await vi.advanceTimersByTimeAsync(1001);
  await ask(OTHER);
  expect(runs.length).toBe(5);
});

test("who asks for itself shares with nobody else, and neither does a token, which sees its own claims", async () => {
  const token: Access = { ...VIEWER, kind: "token" };
  const asks: [Access, string][] = [
    [VIEWER, "q { viewer { actor } }"],
    [OTHER, "q { viewer { actor } }"],
    [token, "q { claims }"],
    [{ ...token, actor: "b" }, "q { claims }"],
    [VIEWER, "q { queues { viewerCan } }"],
  ];
  for (const [access, document] of asks) await shared.answer(access, document, {});
  expect(runs.length).toBe(5);
  await shared.answer(OTHER, "q { queues { viewerCan } }", {});
  expect(runs.length).toBe(5);
});

test("watchers share the runs, and are told at first, when the answer changes, and every ten seconds", async () => {
  const one = watch(["a"]);
  await vi.advanceTimersByTimeAsync(0);
  const two = watch(["a", "b"], OTHER);
  await vi.advanceTimersByTimeAsync(0);
  expect([one, two].map(({ told }) => told.map(({ key }) => key).sort())).toEqual([["a"], ["a", "b"]]);
  await vi.advanceTimersByTimeAsync(3000);
  expect(runs.filter((document) => document === "q a").length).toBe(4);
  expect(one.told.length).toBe(1);

  answer = 2;
  await vi.advanceTimersByTimeAsync(1000);
  expect(one.told.length).toBe(2);
  expect(one.told[1]?.digest).not.toBe(one.told[0]?.digest);
  await vi.advanceTimersByTimeAsync(9000);
  expect(one.told.length).toBe(2);
  await vi.advanceTimersByTimeAsync(1000);
  expect(one.told[2]?.digest).toBe(one.told[1]?.digest);
  one.leave();
  two.leave();
});

test("nothing runs once nobody watches any more", async () => {
  const one = watch(["a"]);
  const two = watch(["a"]);
  await vi.advanceTimersByTimeAsync(1000);
  one.leave();
  await vi.advanceTimersByTimeAsync(1000);
  const before = runs.length;
  two.leave();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(runs.length).toBe(before);
  expect(vi.getTimerCount()).toBe(0);
});

test("a slow query rests ten times as long as it ran", async () => {
  shared = new SharedAnswers({
    run: async (_access, document) => {
      runs.push(document);
      await new Promise((resolve) => setTimeout(resolve, 500));
      return { data: { answer } };
    },
    isQuery: () => true,
  });
  const { leave } = watch(["a"]);
  await vi.advanceTimersByTimeAsync(5400);
  expect(runs.length).toBe(1);
  await vi.advanceTimersByTimeAsync(200);
  expect(runs.length).toBe(2);
  leave();
});
