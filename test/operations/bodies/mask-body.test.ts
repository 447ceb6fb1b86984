import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readBodyPath } from "../../../server/operations/bodies/body-path.ts";
import { MASK, MASK_JSON, maskBody } from "../../../server/operations/bodies/mask-body.ts";

const masked = (text: string, ...paths: string[]) =>
  maskBody(
    text,
    paths.map((path) => readBodyPath("maskedPaths", path)),
  );

/** A JSON value as its text, with white space and numbers that JavaScript would change. */
type Value =
  | { scalar: string }
  | { items: readonly Value[]; space: string }
  | { members: readonly (readonly [string, Value])[]; space: string };

const NAMES = ["a", "b", "card", "a b", "é", "__proto__", "0", '"', "\\"];
const { value } = fc.letrec<{ value: Value }>((tie) => {
  const space = fc.constantFrom("", " ", "\n\t");
  return {
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.record({
        scalar: fc.oneof(
          fc.constantFrom("true", "null", "-0", "1.0", "1e400", "12345678901234567890", '"\\u0061\\"]}"', '""'),
          fc.string({ unit: "binary" }).map((text) => JSON.stringify(text)),
        ),
      }),
      fc.record({ items: fc.array(tie("value"), { maxLength: 4 }), space }),
      fc.record({ members: fc.array(fc.tuple(fc.constantFrom(...NAMES), tie("value")), { maxLength: 4 }), space }),
    ),
  };
});

type Step = { child: string | number | "*"; deep: boolean };
const path = fc.array(
  fc.record({
    child: fc.oneof(fc.constantFrom<string | number>(...NAMES, 0, 1), fc.constant("*" as const)),
    deep: fc.boolean(),
  }),
  { minLength: 1, maxLength: 4 },
);
const pathText = (steps: readonly Step[]) =>
  `$${steps
    .map(({ child, deep }) => {
      const inside = child === "*" || typeof child === "number" ? String(child) : JSON.stringify(child);
      return `${deep ? ".." : ""}[${inside}]`;
    })
    .join("")}`;

/** What the paths mean, said in another way: whether they lead from here to the end of `keys`. */
function leads(steps: readonly Step[], keys: readonly (string | number)[]): boolean {
  const [first, ...rest] = steps;
  const [key, ...below] = keys;
  if (first === undefined) return keys.length === 0;
  if (key === undefined) return false;
  return ((first.child === "*" || first.child === key) && leads(rest, below)) || (first.deep && leads(steps, below));
}

/** The text of a value; `hidden` values have another text. An escape at the beginning of a key does not hide it. */
function write(value: Value, text: (value: Value, keys: readonly (string | number)[]) => string | null): string {
  const go = (one: Value, keys: readonly (string | number)[]): string => {
    const replaced = text(one, keys);
    if (replaced !== null) return replaced;
    if ("scalar" in one) return one.scalar;
    const { space } = one;
    const children =
      "items" in one
        ? one.items.map((item, index) => go(item, [...keys, index]))
        : one.members.map(([name, member]) => `${escaped(name)}${space}:${space}${go(member, [...keys, name])}`);
    const [begin, end] = "items" in one ? "[]" : "{}";
    return `${begin}${space}${children.join(`${space},${space}`)}${space}${end}`;
  };
  return `\n${go(value, [])} `;
}

const escaped = (name: string) =>
  `"${[...name].map((char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`).join("")}"`;

test("masks what the paths lead to, and leaves every other character as it was posted", async () => {
  await fc.assert(
    fc.asyncProperty(value, fc.array(path, { minLength: 1, maxLength: 3 }), async (body, paths) => {
      const isMasked = (keys: readonly (string | number)[]) => paths.some((steps) => leads(steps, keys));
      const text = write(body, () => null);
      const expected = write(body, (_, keys) => (isMasked(keys) ? MASK_JSON : null));
      expect(await masked(text, ...paths.map(pathText))).toBe(expected);
    }),
    { numRuns: 500 },
  );
});

test("leaves nothing of a masked value in the text", async () => {
  const secret = fc.stringMatching(/^[a-z]{8}$/).map((word) => `secret-${word}`);
  await fc.assert(
    fc.asyncProperty(value, secret, fc.boolean(), async (body, word, twice) => {
      const text = write(body, () => null).trim();
      const hidden = `{"deep":[${JSON.stringify(word)},{"${word}":${text}}]}`;
      const outer = `{"pin":${hidden},"rest":${text}${twice ? `,"p\\u0069n":${hidden}` : ""},"n":{"pin":"${word}"}}`;
      const shown = await masked(outer, "$..pin");
      expect(shown).not.toContain(word);
      expect(JSON.parse(shown)).toMatchObject({ pin: MASK, n: { pin: MASK } });
    }),
    { numRuns: 100 },
  );
});

test("holds the event loop for moments only, whatever the paths and the body", async () => {
  const path = readBodyPath("path", `$${"..*".repeat(60)}..z`);
  const body = `${"[".repeat(60)}${"1,".repeat(2000)}1${"]".repeat(60)}`;
  let turns = 0;
  const count = () => {
    turns += 1;
    next = setImmediate(count);
  };
  let next = setImmediate(count);
  expect(await maskBody(body, [path, path, path])).toBe(body);
  clearImmediate(next);
  expect(turns).toBeGreaterThan(10);
});

describe("a path into a body", () => {
  const body = '{"card":{"number":1,"x-y":2},"items":[{"s":3},{"s":4}],"a.b":5,"it\'s":{"s":6}}';
  test.each([
    ["$.card.number", '{"card":{"number":"***","x-y":2},"items":[{"s":3},{"s":4}],"a.b":5,"it\'s":{"s":6}}'],
    ["$.card.*", '{"card":{"number":"***","x-y":"***"},"items":[{"s":3},{"s":4}],"a.b":5,"it\'s":{"s":6}}'],
    ["$.card.x-y", '{"card":{"number":1,"x-y":"***"},"items":[{"s":3},{"s":4}],"a.b":5,"it\'s":{"s":6}}'],
    ["$.items[*].s", '{"card":{"number":1,"x-y":2},"items":[{"s":"***"},{"s":"***"}],"a.b":5,"it\'s":{"s":6}}'],
    ["$.items[1]", '{"card":{"number":1,"x-y":2},"items":[{"s":3},"***"],"a.b":5,"it\'s":{"s":6}}'],
    ["$['a.b']", '{"card":{"number":1,"x-y":2},"items":[{"s":3},{"s":4}],"a.b":"***","it\'s":{"s":6}}'],
    ["$['it\\'s'].s", '{"card":{"number":1,"x-y":2},"items":[{"s":3},{"s":4}],"a.b":5,"it\'s":{"s":"***"}}'],
    ["$..s", '{"card":{"number":1,"x-y":2},"items":[{"s":"***"},{"s":"***"}],"a.b":5,"it\'s":{"s":"***"}}'],
    ["$.*", '{"card":"***","items":"***","a.b":"***","it\'s":"***"}'],
    ["$.missing.s", body],
  ])("%s leads where it should", async (path, expected) => {
    expect(await masked(body, path)).toBe(expected);
  });

  test.each([
    "",
    "card",
    "$",
    "$.",
    "$.a.",
    "$a",
    "$..",
    "$[",
    "$[]",
    "$[-1]",
    "$[01]",
    "$[a]",
    "$.[0]",
    "$['a]",
    "$['\\x']",
    "$.a b",
    "$[?@.a]",
    "$[0:1]",
    "$.a[0,1]",
  ])("%j is none", (path) => {
    expect(() => readBodyPath("maskedPaths.0", path)).toThrow(/maskedPaths\.0/);
  });
});

test("lets others work while it masks a body of many values", async () => {
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, 0);
  const text = `[${Array.from({ length: 100_000 }, (_, index) => `{"n":${index}}`).join(",")}]`;
  const shown = await masked(text, "$[*].n");
  clearInterval(timer);
  expect(JSON.parse(shown)).toHaveLength(100_000);
  expect(turns).toBeGreaterThan(5);
});
