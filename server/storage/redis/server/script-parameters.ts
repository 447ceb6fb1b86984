/**
 * The arguments of Lua scripts. Each has a name and a type in TypeScript. In Lua it is a local variable of that name,
 * in snake case. Arguments travel as texts in ARGV: first the single values in order of declaration, then the lists,
 * each after its length.
 */

interface Single<T> {
  /** The value as text for ARGV. */
  encode(value: T): string;
  /** A Lua expression for the value. `source` is an expression for its text. */
  decode(source: string): string;
}

interface List<T> {
  readonly item: Single<T>;
}

interface Records<F extends Fields> {
  readonly fields: F;
}

// biome-ignore lint/suspicious/noExplicitAny: a parameter of any type; ValueOf finds out which.
export type Parameter = Single<any> | List<any> | Records<any>;
// biome-ignore lint/suspicious/noExplicitAny: as above.
type Fields = Readonly<Record<string, Single<any> | List<any>>>;
export type Parameters = Readonly<Record<string, Parameter>>;

type ValueOf<P> =
  P extends Single<infer T>
    ? T
    : P extends List<infer T>
      ? readonly T[]
      : P extends Records<infer F>
        ? readonly ValuesOf<F>[]
        : never;
/** The values that a caller passes for these parameters. */
export type ValuesOf<P> = { readonly [Name in keyof P]: ValueOf<P[Name]> };

export const text: Single<string> = { encode: (value) => value, decode: (source) => source };

/** In Lua the text of its digits, for values that a script stores. Lua's own numbers lose digits when written. */
export const numeral: Single<number> = { encode: String, decode: (source) => source };

/** In Lua a number. */
export const number: Single<number> = { encode: String, decode: (source) => `tonumber(${source})` };

/** In Lua a text with a sign in front, which tells an empty text from none: `+text`, or `-` for none. */
export const optionalText: Single<string | null | undefined> = {
  encode: (value) => (value === null || value === undefined ? "-" : `+${value}`),
  decode: (source) => source,
};

/** The same without white space, which is percent-encoded: a value in a record. */
export const optionalWord: Single<string | null | undefined> = {
  encode: (value) =>
    value === null || value === undefined ? "-" : `+${value.toWellFormed().replace(/[\s%]/g, encodeURIComponent)}`,
  decode: (source) => source,
};

/** In Lua a number, or nil. */
export const optionalNumber: Single<number | null | undefined> = {
  encode: (value) => (value === null || value === undefined ? "" : String(value)),
  decode: (source) => `tonumber(${source})`,
};

/** In Lua a text of digits, or nil. */
export const optionalNumeral: Single<number | null | undefined> = {
  encode: optionalNumber.encode,
  decode: (source) => `${source} ~= '' and ${source} or nil`,
};

export const flag: Single<boolean> = {
  encode: (value) => (value ? "1" : "0"),
  decode: (source) => `${source} == '1'`,
};

/** In Lua an array. */
export const list = <T>(item: Single<T>): List<T> => ({ item });

/** In Lua an array of tables with these fields, in snake case. */
export const records = <F extends Fields>(fields: F): Records<F> => ({ fields });

const isSingle = (parameter: Parameter): parameter is Single<unknown> => "encode" in parameter;

/** Single values, then lists. */
function inOrder(parameters: Parameters): [singles: [string, Single<unknown>][], lists: [string, Parameter][]] {
  const all = Object.entries(parameters);
  const singles = all.filter((entry): entry is [string, Single<unknown>] => isSingle(entry[1]));
  return [singles, all.filter(([, parameter]) => !isSingle(parameter))];
}

type Writer = (texts: string[], values: Readonly<Record<string, unknown>>) => void;

/** Returns the function that appends values to ARGV. Created once per script, so that a call only fills an array. */
export function writerOf(parameters: Parameters): Writer {
  const [singles, lists] = inOrder(parameters);
  const listWriters = lists.map(([name, parameter]) => [name, listWriter(parameter)] as const);
  return (texts, values) => {
    for (const [name, single] of singles) texts.push(single.encode(values[name]));
    for (const [name, write] of listWriters) write(texts, values[name] as readonly unknown[]);
  };
}

function listWriter(parameter: Parameter): (texts: string[], items: readonly unknown[]) => void {
  if ("item" in parameter) {
    const { item } = parameter as List<unknown>;
    return (texts, items) => {
      texts.push(String(items.length));
      for (const one of items) texts.push(item.encode(one));
    };
  }
  const write = writerOf((parameter as Records<Fields>).fields);
  return (texts, items) => {
    texts.push(String(items.length));
    for (const one of items) write(texts, one as Readonly<Record<string, unknown>>);
  };
}

export const snakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The Lua text that reads ARGV into local variables. */
export function readerOf(parameters: Parameters): string {
  const [singles, lists] = inOrder(parameters);
  const lines: string[] = [];
  if (singles.length > 0) {
    const names = singles.map(([name]) => snakeCase(name));
    const values = singles.map(([, single], index) => single.decode(`ARGV[${index + 1}]`));
    lines.push(`local ${names.join(", ")} = ${values.join(", ")}`);
  }
  // The index of the last argument that was read.
  if (lists.length > 0) lines.push(`local argument = ${singles.length}`);
  for (const [name, parameter] of lists) lines.push(...readList(snakeCase(name), parameter));
  return lines.join("\n");
}

function readList(name: string, parameter: Parameter): string[] {
  if ("item" in parameter) {
    const item = (parameter as List<unknown>).item.decode("ARGV[argument + 1 + index]");
    return [
      `local ${name} = {}`,
      `for index = 1, ARGV[argument + 1] do ${name}[index] = ${item} end`,
      `argument = argument + 1 + #${name}`,
    ];
  }
  const [singles, lists] = inOrder((parameter as Records<Fields>).fields);
  const fields = singles.map(
    ([field, single], index) => `${snakeCase(field)} = ${single.decode(`ARGV[argument + ${index + 1}]`)}`,
  );
  return [
    `local ${name} = {}`,
    "argument = argument + 1",
    "for record_index = 1, ARGV[argument] do",
    `local record = {${fields.join(", ")}}`,
    `argument = argument + ${singles.length}`,
    ...lists.flatMap(([field, inner]) => [
      ...readList(snakeCase(field), inner),
      `record.${snakeCase(field)} = ${snakeCase(field)}`,
    ]),
    `${name}[record_index] = record`,
    "end",
  ];
}
