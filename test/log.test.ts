import { expect, test } from "vitest";
import { describeError } from "../server/log.ts";

test("an error is logged without what hangs on it", () => {
  const error = Object.assign(new Error("away", { cause: new Error("refused") }), {
    code: "57P01",
    client: { connectionParameters: { password: "canary" } },
  });
  const text = JSON.stringify(describeError(error));
  expect(text).toContain('"message":"away"');
  expect(text).toContain('"code":"57P01"');
  expect(text).toContain('"message":"refused"');
  expect(text).not.toContain("canary");
});

test("an error that causes itself, and what is no error, can be logged", () => {
  const error = new Error("round");
  error.cause = error;
  expect(JSON.stringify(describeError(error))).toContain("round");
  expect(describeError("plain")).toBe("plain");
});
