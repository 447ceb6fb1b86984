/** Posts to many queues, by what they do to one another. What one post does is tested in messages.test.ts. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readConfig } from "../../../server/config.ts";
import { DomainError, withDetails } from "../../../server/errors.ts";
import { type PostOutcome, postToMany as postToManyAfter } from "../../../server/operations/messages/many-posts.ts";
import { defect } from "../../../server/storage/errors/storage-errors.ts";

const limits = readConfig({ MAX_POSTS: "50", MAX_POSTS_MESSAGES: "60", MAX_POSTS_SIZE: "1000000" });
const warned: unknown[] = [];
const context = { limits, warn: (_message: string, error?: unknown) => void warned.push(error) };
const access = { requestId: "r-1" };
const aPost = (queue: string, ...bodies: string[]) => ({ queue, messages: bodies.map((bodyText) => ({ bodyText })) });
const many = (count: number) => Array.from({ length: count }, (_, index) => aPost(`q${index}`, "1"));
type Post = ReturnType<typeof aPost>;
const postToMany = (posts: readonly Post[], post: (one: Post) => Promise<{ ids: string[] }>, lookUp = async () => {}) =>
  postToManyAfter(context, access, posts, { lookUp, post });

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

test("outcomes come in the order given, and a post that fails stops no other", async () => {
  const missing = new DomainError("QUEUE_DOES_NOT_EXIST", "There is none.");
  const ofStorage = defect("The storage refused a statement.", new Error("no relation"));
  const outcomes = await postToMany(many(40), async ({ queue }) => {
    if (queue === "q3") throw missing;
    if (queue === "q4") throw new TypeError("a defect");
    if (queue === "q5") throw ofStorage;
    return { ids: [queue] };
  });
  const expected: PostOutcome[] = many(40).map(({ queue }) => ({ ids: [queue] }));
  expected[3] = { error: withDetails(missing, { queue: "q3" }) };
  expect(outcomes.toSpliced(4, 2)).toEqual(expected.toSpliced(4, 2));
  expect(outcomes[4]).toMatchObject({ error: { code: "INTERNAL", details: { requestId: "r-1" } } });
  expect(outcomes[5]).toMatchObject({ error: { code: "INTERNAL", details: { queue: "q5", requestId: "r-1" } } });
  expect(JSON.stringify(outcomes[4])).not.toContain("a defect");
  expect(warned).toEqual([new TypeError("a defect"), ofStorage]);
});

test("sixteen run at the same time", async () => {
  let running = 0;
  let most = 0;
  await postToMany(many(50), async () => {
    running += 1;
    most = Math.max(most, running);
    await Promise.resolve();
    running -= 1;
    return { ids: [] };
  });
  expect(most).toBe(16);
});

test("posts that get no answer hold up the others only for a moment", async () => {
  const answers = new Map<string, () => void>();
  const posted: string[] = [];
  const outcomes = postToMany(many(40), ({ queue }) => {
    posted.push(queue);
    if (answers.size === 20) return Promise.resolve({ ids: [queue] });
    return new Promise((resolve) => answers.set(queue, () => resolve({ ids: [queue] })));
  });
  await vi.advanceTimersByTimeAsync(0);
  expect(posted).toHaveLength(16);
  await vi.advanceTimersByTimeAsync(200);
  expect(posted).toHaveLength(40);
  for (const answer of answers.values()) answer();
  expect(await outcomes).toEqual(many(40).map(({ queue }) => ({ ids: [queue] })));
});

test("a post without an answer is given up before the operation is, and what has not begun by then is not posted", async () => {
  const answered = async ({ queue }: Post) => ({ ids: [queue] });
  const outcomes = postToMany(many(3), (one) => (one.queue === "q1" ? new Promise(() => {}) : answered(one)));
  await vi.advanceTimersByTimeAsync(9000);
  expect(await outcomes).toEqual([
    { ids: ["q0"] },
    { error: expect.objectContaining({ code: "OUTCOME_UNKNOWN" }) },
    { ids: ["q2"] },
  ]);
  const late = postToMany(many(1), answered, async () => void vi.advanceTimersByTime(9000));
  expect(await late).toEqual([{ error: expect.objectContaining({ code: "DEADLINE_EXCEEDED" }) }]);
});

test("posts wait only a moment for what is looked up for all of them, and do not mind its failure", async () => {
  const post = vi.fn(async ({ queue }: Post) => ({ ids: [queue] }));
  const outcomes = postToMany(many(1), post, () => new Promise(() => {}));
  await vi.advanceTimersByTimeAsync(199);
  expect(post).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(await outcomes).toEqual([{ ids: ["q0"] }]);
  expect(await postToMany(many(1), post, () => Promise.reject(new Error("away")))).toEqual([{ ids: ["q0"] }]);
});

test("large bodies are checked in several turns of the event loop, and all are posted", async () => {
  const posts = Array.from({ length: 6 }, (_, index) => aPost(`q${index}`, "1".repeat(150_000)));
  let turns = 0;
  const counting = setImmediate(function count() {
    turns += 1;
    setImmediate(count);
  });
  const seen = new Set<number>();
  await postToMany(posts, async () => {
    seen.add(turns);
    return { ids: [] };
  });
  clearImmediate(counting);
  expect(seen.size).toBeGreaterThan(1);
});

test.each<[string, Post[], object]>([
  ["no posts", [], { code: "BAD_INPUT", details: { field: "posts" } }],
  ["too many posts", many(51), { code: "BAD_INPUT", details: { field: "posts", value: 51, maximum: 50 } }],
  [
    "too many messages together",
    [aPost("a", ..."1".repeat(40)), aPost("b", ..."1".repeat(21))],
    { code: "BAD_INPUT", details: { field: "posts", value: 61, maximum: 60 } },
  ],
  [
    "too many bytes together",
    [aPost("a", "1".repeat(600_000)), aPost("b", "1".repeat(400_001))],
    { code: "TOO_LARGE", details: { field: "posts", value: 1_000_001, maximum: 1_000_000 } },
  ],
])("a request with %s is refused before anything is posted", async (_what, posts, error) => {
  const post = vi.fn(async () => ({ ids: [] }));
  await expect(postToMany(posts, post)).rejects.toMatchObject(error);
  expect(post).not.toHaveBeenCalled();
});
