/** How many bytes of an answer each field may have. */
import type { GraphQLResolveInfo } from "graphql";
import { expect, test } from "vitest";
import { AnswerBudget } from "../../../server/graphql/http/answer-budget.ts";

const SIZES = { MAX_ANSWER_BYTES: 1600, MAX_PAGE_BYTES: 400, MAX_MESSAGES_POST_SIZE: 100 };
const NO_BODIES = { fieldNodes: [], fragments: {} } as unknown as GraphQLResolveInfo;

test("a value that does not fit the answer is refused, smaller ones still fit, and the error does not claim that nothing was done", () => {
  const answer = new AnswerBudget(SIZES);
  answer.countText("x".repeat(1500));
  expect(() => answer.countText("x".repeat(101))).toThrow("what was done is done");
  answer.countText("x".repeat(100));
  expect(() => answer.countText("x")).toThrow("more than 1600 bytes");
});

test("an event may have the bytes of a page, or those of the largest message with all its fields, but no more than an answer", () => {
  const fits = (sizes: typeof SIZES, bytes: number) => {
    AnswerBudget.ofEvent(sizes).countText("x".repeat(bytes));
    expect(() => AnswerBudget.ofEvent(sizes).countText("x".repeat(bytes + 1))).toThrow(`more than ${bytes} bytes`);
  };
  fits({ ...SIZES, MAX_PAGE_BYTES: 800 }, 800);
  fits(SIZES, 600);
  fits({ ...SIZES, MAX_ANSWER_BYTES: 500 }, 500);
});

test("fields that read one message each run in parallel, as many as fit the answer when each is of the largest size", async () => {
  const answer = new AnswerBudget(SIZES);
  const most = SIZES.MAX_MESSAGES_POST_SIZE;
  let reading = 0;
  let ends = () => {};
  const end = new Promise<void>((resolve) => {
    ends = resolve;
  });
  const read = async () => {
    reading += 1;
    await end;
    return [];
  };
  const reads = Array.from({ length: 20 }, () => answer.reads(NO_BODIES).spend(read, () => [], most));
  await expect.poll(() => reading).toBe(16);
  ends();
  await Promise.all(reads);
  expect(reading).toBe(20);
});
