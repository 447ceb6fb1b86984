/** Makes documents from the schema: for the matrix, which asks for everything there is. */
import {
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type GraphQLOutputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredInputField,
} from "graphql";

/** All that a type shows without arguments, to this depth. */
export function selectionOf(type: GraphQLOutputType, depth: number): string {
  const named = getNamedType(type);
  if (isLeafType(named)) return "";
  if (!isObjectType(named)) return "{ __typename }";
  const fields = Object.values(named.getFields()).flatMap((field) => {
    if (field.args.some((arg) => isNonNullType(arg.type) && arg.defaultValue === undefined)) return [];
    if (isLeafType(getNamedType(field.type))) return [field.name];
    // A connection shows its rows once.
    if (depth === 0 || field.name === "edges") return [];
    return [`${field.name} ${selectionOf(field.type, depth - 1)}`];
  });
  return `{ ${fields.length === 0 ? "__typename" : fields.join(" ")} }`;
}

/** An input with the fields that it needs, and those that say what it is about. */
export function inputOf(type: GraphQLInputObjectType, known: Readonly<Record<string, unknown>>): object {
  const fields = Object.values(type.getFields());
  const [first] = fields;
  const chosen = type.isOneOf && first !== undefined ? [first] : fields;
  return Object.fromEntries(
    chosen.flatMap((field) => {
      if (!type.isOneOf && !isRequiredInputField(field) && !(field.name in known)) return [];
      return [[field.name, field.name in known ? known[field.name] : exampleOf(field.type, known)]];
    }),
  );
}

function exampleOf(type: GraphQLInputType, known: Readonly<Record<string, unknown>>): unknown {
  if (isNonNullType(type)) return exampleOf(type.ofType, known);
  if (isListType(type)) return [exampleOf(type.ofType, known)];
  if (isInputObjectType(type)) return inputOf(type, known);
  if (isEnumType(type)) return type.getValues()[0]?.name;
  if (type.name === "Boolean") return true;
  if (type.name === "SafeInt") return 60;
  if (type.name === "JSON") return {};
  if (type.name === "DateTime") return "2026-01-01T00:00:00.000Z";
  return "none";
}
