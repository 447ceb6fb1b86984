/**
 * The variables of an operation, as its resolvers get them. They are checked and coerced in one walk, along a plan that
 * is made once for each operation. graphql-js looks at the types of every value again: measured, a twentieth of the time
 * that this process spends on a request.
 *
 * In addition to GraphQL's own rules nothing may be slow to coerce, or long when an error repeats it.
 */
import {
  type DocumentNode,
  GraphQLError,
  GraphQLID,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type GraphQLLeafType,
  GraphQLString,
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
  Kind,
  type NamedTypeNode,
  type OperationDefinitionNode,
  typeFromAST,
  valueFromAST,
} from "graphql";
import type { Limits } from "../../config.ts";
import { CoercedVariable } from "../schema/json.ts";
import { schema } from "../schema/schema.ts";
import { isRawNumber, plainNumber } from "./request-json.ts";
import { maxListEntries } from "./request-limits.ts";
import { shortened } from "./shortened.ts";
import { MAX_PATH_LENGTH } from "./value-errors.ts";

export type Variables = Readonly<Record<string, unknown>>;

/** What graphql-js executes. */
export interface Executable {
  document: DocumentNode;
  variables: Variables | null | undefined;
}

/** Characters of a value where a number, an instant, an enum value or a boolean is expected. */
const MAX_WORD_LENGTH = 100;

/**
 * What to execute for these variables. Throws a GraphQLError for lists that are too long together, for members that a
 * type does not have, and for a list, an object or a long text where a simple value is expected. GraphQL itself reports
 * smaller mistakes, several at once: then it is the document as it is.
 *
 * Hazard: it changes `variables`. A number that was kept as text for the scalar JSON becomes an ordinary number
 * elsewhere.
 */
export function coerceVariables(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Variables,
  limits: Limits,
): Executable {
  const plan = planOf(document, operation);
  const walk = new Walk(limits);
  const coerced: Record<string, CoercedVariable> = {};
  for (const { name, coerce, missing } of plan.variables) {
    if (Object.hasOwn(variables, name)) coerced[name] = new CoercedVariable(coerce(variables, name, `$${name}`, walk));
    else if (missing === REFUSED) walk.isRefused = true;
    else if (missing !== undefined) coerced[name] = new CoercedVariable(missing);
  }
  return walk.isRefused ? { document, variables } : { document: plan.document, variables: coerced };
}

interface Plan {
  variables: readonly PlannedVariable[];
  /**
   * The same document, but each variable is declared as JSON, which takes a CoercedVariable as it is. So graphql-js
   * does not coerce the values once more.
   */
  document: DocumentNode;
}

interface PlannedVariable {
  name: string;
  coerce: Coerce;
  /** What it stands for when it is left out. REFUSED: it may not be. Undefined: nothing. */
  missing: unknown;
}

/** GraphQL itself says what is wrong with the value. */
const REFUSED = Symbol("refused");
const JSON_TYPE: NamedTypeNode = { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: "JSON" } };
/** Documents are cached, and so are these. */
const plans = new WeakMap<OperationDefinitionNode, Plan>();

function planOf(document: DocumentNode, operation: OperationDefinitionNode): Plan {
  const known = plans.get(operation);
  if (known !== undefined) return known;
  const declared = operation.variableDefinitions ?? [];
  const variables = declared.flatMap(({ variable, type: written, defaultValue }): PlannedVariable[] => {
    const type = typeFromAST(schema, written);
    if (!isInputType(type)) return [];
    const fallback = defaultValue && valueFromAST(defaultValue, type);
    const missing = fallback === undefined && isNonNullType(type) ? REFUSED : fallback;
    return [{ name: variable.name.value, coerce: coerceTo(type), missing }];
  });
  const typed = {
    ...operation,
    variableDefinitions: declared.map(({ kind, variable }) => ({ kind, variable, type: JSON_TYPE })),
  };
  const definitions = document.definitions.map((definition) => (definition === operation ? typed : definition));
  const plan = { variables, document: { ...document, definitions } };
  plans.set(operation, plan);
  return plan;
}

/** One walk through the variables of a request. */
class Walk {
  readonly #maximumItems: number;
  #items = 0;
  isRefused = false;

  constructor(limits: Limits) {
    this.#maximumItems = maxListEntries(limits);
  }

  refuse(): null {
    this.isRefused = true;
    return null;
  }

  countItems(count: number, path: string): void {
    this.#items += count;
    if (this.#items <= this.#maximumItems) return;
    throw wrong(
      path,
      `the lists of an operation may have ${this.#maximumItems} entries together. Send fewer at a time`,
      { limit: "maxListEntries", value: this.#items, maximum: this.#maximumItems },
    );
  }
}

/** Coerces the member `key` of `parent`. `path` names it for errors. */
type Coerce = (parent: object, key: string | number, path: string, walk: Walk) => unknown;

/** Weak, because each document has its own objects for `[ID!]!` and the like. */
const coercions = new WeakMap<GraphQLInputType, Coerce>();

function coerceTo(type: GraphQLInputType): Coerce {
  let coerce = coercions.get(type);
  if (coerce === undefined) {
    coerce = newCoercion(type);
    coercions.set(type, coerce);
  }
  return coerce;
}

function newCoercion(type: GraphQLInputType): Coerce {
  if (isNonNullType(type)) {
    const coerce = coerceTo(type.ofType);
    return (parent, key, path, walk) => coerce(parent, key, path, walk) ?? walk.refuse();
  }
  if (isListType(type)) return listCoercion(coerceTo(type.ofType));
  return isInputObjectType(type) ? objectCoercion(type) : leafCoercion(type);
}

function valueIn(parent: object, key: string | number): unknown {
  return (parent as Record<string | number, unknown>)[key];
}

function listCoercion(coerce: Coerce): Coerce {
  return (parent, key, path, walk) => {
    const items = valueIn(parent, key);
    if (items === null || items === undefined) return null;
    if (!Array.isArray(items)) return [coerce(parent, key, path, walk)];
    walk.countItems(items.length, path);
    return items.map((_, index) => coerce(items, index, `${path}[${index}]`, walk));
  };
}

interface PlannedField {
  name: string;
  coerce: Coerce;
  missing: unknown;
}

/** A type may have fields of its own type, so its fields are looked at when it is first met. */
function objectCoercion(type: GraphQLInputObjectType): Coerce {
  let fields: readonly PlannedField[] | undefined;
  const planned = () => {
    fields ??= Object.values(type.getFields()).map(({ name, type: own, defaultValue }) => ({
      name,
      coerce: coerceTo(own),
      missing: defaultValue === undefined && isNonNullType(own) ? REFUSED : defaultValue,
    }));
    return fields;
  };
  return (parent, key, path, walk) => {
    const value = valueIn(parent, key);
    if (value === null || value === undefined) return null;
    if (typeof value !== "object" || Array.isArray(value) || isRawNumber(value)) {
      throw wrong(path, `expected an object of the type ${type.name}`);
    }
    if (type.isOneOf) requireOne(value as Variables, type, path);
    const coerced: Record<string, unknown> = {};
    let known = 0;
    // In the order of the type, as graphql-js does it: jobs remember their input as text.
    for (const { name, coerce, missing } of planned()) {
      if (valueIn(value, name) !== undefined) {
        known += 1;
        coerced[name] = coerce(value, name, `${path}.${name}`, walk);
      } else if (missing === REFUSED) walk.isRefused = true;
      else if (missing !== undefined) coerced[name] = missing;
    }
    if (Object.keys(value).length > known) requireKnown(value, type, path);
    return coerced;
  };
}

function requireKnown(value: object, type: GraphQLInputObjectType, path: string): void {
  const fields = type.getFields();
  const unknown = Object.keys(value).find((key) => fields[key] === undefined);
  if (unknown === undefined) return;
  throw wrong(path, `field "${shortened(unknown, MAX_WORD_LENGTH)}" is not defined by type "${type.name}"`);
}

/** GraphQL's own errors for these repeat the whole value, and do not say how to send JSON's null. */
function requireOne(value: Variables, type: GraphQLInputObjectType, path: string): void {
  const [key, ...others] = Object.keys(value);
  const fields = type.getFields();
  if (key === undefined || others.length > 0) {
    throw wrong(path, `give exactly one of ${Object.keys(fields).join(" and ")}`);
  }
  if (value[key] !== null) return;
  const isJson = fields[key]?.type === schema.getType("JSON");
  throw wrong(path, `what is given may not be null${isJson ? '. Send null itself as { text: "null" }' : ""}`);
}

function leafCoercion(type: GraphQLLeafType): Coerce {
  const isJson = type.name === "JSON";
  const isText = type === GraphQLString || type === GraphQLID;
  return (parent, key, path, walk) => {
    let value = valueIn(parent, key);
    if (value === null || value === undefined) return null;
    if (!isJson) {
      if (isRawNumber(value)) {
        value = plainNumber(value);
        (parent as Record<string | number, unknown>)[key] = value;
      }
      if (typeof value === "object") throw wrong(path, `expected one ${type.name}, not a list or an object`);
      if (typeof value === "string" && !isText && value.length > MAX_WORD_LENGTH) {
        throw wrong(path, `"${shortened(value, MAX_WORD_LENGTH)}" is too long for the type ${type.name}`);
      }
    }
    // What else is wrong is not for this walk to say.
    if (walk.isRefused) return null;
    try {
      return type.parseValue(value) ?? walk.refuse();
    } catch {
      return walk.refuse();
    }
  };
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
