import { expect, test } from "vitest";
import { DomainError } from "../../server/errors.ts";
import { describeError } from "../../server/process/log.ts";

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

test("that a storage is away is logged without a stack, but not what a defect makes of one", () => {
  const cause = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  const away = describeError(new DomainError("STORAGE_UNAVAILABLE", "Away.", { cause }));
  expect(away).toEqual({
    type: "DomainError",
    message: "Away.",
    code: "STORAGE_UNAVAILABLE",
    cause: { type: "Error", message: "connect ECONNREFUSED", code: "ECONNREFUSED" },
  });
  const defect = { stack: expect.any(String) };
  expect(describeError(new DomainError("INTERNAL", "A defect."))).toMatchObject(defect);
  for (const inside of [new TypeError("undefined"), new DomainError("INTERNAL", "A defect.")]) {
    const wrapped = new DomainError("STORAGE_UNAVAILABLE", "It cannot be opened.", { cause: inside });
    expect(describeError(wrapped)).toMatchObject({ cause: defect });
  }
});

test("an error that causes itself, and what is no error, can be logged", () => {
  const error = new Error("round");
  error.cause = error;
  expect(JSON.stringify(describeError(error))).toContain("round");
  expect(describeError("plain")).toBe("plain");
});
