/**
 * Lua scripts as values. A script declares its keys, its arguments, and the shared pieces that it uses. Its text is put
 * together once, when its module is loaded. That fails if the text uses a name that nothing defines.
 */
import { createHash } from "node:crypto";
import { namesDefinedBy, namesMissingIn } from "./lua-names.ts";
import { type Parameters, readerOf, snakeCase, type ValuesOf, writerOf } from "./script-parameters.ts";

declare const groupParts: unique symbol;
/** The names of a group's keys on the server, in the order of its parts. */
export type KeyList<Parts extends readonly string[]> = readonly string[] & { readonly [groupParts]: Parts };

/** Keys that belong together. */
interface KeyGroup<Parts extends readonly string[]> {
  readonly parts: Parts;
  readonly form: "locals" | "table" | "list";
}
type KeyGroups = Readonly<Record<string, KeyGroup<readonly string[]>>>;
type KeysByGroup = Readonly<Record<string, readonly string[]>>;
export type KeysOf<Groups> = {
  readonly [Name in keyof Groups]: Groups[Name] extends KeyGroup<infer Parts> ? KeyList<Parts> : never;
};

/** In Lua each part is a local variable: `claim-ids` is CLAIM_IDS. */
export const locals = <const Parts extends readonly string[]>(parts: Parts): KeyGroup<Parts> => ({
  parts,
  form: "locals",
});

/** In Lua the group is a table of its own name: `claim-ids` of the group `target` is target.claim_ids. */
export const table = <const Parts extends readonly string[]>(parts: Parts): KeyGroup<Parts> => ({
  parts,
  form: "table",
});

/** As many keys as the caller has: in Lua an array of the group's name. Only the last group of a script. */
export const every = (): KeyGroup<readonly string[]> => ({ parts: [], form: "list" });

/** Lua that several scripts share. Scripts can use its top-level locals. */
export interface Piece {
  readonly name: string;
  readonly needs: Needs;
  readonly lua: string;
}

interface Needs {
  readonly pieces?: readonly Piece[];
  /** As they are called in Lua: a local variable, or a group's table. */
  readonly keys?: readonly string[];
  /** As they are called in Lua. */
  readonly args?: readonly string[];
}

/** Throws when `lua` uses a name that is neither its own nor among what it needs. */
export function piece(name: string, needs: Needs, lua: string): Piece {
  const own = { name, needs, lua };
  const pieces = inOrder(needs.pieces ?? []);
  requireNames(`the piece ${name}`, lua, [
    ...(needs.keys ?? []),
    ...(needs.args ?? []),
    ...pieces.flatMap((needed) => namesDefinedBy(needed.lua)),
  ]);
  return own;
}

/**
 * `reads`: changes no content, except that it may remove what has expired. `grows`: takes more memory, so a server that
 * has reached its maxmemory refuses it before it does anything. Scripts that do not grow run even then, so that a full
 * storage can be emptied.
 */
export type Effect = "reads" | "writes" | "grows";

export interface Script<Keys, Args, Answer> {
  readonly name: string;
  readonly text: string;
  readonly digest: string;
  readonly writes: boolean;
  /** The operands of EVALSHA after the script: the number of keys, the keys, the arguments. */
  operands(keys: Keys, args: Args): string[];
  /** Only carries the type. Absent at run time. */
  readonly answer?: Answer;
}

export type ArgsOf<S> = S extends Script<infer _Keys, infer Args, infer _Answer> ? Args : never;
export type AnswerOf<S> = S extends Script<infer _Keys, infer _Args, infer Answer> ? Answer : never;

/** Declares the type of a script's answer: a verdict first. A Lua `false` or `nil` is null. */
export const answers = <Answer extends readonly unknown[]>(): Answer | undefined => undefined;

/**
 * Creates a script. Throws when its text uses a name that nothing defines, or when a piece needs a key or an argument
 * that the script does not declare. Hazard: an error in a script does not undo what it did before. So a script first
 * checks, then writes.
 */
export function script<Groups extends KeyGroups, Args extends Parameters, Answer extends readonly unknown[]>(
  name: string,
  definition: {
    effect: Effect;
    keys: Groups;
    args: Args;
    uses?: readonly Piece[];
    answers: Answer | undefined;
    lua: string;
  },
): Script<KeysOf<Groups>, ValuesOf<Args>, Answer> {
  const { effect, keys: groups, args, lua } = definition;
  const title = `the script "${name}"`;
  const pieces = inOrder(definition.uses ?? []);
  const declared = [...keyNames(groups), ...Object.keys(args).map(snakeCase)];
  for (const used of pieces) {
    const missing = [...(used.needs.keys ?? []), ...(used.needs.args ?? [])].filter((one) => !declared.includes(one));
    if (missing.length > 0) throw new Error(`In ${title}, the piece ${used.name} misses ${missing.join(", ")}.`);
  }
  requireDistinct(title, [...declared, ...pieces.flatMap((used) => namesDefinedBy(used.lua))]);
  requireNames(title, lua, [...declared, ...pieces.flatMap((used) => namesDefinedBy(used.lua))]);
  const flags = effect === "grows" ? "" : " flags=allow-oom";
  const parts = [`#!lua${flags}`, keyReader(groups), readerOf(args), ...pieces.map((used) => used.lua), lua];
  const text = parts.map((part) => part.trim()).join("\n");
  const groupNames = Object.keys(groups);
  const fixedCount = Object.values(groups).reduce((sum, { parts }) => sum + parts.length, 0);
  const [variable] = groupNames.filter((group) => groups[group]?.form === "list");
  const write = writerOf(args);
  return {
    name,
    text,
    digest: createHash("sha1").update(text).digest("hex"),
    writes: effect !== "reads",
    operands(keys, values) {
      const more = variable === undefined ? 0 : ((keys as KeysByGroup)[variable]?.length ?? 0);
      const operands = [String(fixedCount + more)];
      for (const group of groupNames) operands.push(...((keys as KeysByGroup)[group] as readonly string[]));
      write(operands, values);
      return operands;
    },
  };
}

/** The pieces and all that they need, each once, and each after those that it needs. */
function inOrder(pieces: readonly Piece[], found = new Set<Piece>()): Piece[] {
  for (const one of pieces) {
    inOrder(one.needs.pieces ?? [], found);
    found.add(one);
  }
  return [...found];
}

const localName = (part: string) => part.replaceAll("-", "_").toUpperCase();
const fieldName = (part: string) => part.replaceAll("-", "_");

function keyNames(groups: KeyGroups): string[] {
  return Object.entries(groups).flatMap(([name, { parts, form }]) =>
    form === "locals" ? parts.map(localName) : [snakeCase(name)],
  );
}

function keyReader(groups: KeyGroups): string {
  let before = 0;
  return Object.entries(groups)
    .map(([name, { parts, form }]) => {
      const first = before + 1;
      before += parts.length;
      const keys = parts.map((_, index) => `KEYS[${first + index}]`);
      if (form === "list") return `local ${snakeCase(name)} = {unpack(KEYS, ${first})}`;
      if (form === "locals") return `local ${parts.map(localName).join(", ")} = ${keys.join(", ")}`;
      const fields = parts.map((part, index) => `${fieldName(part)} = ${keys[index]}`);
      return `local ${snakeCase(name)} = {${fields.join(", ")}}`;
    })
    .join("\n");
}

function requireNames(title: string, lua: string, known: readonly string[]): void {
  const missing = namesMissingIn(lua, known);
  if (missing.length > 0) throw new Error(`In ${title}, nothing defines ${missing.join(", ")}.`);
}

function requireDistinct(title: string, names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw new Error(`In ${title}, ${twice} is defined twice.`);
}
