/** JSON that keeps its text: the scalar's values, written into an answer without a number or a key changing on the way. */
import { randomUUID } from "node:crypto";
import { isSafeNumber } from "lossless-json";
import { DomainError } from "../errors.ts";
import { isRawNumber, SEND_TEXT, tooDeep } from "./request-json.ts";

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

/** The text of a value of a request. BAD_INPUT when it nests deeper than `maximumDepth` or holds a number that JavaScript cannot hold exactly. */
export function jsonTextOf(value: unknown, maximumDepth: number): string {
  check(value, maximumDepth);
  return JSON.stringify(value) ?? "null";
}

function check(value: unknown, depthLeft: number): void {
  // A number that is no raw one is written as it came.
  if (typeof value === "number") {
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw inexact(String(value));
  } else if (isRawNumber(value)) requireExact(value.rawJSON);
  else if (typeof value === "object" && value !== null) {
    if (depthLeft === 0) throw tooDeep();
    for (const item of Array.isArray(value) ? value : Object.values(value)) check(item, depthLeft - 1);
  }
}

/** BAD_INPUT for a number that changes on its way through JavaScript: most clients have changed it before it was sent. */
export function requireExact(source: string): void {
  if (!isSafeNumber(source)) throw inexact(source);
}

function inexact(source: string): DomainError {
  const message = `The number ${source.slice(0, 40)} cannot be held exactly by JavaScript. ${SEND_TEXT}`;
  return new DomainError("BAD_INPUT", message);
}
