import { expect, test } from "vitest";
import type { Access } from "../../server/access/access.ts";
import { DomainError } from "../../server/errors.ts";
import { namingErrors } from "../../server/operations/named-errors.ts";
import { callerWith, limitedTo } from "../support/access.ts";

const ADMIN: Access = callerWith("admin", "all", "a");
const OF_SHOP: Access = limitedTo(ADMIN, "admin", ["shop"]);
const failure = new DomainError("STORAGE_UNAVAILABLE", "Away.", { details: { pool: "far" } });
const details = (call: Promise<unknown>) => call.then(null, (error: DomainError) => error.details);

const operations = namingErrors(
  {
    post: async (_access: Access, _params: object) => Promise.reject(failure),
    check: (_access: Access, _params: object) => {
      throw failure;
    },
    break: async (_access: Access, _params: object) => Promise.reject(new TypeError("A defect.")),
    add: async (one: number, other: number, third: number) => one + other + third,
    async *watch(_access: Access, _params: object) {
      yield 1;
      throw failure;
    },
  },
  { name: "queue", id: "messageId" },
);

test("an error tells the names that its call was about, beside what it says already", async () => {
  const params = { project: "p", queue: "q", pool: "near", id: "m", bodyText: "secret", limit: 3 };
  expect(await details(operations.post(ADMIN, params))).toEqual({
    project: "p",
    queue: "q",
    pool: "far",
    messageId: "m",
  });
  expect(() => operations.check(ADMIN, { name: "q" })).toThrow(
    expect.objectContaining({ details: { queue: "q", pool: "far" } }),
  );
});

test("an error that many calls share is not changed", async () => {
  await details(operations.post(ADMIN, { queue: "one" }));
  expect(failure.details).toEqual({ pool: "far" });
});

test("the only project of a caller is told if it was left out", async () => {
  expect(await details(operations.post(OF_SHOP, { queue: "q" }))).toMatchObject({ project: "shop" });
  expect(await details(operations.post(ADMIN, { queue: "q" }))).not.toHaveProperty("project");
});

test("what is much too long for a name is not repeated", async () => {
  expect(await details(operations.post(ADMIN, { project: "p", queue: "x".repeat(5000) }))).toEqual({
    project: "p",
    pool: "far",
  });
});

test("a stream's error tells the names too, and the stream can be ended", async () => {
  const stream = operations.watch(ADMIN, { queue: "q" });
  expect(await stream.next()).toEqual({ value: 1, done: false });
  expect(await details(stream.next())).toMatchObject({ queue: "q", pool: "far" });
  const ended = operations.watch(ADMIN, { queue: "q" });
  await ended.return(undefined as never);
  expect(await ended.next()).toEqual({ value: undefined, done: true });
});

test("a defect stays what it is, and other arguments and results pass", async () => {
  await expect(operations.break(ADMIN, { queue: "q" })).rejects.toBeInstanceOf(TypeError);
  expect(await operations.add(1, 2, 3)).toBe(6);
});

test("each call is noted with its own error once it has ended", async () => {
  const noted: unknown[] = [];
  const noting = namingErrors(
    { succeed: async (_access: Access) => 1, fail: async (_access: Access) => Promise.reject(failure) },
    {},
    (error) => noted.push(error),
  );
  await noting.succeed(ADMIN);
  await details(noting.fail(ADMIN));
  expect(noted).toEqual([null, failure]);
});
