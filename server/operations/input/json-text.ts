/**
 * JSON as text. Bodies and metadata are kept exactly as they were given. JavaScript's own values would lose digits of
 * big integers, the difference between 1 and 1.0, and the order of keys that look like numbers.
 */
import { badInput, isStorable } from "./limits.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const COMMA = 0x2c;

/**
 * Returns the text. BAD_INPUT unless it is valid JSON that nests at most `maxDepth` arrays and objects. The error does
 * not repeat the text.
 */
export function checkJsonText(field: string, text: unknown, maxDepth: number): string {
  if (!isStorable(text)) {
    throw badInput(field, `${field} must be JSON text in well-formed Unicode.`);
  }
  // Checked before parsing: the parser accepts a million levels, on which later readers would fail.
  if (text.length >= 2 * (maxDepth + 1) && nestsDeeperThan(text, maxDepth)) {
    throw badInput(field, `${field} may nest at most ${maxDepth} arrays and objects.`, { maximum: maxDepth });
  }
  try {
    JSON.parse(text);
  } catch {
    throw badInput(
      field,
      `${field} is not valid JSON. Text needs double quotes; NaN and trailing commas are not JSON.`,
    );
  }
  return text;
}

/** Like `checkJsonText`, for the text of an object. Returns its members. */
export function checkObjectText(field: string, text: unknown, maxDepth: number): Map<string, string> {
  const checked = checkJsonText(field, text, maxDepth);
  if (firstCode(checked) !== OPEN_OBJECT) throw badInput(field, `${field} must be a JSON object.`);
  return objectMembers(checked);
}

/** True when the text nests deeper. Takes invalid JSON too. Linear, without recursion. */
function nestsDeeperThan(text: string, maxDepth: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = stringEnd(text, at);
      continue;
    }
    if (code === OPEN_ARRAY || code === OPEN_OBJECT) {
      depth += 1;
      if (depth > maxDepth) return true;
    } else if (code === CLOSE_ARRAY || code === CLOSE_OBJECT) {
      depth -= 1;
    }
    at += 1;
  }
  return false;
}

/**
 * The members of a valid object's text, in order, each value as its exact text. A key that comes twice has its first
 * position and its last value, as in JSON parsers.
 */
export function objectMembers(text: string): Map<string, string> {
  const members = new Map<string, string>();
  let at = skipSpace(text, 0) + 1;
  for (;;) {
    at = skipSpace(text, at);
    const code = text.charCodeAt(at);
    if (code === COMMA) {
      at += 1;
      continue;
    }
    if (code !== QUOTE) return members;
    const keyEnd = stringEnd(text, at);
    const key = JSON.parse(text.slice(at, keyEnd)) as string;
    const valueStart = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const valueEnd = endOfValue(text, valueStart);
    members.set(key, text.slice(valueStart, valueEnd));
    at = valueEnd;
  }
}

/** The items of a valid array's text, each as its exact text. */
export function arrayItems(text: string): string[] {
  const items: string[] = [];
  let at = skipSpace(text, 0) + 1;
  for (;;) {
    at = skipSpace(text, at);
    const code = text.charCodeAt(at);
    if (code === CLOSE_ARRAY || at >= text.length) return items;
    if (code === COMMA) {
      at += 1;
      continue;
    }
    const end = endOfValue(text, at);
    items.push(text.slice(at, end));
    at = end;
  }
}

/** The text of an object with these members. */
export function objectText(members: ReadonlyMap<string, string>): string {
  return `{${[...members].map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(",")}}`;
}

/** The position after the string that begins at `start`. The end of the text when the string never ends. */
export function stringEnd(text: string, start: number): number {
  for (let from = start + 1; ; ) {
    const quote = text.indexOf('"', from);
    if (quote === -1) return text.length;
    let slash = quote - 1;
    while (text.charCodeAt(slash) === BACKSLASH) slash -= 1;
    if ((quote - slash) % 2 === 1) return quote + 1;
    from = quote + 1;
  }
}

export function skipSpace(text: string, start: number): number {
  let at = start;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
    at += 1;
  }
}

/** The position after the number, true, false or null that begins at `start`. */
export function scalarEnd(text: string, start: number): number {
  let at = start;
  while (at < text.length && !/[\s,\]}:]/.test(text[at] as string)) at += 1;
  return at;
}

export function endOfValue(text: string, start: number): number {
  const first = text.charCodeAt(start);
  if (first === QUOTE) return stringEnd(text, start);
  if (first !== OPEN_ARRAY && first !== OPEN_OBJECT) return scalarEnd(text, start);
  let depth = 0;
  for (let at = start; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = stringEnd(text, at);
      continue;
    }
    if (code === OPEN_ARRAY || code === OPEN_OBJECT) depth += 1;
    if (code === CLOSE_ARRAY || code === CLOSE_OBJECT) depth -= 1;
    at += 1;
    if (depth === 0) return at;
  }
  return text.length;
}

function firstCode(text: string): number {
  return text.charCodeAt(skipSpace(text, 0));
}
