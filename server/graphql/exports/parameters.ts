/** The parameters of an export's address, as variables of its query. */
import {
  type GraphQLInputType,
  getNamedType,
  getNullableType,
  isInputObjectType,
  isListType,
  type OperationDefinitionNode,
  typeFromAST,
} from "graphql";
import { DomainError } from "../../errors.ts";
import { schema } from "../schema/schema.ts";
import { PAGE_VARIABLES } from "./lists.ts";

type Values = Record<string, unknown>;

const NUMBERS = new Set(["Int", "Float", "SafeInt"]);

/**
 * `filter.search=ord` is the field `search` of the variable `$filter`. A list has its parameter as often as it has
 * values. BAD_INPUT for a parameter that the query does not have, and for one that comes twice; the query checks the
 * values.
 */
export function variablesOf(operation: OperationDefinitionNode, parameters: URLSearchParams): Values {
  const types = new Map<string, GraphQLInputType>();
  for (const { variable, type } of operation.variableDefinitions ?? []) {
    if (PAGE_VARIABLES.includes(variable.name.value)) continue;
    types.set(variable.name.value, typeFromAST(schema, type as never) as GraphQLInputType);
  }
  const variables: Values = {};
  for (const [name, text] of parameters) set(variables, name, text, types);
  return variables;
}

function set(variables: Values, name: string, text: string, types: ReadonlyMap<string, GraphQLInputType>): void {
  let values = variables;
  let known = types;
  const path = name.split(".");
  for (const [depth, part] of path.entries()) {
    const type = known.get(part);
    if (type === undefined) throw unknown(name, known, path.slice(0, depth));
    const named = getNamedType(type);
    const isLast = depth === path.length - 1;
    if (isInputObjectType(named) === isLast) {
      throw unknown(name, isLast ? fieldsOf(named) : new Map(), path.slice(0, isLast ? depth + 1 : depth));
    }
    if (!isLast) {
      known = fieldsOf(named);
      values[part] ??= {};
      values = values[part] as Values;
      continue;
    }
    const value = readValue(named.name, text);
    if (isListType(getNullableType(type))) {
      values[part] = [...((values[part] as unknown[] | undefined) ?? []), value];
    } else if (part in values) {
      throw badParameter(name, `The parameter ${JSON.stringify(name)} comes twice.`);
    } else {
      values[part] = value;
    }
  }
}

function fieldsOf(type: unknown): ReadonlyMap<string, GraphQLInputType> {
  if (!isInputObjectType(type)) return new Map();
  return new Map(Object.values(type.getFields()).map((field) => [field.name, field.type]));
}

/** A text that is none of these stays one, and the query says what is wrong with it. */
function readValue(type: string, text: string): unknown {
  if (type === "Boolean" && (text === "true" || text === "false")) return text === "true";
  return NUMBERS.has(type) && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

function unknown(name: string, known: ReadonlyMap<string, unknown>, above: readonly string[]): DomainError {
  const names = [...known.keys()].map((one) => [...above, one].join("."));
  const has = names.length === 0 ? "It takes none here." : `It takes ${names.sort().join(", ")}.`;
  return badParameter(name, `This export has no parameter ${JSON.stringify(name.slice(0, 100))}. ${has}`);
}

function badParameter(field: string, message: string): DomainError {
  return new DomainError("BAD_INPUT", message, { details: { field: field.slice(0, 100) } });
}
