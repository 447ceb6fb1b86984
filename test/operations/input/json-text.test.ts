import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkJsonText, objectMembers, objectText } from "../../../server/operations/input/json-text.ts";

/** JSON text with white space wherever it may be, and keys that JavaScript would sort or merge. */
const jsonText = fc.letrec<{ value: string; array: string; object: string }>((tie) => {
  const space = fc.constantFrom("", " ", "\n", "\t ", "\r\n");
  const text = fc.string({ unit: "binary" }).map((value) => JSON.stringify(value));
  const scalar = fc.oneof(
    text,
    fc.constantFrom("true", "false", "null", "0", "-0", "1.0", "1e400", "12345678901234567890", '"\\u0000\\\\\\""'),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  );
  const spaced = (value: fc.Arbitrary<string>) => fc.tuple(space, value, space).map((parts) => parts.join(""));
  const key = fc.oneof(text, fc.constantFrom('"a"', '"\\u0061"', '"2"', '"10"', '"__proto__"', '""'));
  const member = fc.tuple(spaced(key), spaced(tie("value"))).map(([name, value]) => `${name}:${value}`);
  const list = (open: string, item: fc.Arbitrary<string>, close: string) =>
    fc
      .tuple(fc.array(item, { maxLength: 4 }), space)
      .map(([items, gap]) => `${open}${items.length === 0 ? gap : items.join(",")}${close}`);
  return {
    value: fc.oneof({ maxDepth: 4 }, scalar, tie("array"), tie("object")),
    array: list("[", spaced(tie("value")), "]"),
    object: spaced(list("{", member, "}")),
  };
});

describe("objectMembers", () => {
  test("reads what JSON.parse reads, each value as its own text", () => {
    fc.assert(
      fc.property(jsonText.object, (text) => {
        const parsed = JSON.parse(text) as Record<string, unknown>;
        const members = objectMembers(text);
        expect(new Set(members.keys())).toEqual(new Set(Object.keys(parsed)));
        for (const [key, valueText] of members) {
          expect(JSON.parse(valueText)).toEqual(parsed[key]);
          expect(text).toContain(valueText);
        }
        expect(objectMembers(objectText(members))).toEqual(members);
      }),
    );
  });
});

describe("checkJsonText", () => {
  /** The depth of valid JSON. It counts brackets in the text, because a parsed value keeps one of two equal keys. */
  const depthOf = (text: string): number => {
    let [depth, deepest] = [0, 0];
    for (const char of text.replace(/"(?:[^"\\]|\\.)*"/g, "")) {
      if (char === "[" || char === "{") depth += 1;
      if (char === "]" || char === "}") depth -= 1;
      deepest = Math.max(deepest, depth);
    }
    return deepest;
  };

  test("accepts what JSON.parse accepts, up to the allowed depth", () => {
    fc.assert(
      fc.property(
        jsonText.value,
        fc.nat({ max: 3 }),
        fc.nat(),
        fc.constantFrom("", "x", '"', "}", ","),
        (text, depth, at, dirt) => {
          const place = at % (text.length + 1);
          const dirty = text.slice(0, place) + dirt + text.slice(place);
          let valid: boolean;
          try {
            JSON.parse(dirty);
            valid = depthOf(dirty) <= depth && dirty.isWellFormed();
          } catch {
            valid = false;
          }
          const check = () => checkJsonText("body", dirty, depth);
          if (valid) expect(check()).toBe(dirty);
          else expect(check).toThrow(/body/);
        },
      ),
    );
  });
});
