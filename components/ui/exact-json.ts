/**
 * JSON exactly as it was written: numbers keep every digit, keys keep their order and may be repeated, and `__proto__`
 * is an ordinary key. JSON.parse keeps none of these.
 */
export type ExactJson =
  | { kind: "object"; entries: { key: string; value: ExactJson }[] }
  | { kind: "array"; items: ExactJson[] }
  | { kind: "string"; value: string }
  | { kind: "number"; text: string }
  | { kind: "literal"; text: "true" | "false" | "null" };

/** Deeper documents are shown as text: the parser and the tree both call themselves once per level. */
const MAX_DEPTH = 500;

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// This finds the end of a string; JSON.parse reads its escapes.
const STRING = /"(?:[^"\\]|\\.)*"/y;
const LITERAL = /true|false|null/y;

/** Null when the text is not one JSON value, or nests too deeply to be shown as a tree. */
export function parseExactJson(text: string): ExactJson | null {
  let at = 0;

  function match(pattern: RegExp): string | null {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found === null) return null;
    at = pattern.lastIndex;
    return found[0];
  }
  function take(character: string): boolean {
    match(SPACE);
    if (text[at] !== character) return false;
    at += 1;
    return true;
  }
  function string(): string {
    match(SPACE);
    const raw = match(STRING);
    if (raw === null) throw new SyntaxError();
    return JSON.parse(raw) as string;
  }
  function value(depth: number): ExactJson {
    if (depth > MAX_DEPTH) throw new SyntaxError();
    match(SPACE);
    if (text[at] === '"') return { kind: "string", value: string() };
    if (take("{")) {
      const entries: { key: string; value: ExactJson }[] = [];
      if (take("}")) return { kind: "object", entries };
      do {
        const key = string();
        if (!take(":")) throw new SyntaxError();
        entries.push({ key, value: value(depth + 1) });
      } while (take(","));
      if (!take("}")) throw new SyntaxError();
      return { kind: "object", entries };
    }
    if (take("[")) {
      const items: ExactJson[] = [];
      if (take("]")) return { kind: "array", items };
      do {
        items.push(value(depth + 1));
      } while (take(","));
      if (!take("]")) throw new SyntaxError();
      return { kind: "array", items };
    }
    const literal = match(LITERAL);
    if (literal !== null) return { kind: "literal", text: literal as "true" | "false" | "null" };
    const number = match(NUMBER);
    if (number === null) throw new SyntaxError();
    return { kind: "number", text: number };
  }

  try {
    const result = value(0);
    match(SPACE);
    return at === text.length ? result : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Adds line breaks and indentation. Numbers and keys stay as they were written. */
export function indentExactJson(value: ExactJson, indent = ""): string {
  const inner = `${indent}  `;
  switch (value.kind) {
    case "object":
      if (value.entries.length === 0) return "{}";
      return `{\n${value.entries
        .map((entry) => `${inner}${JSON.stringify(entry.key)}: ${indentExactJson(entry.value, inner)}`)
        .join(",\n")}\n${indent}}`;
    case "array":
      if (value.items.length === 0) return "[]";
      return `[\n${value.items.map((item) => inner + indentExactJson(item, inner)).join(",\n")}\n${indent}]`;
    case "string":
      return JSON.stringify(value.value);
    default:
      return value.text;
  }
}
