/** What commands print of texts that somebody else wrote. */
import { expect, test } from "vitest";
import { inLine } from "../../server/cli/output.ts";

test("a name in a line cannot end it, control the terminal, or change the order of the letters", () => {
  expect(inLine("a\nb\tc\r\u001b[31m")).toBe("a\\nb\\tc\\u000d\\u001b[31m");
  const marks = ["\u061c", "\u200e", "\u200f", "\u202a", "\u202e", "\u2066", "\u2069", "\u2028", "\u0085"];
  for (const mark of marks) expect(inLine(`a${mark}b`)).toMatch(/^a\\u[0-9a-f]{4}b$/);
  expect(inLine("a b  c   d")).toBe("a b \\u0020c \\u0020\\u0020d");
  expect(inLine("caf\u00e9 \u05d0 \u{1f600}")).toBe("caf\u00e9 \u05d0 \u{1f600}");
});
