import { readFileSync } from "node:fs";
import {
  DirectiveLocation,
  type GraphQLNamedType,
  getNamedType,
  introspectionFromSchema,
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isNonNullType,
  isObjectType,
  isSpecifiedScalarType,
} from "graphql";
import { expect, test } from "vitest";
import { ERROR_CODES } from "../../server/errors.ts";
import { printedSchema } from "../../server/graphql/schema/print.ts";
import { schema } from "../../server/graphql/schema/schema.ts";

const types = Object.values(schema.getTypeMap()).filter(
  (type) => !type.name.startsWith("__") && !isSpecifiedScalarType(type),
);

test("schema.graphql is what the code says: run `npm run schema` when this fails", () => {
  expect(readFileSync("schema.graphql", "utf8")).toBe(printedSchema());
});

test("everything in the schema has a description", () => {
  const without: string[] = [];
  const look = (name: string, { description }: { description?: string | null }) => {
    if (!description?.trim().match(/[.!)]$/)) without.push(name);
  };
  for (const type of types) {
    look(type.name, type);
    if (isEnumType(type)) for (const value of type.getValues()) look(`${type.name}.${value.name}`, value);
    if (isInputObjectType(type))
      for (const field of Object.values(type.getFields())) look(`${type.name}.${field.name}`, field);
    if (!isObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      look(`${type.name}.${field.name}`, field);
      for (const argument of field.args) look(`${type.name}.${field.name}(${argument.name})`, argument);
    }
  }
  expect(without).toEqual([]);
});

test("the enum ErrorCode is the closed list of codes", () => {
  const type = schema.getType("ErrorCode");
  const names = isEnumType(type) ? type.getValues().map(({ name }) => name) : [];
  expect(names.sort()).toEqual(Object.keys(ERROR_CODES).sort());
});

test("an introspection names no locations of directives but those that GraphQL clients of October 2021 know", () => {
  const known = new Set<string>(Object.values(DirectiveLocation));
  known.delete(DirectiveLocation.DIRECTIVE_DEFINITION);
  const { directives } = introspectionFromSchema(schema).__schema;
  expect(directives.map(({ name }) => name)).toContain("deprecated");
  for (const { name, locations } of directives) {
    expect(
      locations.filter((location) => !known.has(location)),
      name,
    ).toEqual([]);
  }
});

test("every list that grows is a connection with the four arguments", () => {
  const connections: string[] = [];
  for (const type of types.filter(isObjectType)) {
    for (const field of Object.values(type.getFields())) {
      if (!getNamedType(field.type).name.endsWith("Connection")) continue;
      connections.push(`${type.name}.${field.name}`);
      expect(field.args.map(({ name }) => name)).toEqual(expect.arrayContaining(["first", "after", "last", "before"]));
    }
  }
  expect(connections).toEqual(
    expect.arrayContaining([
      "Query.queues",
      "Queue.messages",
      "Queue.claims",
      "Query.pools",
      "Query.flavors",
      "Query.catalogue",
    ]),
  );
});

test("a query that may fail is nullable, so that it costs no other its answer", () => {
  const always = Object.values(schema.getQueryType()?.getFields() ?? {}).filter(({ type }) => isNonNullType(type));
  expect(always.map(({ name }) => name).sort()).toEqual(["limits", "viewer"]);
});

test("every mutation takes one required input and gives a payload", () => {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    expect(
      field.args.map(({ name, type }) => `${name}: ${type}`),
      field.name,
    ).toEqual([expect.stringMatching(/^input: \w+Input!$/)]);
    expect(String(field.type), field.name).toMatch(/^\w+Payload$/);
  }
});

test("below a payload every field with arguments is nullable, so that a refused one does not hide what was done", () => {
  const seen = new Set<string>();
  const notNullable: string[] = [];
  const look = (type: GraphQLNamedType) => {
    if (seen.has(type.name)) return;
    seen.add(type.name);
    if (isAbstractType(type)) for (const possible of schema.getPossibleTypes(type)) look(possible);
    if (!isObjectType(type)) return;
    for (const field of Object.values(type.getFields())) {
      if (field.args.length > 0 && isNonNullType(field.type)) notNullable.push(`${type.name}.${field.name}`);
      look(getNamedType(field.type));
    }
  };
  for (const { type } of Object.values(schema.getMutationType()?.getFields() ?? {})) look(getNamedType(type));
  expect(seen).toContain("Queue");
  expect(seen).toContain("Pool");
  expect(notNullable).toEqual([]);
});

test("a read-only service refuses every mutation before it runs", async () => {
  const refusal = new Error("read-only");
  const asked: string[] = [];
  const requireChanges = (mutation: string) => {
    asked.push(mutation);
    throw refusal;
  };
  const fields = Object.values(schema.getMutationType()?.getFields() ?? {});
  const context = {
    operations: { readOnly: { requireChanges } },
    requireRights: () => undefined,
    because: () => context,
  };
  for (const { name, resolve } of fields) {
    const call = async () => resolve?.({}, { input: {} }, context, { fieldName: name } as never);
    await expect(call(), name).rejects.toBe(refusal);
  }
  expect(asked).toEqual(fields.map(({ name }) => name));
});
