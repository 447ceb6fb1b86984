import { GraphQLError, Kind, print, type ValueNode } from "graphql";
import { tooDeep } from "../http/request-json.ts";
import { limitDetails, REQUEST_LIMITS } from "../http/request-limits.ts";
import { builder } from "./builder.ts";
import { CoercedVariable, jsonTextOf, RawJson, refusedJson, requireExact } from "./json.ts";

/** Deeper input is refused here, where that is still cheap. Operations check the configured limit. */
const MAXIMUM_DEPTH = 256;

/** The JSON text of a literal in a document. Its numbers are copied unchanged. */
function textOfLiteral(node: ValueNode, variables: Record<string, unknown>): string {
  let length = 0;
  function counted(text: string): string {
    length += text.length;
    if (length > REQUEST_LIMITS.maxJsonLiteralLength) {
      const details = limitDetails("maxJsonLiteralLength");
      throw new GraphQLError("This JSON is too long with its variables put in.", { extensions: { details } });
    }
    return text;
  }
  function textOf(value: ValueNode, depthLeft: number): string {
    if (depthLeft === 0) throw tooDeep();
    switch (value.kind) {
      case Kind.NULL:
        return counted("null");
      case Kind.BOOLEAN:
        return counted(String(value.value));
      case Kind.INT:
      case Kind.FLOAT:
        requireExact(value.value);
        return counted(value.value);
      case Kind.STRING:
      case Kind.ENUM:
        return counted(JSON.stringify(value.value));
      case Kind.LIST:
        return `[${value.values.map((item) => textOf(item, depthLeft - 1)).join(",")}]`;
      case Kind.OBJECT:
        return `{${value.fields
          .map((field) => `${counted(JSON.stringify(field.name.value))}:${textOf(field.value, depthLeft - 1)}`)
          .join(",")}}`;
      case Kind.VARIABLE: {
        const variable = variables[value.name.value];
        return counted(variable instanceof RawJson ? variable.text : jsonTextOf(variable ?? null, MAXIMUM_DEPTH));
      }
    }
  }
  return textOf(node, MAXIMUM_DEPTH);
}

builder.scalarType("JSON", {
  specifiedByURL: "https://www.rfc-editor.org/rfc/rfc8259",
  description:
    "Any JSON value. An answer holds exactly the stored text, with all digits and the order of keys. In input, a number that JavaScript cannot hold exactly is refused, the last of several equal keys counts, and keys that are whole numbers come first. If that matters, or if a request would have more than 100,000 members and entries, send it as text: see JsonInput.",
  serialize: (value) => value as unknown as string,
  // See coerceVariables: any variable may be declared as JSON.
  parseValue: (value) =>
    value instanceof CoercedVariable ? (value.value as RawJson) : new RawJson(jsonTextOf(value, MAXIMUM_DEPTH)),
  parseLiteral(node, variables) {
    try {
      return new RawJson(textOfLiteral(node, variables ?? {}));
    } catch (error) {
      // graphql-js reports this one only while it validates, when no variables are known.
      if (!variables) throw error;
      return refusedJson(error);
    }
  },
});

/** `value` is NaN for a literal that is no integer. */
function safeIntOf(value: unknown, literal?: ValueNode): number {
  const refuse = (what: string) =>
    new GraphQLError(`SafeInt cannot represent ${what} value: ${literal ? print(literal) : value}`, { nodes: literal });
  if (typeof value !== "number" || !Number.isInteger(value)) throw refuse("non-integer");
  if (!Number.isSafeInteger(value)) throw refuse("unsafe integer");
  return value;
}

builder.scalarType("SafeInt", {
  specifiedByURL: "https://tc39.es/ecma262/#sec-number.issafeinteger",
  description: "A whole number from -(2^53 - 1) to 2^53 - 1, which every JSON parser holds exactly.",
  serialize: (value) => value,
  parseValue: (value) => safeIntOf(value),
  parseLiteral: (node) => safeIntOf(node.kind === Kind.INT ? Number(node.value) : Number.NaN, node),
});

/**
 * The `date-time` of RFC 3339, section 5.6: a date with a time and an offset, in letters of either case. A leap second
 * is refused, because `Date` has none.
 */
const DATE_TIME =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/i;

function dateTimeOf(value: unknown, literal?: ValueNode): Date {
  if (typeof value !== "string") {
    const written = literal ? print(literal) : JSON.stringify(value);
    throw new GraphQLError(`DateTime cannot represent non-string value: ${written}`, { nodes: literal });
  }
  const day = DATE_TIME.exec(value)?.[1];
  const instant = new Date(value.toUpperCase());
  // `Date` turns the 30th of February into a day in March.
  const isRealDay = day !== undefined && new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
  if (!isRealDay || Number.isNaN(instant.getTime())) {
    throw new GraphQLError(`DateTime cannot represent invalid date-time string: ${value}`, { nodes: literal });
  }
  return instant;
}

builder.scalarType("DateTime", {
  specifiedByURL: "https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
  description: "An instant in UTC as RFC 3339 writes it, such as 2026-11-22T08:00:00.000Z.",
  serialize: (value) => value.toISOString(),
  parseValue: (value) => dateTimeOf(value),
  parseLiteral: (node) => dateTimeOf(node.kind === Kind.STRING ? node.value : null, node),
});
