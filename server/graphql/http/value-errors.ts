/**
 * Errors of GraphQL about values that name where the value stands, as the caller wrote it: a path into a variable or
 * into an argument. GraphQL itself names no argument in most of them.
 */
import { BREAK, type DocumentNode, GraphQLError, Kind, visit } from "graphql";
import { DomainError } from "../../errors.ts";
import { shortened } from "./shortened.ts";

/** Where a value stands: `input.messages[0].body.json` of an argument, `$input.messages[0].body.json` of a variable. */
type Place = { argument: string } | { variable: string };

/** An error of validation. If it is about a literal, it names the argument, or the variable whose default it is. */
export function namingLiteral(error: GraphQLError, document: DocumentNode): GraphQLError {
  const node = error.nodes?.[0];
  const place = node === undefined ? null : placeOf(document, node);
  return place === null ? error : naming(error, place, reasonOf(error));
}

/** An error of the coercion of variables. Returns any other error as it is. */
export function namingVariable(error: GraphQLError): GraphQLError {
  const node = error.nodes?.[0];
  if (node?.kind !== Kind.VARIABLE_DEFINITION || !error.originalError) return error;
  const name = node.variable.name.value;
  const reason = `; ${error.originalError.message}`;
  const head = error.message.endsWith(reason) ? error.message.slice(0, -reason.length) : "";
  const at = head.lastIndexOf(AT);
  const path = at === -1 || !head.endsWith('"') ? "" : head.slice(at + AT.length, -1);
  const variable = shortened(`$${path.startsWith(name) ? path : name}`, MAX_PATH_LENGTH);
  return naming(error, { variable }, reasonOf(error));
}

/** Characters. The names in a path are the caller's own. */
export const MAX_PATH_LENGTH = 500;

/** In front of the path in graphql-js's message. A text of the caller has no bare quotation mark there. */
const AT = ' at "';

function naming(error: GraphQLError, place: Place, reason: string): GraphQLError {
  const cause = innermost(error);
  const [what, path] = "argument" in place ? ["Argument", place.argument] : ["Variable", place.variable];
  const message = `${what} "${path}" got an invalid value: ${holdsSecret(path, reason) ? SECRET_REASON : reason}`;
  const { nodes } = error;
  if (cause instanceof DomainError) {
    const details = { ...place, ...cause.details };
    return new GraphQLError(message, {
      nodes,
      originalError: new DomainError(cause.code, message, { details, cause }),
    });
  }
  const details = cause instanceof GraphQLError ? cause.extensions.details : undefined;
  return new GraphQLError(message, { nodes, extensions: { details: { ...place, ...(details as object) } } });
}

const SECRET_REASON = "it has the wrong type. It is not repeated here, because it may hold a password.";

/** GraphQL repeats the value. Programs log our errors, and a pool's URI or a password shall not be in their logs. */
function holdsSecret(path: string, reason: string): boolean {
  return /[.$](uri|password|secret)(\[\d+\])*$/i.test(path) || /:\/\/[^\s/]*@/.test(reason);
}

function reasonOf(error: GraphQLError): string {
  const { message } = innermost(error);
  return message === NO_JSON ? `${message} Send null itself as { text: "null" }.` : message;
}

/** What graphql-js says of the literal `{ json: null }`. */
const NO_JSON = 'Field "JsonInput.json" must be non-null.';

function innermost(error: Error): Error {
  let cause = error;
  while (cause instanceof GraphQLError && cause.originalError) cause = cause.originalError;
  return cause;
}

/** Null for a node that is no literal. */
function placeOf(document: DocumentNode, wanted: object): Place | null {
  let found: readonly (string | number)[] | null = null;
  visit(document, {
    enter(node, _key, _parent, path) {
      if (node !== wanted) return undefined;
      found = [...path];
      return BREAK;
    },
  });
  return found === null ? null : readPath(document, found);
}

/** Follows the keys from the document to a literal. */
function readPath(document: DocumentNode, keys: readonly (string | number)[]): Place | null {
  let node = document as unknown as Record<string | number, unknown>;
  let isVariable = false;
  let path = "";
  for (const [index, key] of keys.entries()) {
    if (typeof key === "number" && keys[index - 1] === "values") path += `[${key}]`;
    node = node[key] as typeof node;
    const name = (node.name as { value: string } | undefined)?.value ?? "";
    if (node.kind === Kind.ARGUMENT) path = name;
    else if (node.kind === Kind.OBJECT_FIELD) path += `.${name}`;
    else if (node.kind === Kind.VARIABLE_DEFINITION) {
      isVariable = true;
      path = `$${(node.variable as { name: { value: string } }).name.value}`;
    }
  }
  if (path === "" || !VALUES.has(node.kind)) return null;
  const shown = shortened(path, MAX_PATH_LENGTH);
  return isVariable ? { variable: shown } : { argument: shown };
}

const VALUES: ReadonlySet<unknown> = new Set([
  Kind.INT,
  Kind.FLOAT,
  Kind.STRING,
  Kind.BOOLEAN,
  Kind.NULL,
  Kind.ENUM,
  Kind.LIST,
  Kind.OBJECT,
  Kind.OBJECT_FIELD,
]);
