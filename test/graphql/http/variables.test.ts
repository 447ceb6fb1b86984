/** Resolvers get of variables what graphql-js itself would give them, in any operation. */
import fc from "fast-check";
import {
  type GraphQLArgument,
  GraphQLBoolean,
  GraphQLError,
  GraphQLID,
  type GraphQLInputType,
  GraphQLString,
  getOperationAST,
  getVariableValues,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  parse,
} from "graphql";
import { expect, test } from "vitest";
import { readConfig } from "../../../server/config.ts";
import { coerceVariables } from "../../../server/graphql/http/variables.ts";
import { CoercedVariable } from "../../../server/graphql/schema/json.ts";
import { schema } from "../../../server/graphql/schema/schema.ts";

const limits = readConfig({});
const WRONG = fc.oneof(
  fc.constant(null),
  fc.constant([]),
  fc.constant({}),
  fc.constant("x"),
  fc.constant(1.5),
  fc.nat(),
);

/** Values for the type, now and then wrong ones. Deep objects are left out where they may be. */
function valuesOf(type: GraphQLInputType, depth = 4): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 40, arbitrary: goodValuesOf(type, depth) }, { weight: 1, arbitrary: WRONG });
}

function goodValuesOf(type: GraphQLInputType, depth: number): fc.Arbitrary<unknown> {
  if (isNonNullType(type)) return goodValuesOf(type.ofType, depth);
  if (isListType(type)) {
    const items = valuesOf(type.ofType, depth);
    return fc.oneof(fc.array(items, { maxLength: depth > 0 ? 3 : 0 }), items);
  }
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields());
    if (type.isOneOf) {
      return fc.oneof(
        ...fields.map(({ name, type: own }) => valuesOf(own, depth - 1).map((value) => ({ [name]: value }))),
      );
    }
    const wanted = fields.filter(({ type: own }) => depth > 0 || isNonNullType(own));
    const members = Object.fromEntries(wanted.map(({ name, type: own }) => [name, valuesOf(own, depth - 1)]));
    const requiredKeys = wanted.filter(({ type: own }) => isNonNullType(own)).map(({ name }) => name);
    return fc.record(members, { requiredKeys });
  }
  if (isEnumType(type)) return fc.constantFrom(...type.getValues().map(({ name }) => name));
  if (type === GraphQLString || type === GraphQLID) return fc.string();
  if (type === GraphQLBoolean) return fc.boolean();
  if (type.name === "DateTime") return fc.constant("2026-11-27T08:00:00.000Z");
  if (type.name === "JSON") return fc.jsonValue();
  return fc.nat();
}

const ROOTS = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
const FIELDS = ROOTS.flatMap((root) =>
  Object.values(root?.getFields() ?? {})
    .filter(({ args }) => args.length > 0)
    .map((field) => ({ name: `${root?.name}.${field.name}`, kind: root?.name.toLowerCase(), field })),
);

test.each(FIELDS)("the variables of $name are coerced as GraphQL does it", ({ kind, field: { name, args } }) => {
  const declared = args.map((arg: GraphQLArgument) => `$${arg.name}: ${arg.type}`).join(", ");
  const given = args.map((arg: GraphQLArgument) => `${arg.name}: $${arg.name}`).join(", ");
  const document = parse(`${kind} O(${declared}) { ${name}(${given}) { __typename } }`);
  const operation = getOperationAST(document);
  if (!operation) throw new Error("It has an operation.");
  const all = fc.record(Object.fromEntries(args.map((arg) => [arg.name, valuesOf(arg.type)])), { requiredKeys: [] });
  let coerced = 0;
  fc.assert(
    fc.property(all, (variables) => {
      const expected = getVariableValues(schema, operation.variableDefinitions ?? [], structuredClone(variables));
      const executable = executableOf(structuredClone(variables));
      if (executable === null || executable.document === document) {
        expect(expected.errors).not.toBeUndefined();
        return;
      }
      coerced += 1;
      expect(expected.errors).toBeUndefined();
      // graphql-js is told that each is JSON, which takes them as they are.
      const taken = getVariableValues(schema, getOperationAST(executable.document)?.variableDefinitions ?? [], {
        ...executable.variables,
      });
      expect(JSON.stringify(taken.coerced)).toBe(JSON.stringify(expected.coerced));
      expect(taken.coerced).toEqual(expected.coerced);
      expect(Object.values(executable.variables ?? {}).every((one) => one instanceof CoercedVariable)).toBe(true);
    }),
    { numRuns: 40 },
  );
  expect(coerced).toBeGreaterThan(0);

  function executableOf(variables: Record<string, unknown>) {
    try {
      return coerceVariables(document, operation as NonNullable<typeof operation>, variables, limits);
    } catch (error) {
      expect(error).toBeInstanceOf(GraphQLError);
      return null;
    }
  }
});

test("a variable that is left out has its default, and none without one", () => {
  const document = parse(
    "query O($n: SafeInt = 7, $by: QueueOrder = { field: DEPTH }, $project: String) { queues(project: $project, first: $n) { nodes { name } } }",
  );
  const operation = getOperationAST(document);
  if (!operation) throw new Error("It has an operation.");
  const { variables } = coerceVariables(document, operation, {}, limits);
  expect(variables).toEqual({
    n: new CoercedVariable(7),
    by: new CoercedVariable({ field: "depth", direction: "asc" }),
  });
});
