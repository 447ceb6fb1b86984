/**
 * Finds the names that a piece of Lua defines and uses. It reads the text without a parser. That is enough to find a
 * forgotten piece or a misspelled argument when a script is put together, rather than when it runs.
 */

const WORDS = `and break do else elseif end false for function if in local nil not or repeat return then true until while
  KEYS ARGV redis cjson string table math tonumber tostring ipairs pairs next select type unpack`;
const KNOWN: ReadonlySet<string> = new Set(WORDS.split(/\s+/));

/** The code without comments, and with all strings emptied. */
const codeOf = (lua: string) => lua.replace(/--[^\n]*|'(?:[^'\\]|\\.)*'/g, (found) => (found[0] === "'" ? "''" : ""));

const namesIn = (list: string) => list.split(",").map((name) => name.trim());

/** The locals and functions that begin a line. Lua that follows can use them. */
export function namesDefinedBy(lua: string): string[] {
  const found = codeOf(lua).matchAll(/^local (?:function (\w+)|(\w+(?:, \w+)*))/gm);
  return [...found].flatMap(([, name, names]) => (name === undefined ? namesIn(names as string) : [name]));
}

/** Names that it uses, but that are neither Lua's own, nor in `known`, nor bound anywhere in it. */
export function namesMissingIn(lua: string, known: readonly string[]): string[] {
  const code = codeOf(lua);
  const bound = [
    ...code.matchAll(/\blocal\s+(?!function\b)(\w+(?:\s*,\s*\w+)*)/g),
    ...code.matchAll(/\bfunction\s+(\w+)/g),
    ...code.matchAll(/\bfunction\b[^(]*\(([^)]*)\)/g),
    ...code.matchAll(/\bfor\s+(\w+(?:\s*,\s*\w+)*)\s*(?:=|\bin\b)/g),
    // Fields in a table constructor.
    ...code.matchAll(/[{,]\s*(\w+)\s*=(?!=)/g),
  ].flatMap(([, names]) => namesIn(names as string));
  const fine = new Set([...known, ...bound]);
  const used = [...code.matchAll(/(?<![.:\w])[A-Za-z_]\w*/g)].map(([name]) => name);
  return [...new Set(used)].filter((name) => !KNOWN.has(name) && !fine.has(name));
}
