/** What the scalars accept, as a variable and as a literal in the document. */
import { type GraphQLScalarType, Kind, parseValue } from "graphql";
import { expect, test } from "vitest";
import { schema } from "../../server/graphql/schema/schema.ts";

const scalar = (name: string) => schema.getType(name) as GraphQLScalarType;
const dateTime = scalar("DateTime");
const safeInt = scalar("SafeInt");

test.each([
  ["2026-11-22T08:00:00Z", "2026-11-22T08:00:00.000Z"],
  ["2026-11-22t08:00:00.5z", "2026-11-22T08:00:00.500Z"],
  ["2026-11-22T08:00:00.123456-01:30", "2026-11-22T09:30:00.123Z"],
  ["2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"],
])("a DateTime may be %s", (text, instant) => {
  expect((dateTime.parseValue(text) as Date).toISOString()).toBe(instant);
  expect((dateTime.parseLiteral({ kind: Kind.STRING, value: text }) as Date).toISOString()).toBe(instant);
});

test.each([
  ["a day that its month does not have", "2026-04-31T00:00:00Z"],
  ["29 February of an ordinary year", "1900-02-29T00:00:00Z"],
  ["hour 24", "2026-11-22T24:00:00Z"],
  ["a leap second", "2016-12-31T23:59:60Z"],
  ["a time without an offset", "2026-11-22T08:00:00"],
  ["an offset of a day", "2026-11-22T08:00:00+24:00"],
  ["a date alone", "2026-11-22"],
  ["a line break at the end", "2026-11-22T08:00:00Z\n"],
])("a DateTime is not %s", (_what, text) => {
  expect(() => dateTime.parseValue(text)).toThrow("DateTime cannot represent");
  expect(() => dateTime.parseLiteral({ kind: Kind.STRING, value: text })).toThrow("DateTime cannot represent");
});

test.each([1, null, true, ["2026-11-22T08:00:00Z"], {}])("a DateTime is a string, not %j", (value) => {
  expect(() => dateTime.parseValue(value)).toThrow("DateTime cannot represent non-string");
});

test("a SafeInt is a whole number that JavaScript holds exactly", () => {
  for (const value of [0, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) {
    expect(safeInt.parseValue(value)).toBe(value);
    expect(safeInt.parseLiteral(parseValue(String(value)))).toBe(value);
  }
  for (const value of [1.5, Number.NaN, Number.POSITIVE_INFINITY, "1", true, null, [1], {}]) {
    expect(() => safeInt.parseValue(value)).toThrow("SafeInt cannot represent non-integer");
  }
  expect(() => safeInt.parseValue(2 ** 53)).toThrow("SafeInt cannot represent unsafe integer");
  for (const literal of ["1.0", "1e3", '"1"', "true", "[1]", "{ a: 1 }"]) {
    expect(() => safeInt.parseLiteral(parseValue(literal))).toThrow("SafeInt cannot represent non-integer");
  }
  expect(() => safeInt.parseLiteral(parseValue("9007199254740992"))).toThrow("SafeInt cannot represent unsafe integer");
});
