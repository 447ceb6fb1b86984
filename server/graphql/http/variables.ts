/**
 * Checks of variables in addition to those of GraphQL: nothing may be slow to coerce, or long when an error repeats it.
 */
import {
  GraphQLError,
  GraphQLID,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  GraphQLString,
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
  type OperationDefinitionNode,
  typeFromAST,
} from "graphql";
import type { Limits } from "../../config.ts";
import { schema } from "../schema/schema.ts";
import { isRawNumber, plainNumber } from "./request-json.ts";
import { maxListEntries } from "./request-limits.ts";
import { shortened } from "./shortened.ts";
import { MAX_PATH_LENGTH } from "./value-errors.ts";

export type Variables = Readonly<Record<string, unknown>>;

/** Characters of a value where a number, an instant, an enum value or a boolean is expected. */
const MAX_WORD_LENGTH = 100;

/**
 * Throws a GraphQLError for lists that are too long together, for members that a type does not have, and for a list, an
 * object or a long text where a simple value is expected. GraphQL itself reports smaller mistakes, several at once.
 *
 * Hazard: it changes `variables`. A number that was kept as text for the scalar JSON becomes an ordinary number
 * elsewhere.
 */
export function checkVariables(operation: OperationDefinitionNode, variables: Variables, limits: Limits): void {
  const check = new VariableCheck(limits);
  for (const definition of operation.variableDefinitions ?? []) {
    const name = definition.variable.name.value;
    const type = typeFromAST(schema, definition.type);
    if (isInputType(type) && Object.hasOwn(variables, name)) check.member(variables, name, type, `$${name}`);
  }
}

class VariableCheck {
  readonly #maximumItems: number;
  #items = 0;

  constructor(limits: Limits) {
    this.#maximumItems = maxListEntries(limits);
  }

  /** `path` names the value for the error. */
  member(parent: object, key: string | number, type: GraphQLInputType, path: string): void {
    const value = (parent as Record<string | number, unknown>)[key];
    if (value === null || value === undefined) return;
    const nullable = isNonNullType(type) ? type.ofType : type;
    if (isListType(nullable)) {
      if (Array.isArray(value)) this.#list(value, nullable.ofType, path);
      else this.member(parent, key, nullable.ofType, path);
    } else if (isInputObjectType(nullable)) this.#object(value, nullable, path);
    else if (nullable.name !== "JSON") {
      if (isRawNumber(value)) (parent as Record<string | number, unknown>)[key] = plainNumber(value);
      else this.#simple(value, nullable, path);
    }
  }

  #list(items: unknown[], type: GraphQLInputType, path: string): void {
    this.#items += items.length;
    if (this.#items > this.#maximumItems) {
      throw wrong(
        path,
        `the lists of an operation may have ${this.#maximumItems} entries together. Send fewer at a time`,
        { limit: "maxListEntries", value: this.#items, maximum: this.#maximumItems },
      );
    }
    for (let index = 0; index < items.length; index++) this.member(items, index, type, `${path}[${index}]`);
  }

  #object(value: unknown, type: GraphQLInputObjectType, path: string): void {
    if (typeof value !== "object" || Array.isArray(value) || isRawNumber(value)) {
      throw wrong(path, `expected an object of the type ${type.name}`);
    }
    const fields = type.getFields();
    if (type.isOneOf) this.#oneOf(value as Variables, type, path);
    for (const key of Object.keys(value as object)) {
      const field = fields[key];
      if (field === undefined)
        throw wrong(path, `field "${shortened(key, MAX_WORD_LENGTH)}" is not defined by type "${type.name}"`);
      this.member(value as object, key, field.type, `${path}.${key}`);
    }
  }

  /** GraphQL's own errors for these repeat the whole value, and do not say how to send JSON's null. */
  #oneOf(value: Variables, type: GraphQLInputObjectType, path: string): void {
    const [key, ...others] = Object.keys(value);
    const fields = type.getFields();
    if (key === undefined || others.length > 0) {
      throw wrong(path, `give exactly one of ${Object.keys(fields).join(" and ")}`);
    }
    if (value[key] !== null) return;
    const isJson = fields[key]?.type === schema.getType("JSON");
    throw wrong(path, `what is given may not be null${isJson ? '. Send null itself as { text: "null" }' : ""}`);
  }

  #simple(value: unknown, type: { name: string }, path: string): void {
    if (typeof value === "object") throw wrong(path, `expected one ${type.name}, not a list or an object`);
    const isText = type === GraphQLString || type === GraphQLID;
    if (typeof value === "string" && !isText && value.length > MAX_WORD_LENGTH) {
      throw wrong(path, `"${shortened(value, MAX_WORD_LENGTH)}" is too long for the type ${type.name}`);
    }
  }
}

function wrong(
  path: string,
  reason: string,
  limit: { limit?: string; value?: number; maximum?: number } = {},
): GraphQLError {
  const variable = shortened(path, MAX_PATH_LENGTH);
  const details = { variable, ...limit };
  return new GraphQLError(`Variable "${variable}" got an invalid value: ${reason}.`, { extensions: { details } });
}
