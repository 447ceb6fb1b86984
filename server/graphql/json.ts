/** JSON that keeps its text: read from a request, written into an answer, without a number or a key changing on the way. */
import { randomUUID } from "node:crypto";
import { isSafeNumber } from "lossless-json";
import { DomainError } from "../errors.ts";

/** Told once per process to nobody, so that no body can contain it. */
const MARK = `isimud-json-${randomUUID()}:`;

/** A JSON value as its exact text. JSON.stringify writes a marked string in its place, which `unmarkJson` turns into the text itself. */
export class RawJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toJSON(): string {
    return MARK + this.text;
  }
}

/** Replaces what JSON.stringify wrote for each RawJson by its text. Line breaks between its tokens become spaces, for server-sent events end at them. */
export function unmarkJson(json: string): string {
  let start = json.indexOf(MARK);
  if (start === -1) return json;
  let result = "";
  let written = 0;
  while (start !== -1) {
    const end = endOfString(json, start);
    result += json.slice(written, start - 1);
    const text = JSON.parse(json.slice(start - 1, end + 1)) as string;
    result += text.slice(MARK.length).replace(/[\r\n]+/g, " ");
    written = end + 1;
    start = json.indexOf(MARK, written);
  }
  return result + json.slice(written);
}

/** The closing quote of the JSON string that `from` is inside of. */
function endOfString(json: string, from: number): number {
  for (let quote = json.indexOf('"', from); ; quote = json.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (json.charCodeAt(quote - 1 - backslashes) === 92) backslashes++;
    if (backslashes % 2 === 0) return quote;
  }
}

interface SourceTextJson {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  rawJSON(text: string): object;
  isRawJSON(value: unknown): value is { rawJSON: string };
}
/** What TypeScript's own declaration of JSON lacks so far. */
const sourceTextJson = JSON as unknown as SourceTextJson;

/** Every number that JavaScript might print otherwise has a point, an exponent, 16 digits, or is -0. Inside strings this may match in vain: that costs time only. */
const UNUSUAL_NUMBER = /(?:^|[:,[\s])(?:-?(?:\d{16}|\d+[.eE])|-0[\s,}\]])/;

/**
 * As JSON.parse, but a number whose text JavaScript would not give back becomes a JSON.rawJSON object, which JSON.stringify writes to the letter.
 * Throws a SyntaxError. The slow way is taken only for texts that need it.
 */
export function parseJson(text: string): unknown {
  if (!UNUSUAL_NUMBER.test(text)) return JSON.parse(text);
  return sourceTextJson.parse(text, (_key, value, { source }) =>
    typeof value === "number" && source !== undefined && String(value) !== source
      ? sourceTextJson.rawJSON(source)
      : value,
  );
}

/** A number of parseJson as a number; anything else as it is. */
export function plainNumber(value: unknown): unknown {
  return sourceTextJson.isRawJSON(value) ? Number(value.rawJSON) : value;
}

/** The text of a value that parseJson gave. BAD_INPUT when it nests deeper than `maximumDepth` or holds a number that JavaScript cannot hold exactly. */
export function jsonTextOf(value: unknown, maximumDepth: number): string {
  check(value, maximumDepth);
  return JSON.stringify(value) ?? "null";
}

function check(value: unknown, depthLeft: number): void {
  if (typeof value === "number") requireExact(String(value));
  else if (sourceTextJson.isRawJSON(value)) requireExact(value.rawJSON);
  else if (typeof value === "object" && value !== null) {
    if (depthLeft === 0) throw tooDeep();
    for (const item of Array.isArray(value) ? value : Object.values(value)) check(item, depthLeft - 1);
  }
}

export function tooDeep(): DomainError {
  return new DomainError("BAD_INPUT", "This JSON nests too deeply. Make it flatter.");
}

/** BAD_INPUT for a number that changes on its way through JavaScript: most clients have changed it before it was sent. */
export function requireExact(source: string): void {
  if (isSafeNumber(source)) return;
  throw new DomainError(
    "BAD_INPUT",
    `The number ${source.slice(0, 40)} cannot be held exactly by JavaScript. Pass the JSON as text instead: use bodyText for a body, and the field that ends in Text elsewhere.`,
  );
}
