import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { checksumOf } from "../../../server/operations/input/message-checksum.ts";

describe("checksumOf", () => {
  test("returns the checksum that Zaqar returns", async () => {
    expect(await checksumOf('{"b": 1, "a": "é"}')).toBe("MD5:b9622a81c98224c56eb3afdd8f51b202");
    expect(await checksumOf('"text"')).toBe("MD5:20cd815523e5806aec29a57282b0d49f");
  });

  // Left: the body as posted. Right: what Python 3 writes for it.
  test.each([
    [" [ 1 ,2,{ } ,[ ]] ", "[1, 2, {}, []]"],
    ['{"10":1,"2":2,"a":{"b":[true,false,null]}}', '{"10": 1, "2": 2, "a": {"b": [true, false, null]}}'],
    ['{"a":1,"b":2,"a":3}', '{"a": 3, "b": 2}'],
    ["12345678901234567890123", "12345678901234567890123"],
    ["-0", "0"],
    ["-0.0", "-0.0"],
    ["1.0", "1.0"],
    ["1E2", "100.0"],
    ["1e21", "1e+21"],
    ["1e16", "1e+16"],
    ["123456789012345.6", "123456789012345.6"],
    ["9999999999999998.0", "9999999999999998.0"],
    ["0.0001", "0.0001"],
    ["0.00001", "1e-05"],
    ["1.5e-7", "1.5e-07"],
    ["-2.50e300", "-2.5e+300"],
    ["1e400", "Infinity"],
    ["0.1", "0.1"],
    ["1.10", "1.1"],
    ['"\\/\\"\\\\\\b\\f\\n\\r\\t\\u0001"', '"/\\"\\\\\\b\\f\\n\\r\\t\\u0001"'],
    ['"\u007f\u2028😀"', '"\\u007f\\u2028\\ud83d\\ude00"'],
    ['"\\ud800"', '"\\ud800"'],
    ['{"é":"{\\"a\\":1}"}', '{"\\u00e9": "{\\"a\\":1}"}'],
  ])("of %s is that of %s", async (bodyText, python) => {
    expect(await checksumOf(bodyText)).toBe(`MD5:${createHash("md5").update(python).digest("hex")}`);
  });

  test("yields to the event loop during a long body", async () => {
    let turns = 0;
    const counting = setInterval(() => turns++, 0);
    const list = `[${"1, ".repeat(200_000)}1]`;
    expect(await checksumOf(list)).toBe(`MD5:${createHash("md5").update(list).digest("hex")}`);
    clearInterval(counting);
    expect(turns).toBeGreaterThan(3);
  });

  test("handles deep nesting", async () => {
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    expect(await checksumOf(deep)).toBe(`MD5:${createHash("md5").update(deep).digest("hex")}`);
  });
});
