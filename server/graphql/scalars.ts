import { Kind, type ValueNode } from "graphql";
import { GraphQLDateTime, GraphQLSafeInt } from "graphql-scalars";
import { builder } from "./builder.ts";
import { jsonTextOf, plainNumber, RawJson, requireExact, tooDeep } from "./json.ts";

/** Deeper input is refused here already, where it is still cheap. Operations check the configured limit. */
const MAXIMUM_DEPTH = 256;

/** The JSON text of a literal in a document. Its numbers are copied to the letter. */
function textOfLiteral(node: ValueNode, variables: Record<string, unknown>, depthLeft: number): string {
  if (depthLeft === 0) throw tooDeep();
  switch (node.kind) {
    case Kind.NULL:
      return "null";
    case Kind.BOOLEAN:
      return String(node.value);
    case Kind.INT:
    case Kind.FLOAT:
      requireExact(node.value);
      return node.value;
    case Kind.STRING:
    case Kind.ENUM:
      return JSON.stringify(node.value);
    case Kind.LIST:
      return `[${node.values.map((item) => textOfLiteral(item, variables, depthLeft - 1)).join(",")}]`;
    case Kind.OBJECT:
      return `{${node.fields
        .map((field) => `${JSON.stringify(field.name.value)}:${textOfLiteral(field.value, variables, depthLeft - 1)}`)
        .join(",")}}`;
    case Kind.VARIABLE: {
      const value = variables[node.name.value];
      return value instanceof RawJson ? value.text : jsonTextOf(value ?? null, MAXIMUM_DEPTH);
    }
  }
}

builder.scalarType("JSON", {
  description:
    "Any JSON value. In answers it is the stored text to the letter, so no digit and no order of keys is lost on the way. In input, a number that JavaScript cannot hold exactly is refused, of a key that is there twice the last counts, and keys that are whole numbers come first: where that matters pass the text instead, in the field beside it whose name ends in Text.",
  serialize: (value) => value as unknown as string,
  parseValue: (value) => new RawJson(jsonTextOf(value, MAXIMUM_DEPTH)),
  parseLiteral: (node, variables) => new RawJson(textOfLiteral(node, variables ?? {}, MAXIMUM_DEPTH)),
});

const safeInt = GraphQLSafeInt.toConfig();
builder.scalarType("SafeInt", {
  description: "A whole number from -(2^53 - 1) to 2^53 - 1, which every JSON parser holds exactly.",
  serialize: (value) => value,
  parseValue: (value) => safeInt.parseValue(plainNumber(value)) as number,
  parseLiteral: (node) => safeInt.parseLiteral(node) as number,
});

const dateTime = GraphQLDateTime.toConfig();
builder.scalarType("DateTime", {
  description: "An instant in UTC as RFC 3339 writes it, such as 2026-11-22T08:00:00.000Z.",
  serialize: (value) => value.toISOString(),
  parseValue: (value) => dateTime.parseValue(value) as Date,
  parseLiteral: (node) => dateTime.parseLiteral(node) as Date,
});
