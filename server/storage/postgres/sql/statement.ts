/**
 * SQL statements with named parameters.
 *
 * A statement is defined once, when its module loads: its text names its parameters (`:queueId`), and each parameter
 * has a type. Calls give an object; a parameter that is missing, unknown or of another type does not compile.
 */
import type pg from "pg";

/** The TypeScript type of a parameter, and what `pg` is given for a value of it. */
export type ParameterType<Value> = (value: Value) => unknown;

type ParameterTypes = Readonly<Record<string, ParameterType<never>>>;

/** What a call gives for these parameters. */
export type ParametersOf<Types extends ParameterTypes> = {
  readonly [Name in keyof Types]: Types[Name] extends ParameterType<infer Value> ? Value : never;
};

/** Parameters that every statement of a pool may name. The pool gives them, not the caller. */
export interface PoolParameters {
  /** In seconds. Moves the pool's clock forward, which only tests do. */
  readonly clockOffset: number;
  /** Plus a queue's id it is the queue's advisory lock. Each schema has its own, for pools that share a database. */
  readonly lockSpace: string;
}

/** A statement that PostgreSQL plans once per connection. */
export interface Statement<Parameters, Row> {
  /** Unique in the driver: PostgreSQL keeps the plan under it. */
  readonly name: string;
  /** As PostgreSQL takes it, with `$1`, `$2` ... */
  readonly text: string;
  /** The values of `$1`, `$2` ... A statement that names no parameter of the pool needs no `pool`. */
  readonly valuesOf: (parameters: Parameters, pool?: PoolParameters) => unknown[];
  /** Never set: it tells the compiler what a row is. */
  readonly row?: Row | undefined;
}

/** `row: rowOf<Row>()` says what a statement's rows are. */
export const rowOf = <Row>(): Row | undefined => undefined;

/**
 * Defines a statement. Throws when the text names a parameter that has no type, or leaves out one that has.
 *
 * Hazard: a colon before a letter is a parameter, but for `::` and `:=`, and within quotes and comments. Array slices
 * with a name after the colon, dollar quotes and backslash escapes are not understood.
 */
export function statement<const Types extends ParameterTypes, Row = unknown>(definition: {
  name: string;
  parameters: Types;
  row?: Row | undefined;
  text: string;
}): Statement<ParametersOf<Types>, Row> {
  const { name, parameters } = definition;
  const { text, order } = compile(definition.text);
  const types: Readonly<Record<string, ParameterType<never>>> = parameters;
  const unknown = order.filter(
    (parameter) => !Object.hasOwn(types, parameter) && !Object.hasOwn(POOL_ORDER, parameter),
  );
  const unused = Object.keys(types).filter((parameter) => !order.includes(parameter));
  if (unknown.length > 0 || unused.length > 0) {
    throw new Error(`Statement ${name}: ${unknown} have no type, ${unused} are not in its text.`);
  }
  const encoders = order.map((parameter) => types[parameter] as ParameterType<unknown> | undefined);
  return {
    name,
    text,
    valuesOf(given, pool) {
      const values = new Array<unknown>(order.length);
      for (let index = 0; index < order.length; index += 1) {
        const encode = encoders[index];
        const parameter = order[index] as string;
        values[index] =
          encode === undefined
            ? (pool as PoolParameters)[parameter as keyof PoolParameters]
            : encode((given as Readonly<Record<string, unknown>>)[parameter]);
      }
      return values;
    },
  };
}

/** Runs a statement on a connection that the caller holds, in a transaction, say. Errors are those of `pg`. */
export async function runOn<Parameters, Row>(
  client: Pick<pg.ClientBase, "query">,
  { name, text, valuesOf }: Statement<Parameters, Row>,
  parameters: NoInfer<Parameters>,
  pool?: PoolParameters,
): Promise<Row[]> {
  const { rows } = await client.query({ name, text, values: valuesOf(parameters, pool) });
  return rows as Row[];
}

const POOL_ORDER: Readonly<Record<keyof PoolParameters, true>> = { clockOffset: true, lockSpace: true };

const TOKENS = /'(?:[^']|'')*'|"[^"]*"|--[^\n]*|::|:=|:([A-Za-z]\w*)/g;

/** Numbers the parameters in the order in which the text first names them. */
function compile(source: string): { text: string; order: string[] } {
  const order: string[] = [];
  const text = source.replace(TOKENS, (token: string, parameter: string | undefined) => {
    if (parameter === undefined) return token;
    if (!order.includes(parameter)) order.push(parameter);
    return `$${order.indexOf(parameter) + 1}`;
  });
  return { text, order };
}
