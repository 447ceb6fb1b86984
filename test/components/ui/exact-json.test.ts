import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { indentExactJson, parseExactJson } from "../../../components/ui/exact-json.ts";

function shown(text: string): string | null {
  const parsed = parseExactJson(text);
  return parsed && indentExactJson(parsed);
}

describe("parseExactJson", () => {
  it("keeps every digit of a number", () => {
    expect(shown("12345678901234567890123")).toBe("12345678901234567890123");
    expect(shown("1.0")).toBe("1.0");
    expect(shown("-0")).toBe("-0");
    expect(shown("1e400")).toBe("1e400");
  });

  it("keeps the order of keys, repeated keys, and __proto__", () => {
    expect(shown('{"b":1,"a":2,"b":3,"__proto__":{}}')).toBe(
      '{\n  "b": 1,\n  "a": 2,\n  "b": 3,\n  "__proto__": {}\n}',
    );
  });

  it("is null for a text that is not one JSON value", () => {
    for (const text of ["", "{", "[1,]", "01", "1 2", "'a'", '{"a"}', "nul", '"\\x"', '"a\nb"', "+1", "NaN"]) {
      expect(parseExactJson(text), text).toBeNull();
    }
  });

  it("is null for a document that is too deep for a tree, instead of overflowing the stack", () => {
    expect(parseExactJson("[".repeat(100_000) + "]".repeat(100_000))).toBeNull();
  });

  it("accepts what JSON.parse accepts, with the same value", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(JSON.parse(shown(text) ?? "missing")).toEqual(JSON.parse(text));
      }),
    );
  });
});
