/**
 * JSON values of the scalar, kept as text, so that an answer holds them with exactly the same numbers and keys.
 */
import { randomUUID } from "node:crypto";
import { isSafeNumber } from "lossless-json";
import { DomainError } from "../../errors.ts";
import { isRawNumber, SEND_TEXT, tooDeep } from "../http/request-json.ts";

/** Stands for a RawJson in the output of JSON.stringify. It is secret, so no body can contain it. */
const MARK = `isimud-json-${randomUUID()}`;
const QUOTED_MARK = JSON.stringify(MARK);

/** The texts behind the marks of the value that `stringify` writes now, in order; undefined outside of it. */
let marked: string[] | undefined;

/** A JSON value as its exact text, which `stringify` writes. Hazard: JSON.stringify alone would write the mark. */
export class RawJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toJSON(): string {
    marked?.push(this.text);
    return MARK;
  }
}

/** A variable that was checked and coerced already. A request cannot contain one. */
export class CoercedVariable {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}

/** A value that is refused with this error as soon as its text is read. */
export function refusedJson(error: unknown): RawJson {
  return Object.defineProperty(new RawJson(""), "text", {
    get() {
      throw error;
    },
  });
}

/**
 * Like JSON.stringify, with the exact text of each RawJson. Line breaks between its tokens become spaces, because they
 * would end a server-sent event. It neither parses nor escapes these texts, so their length costs next to nothing.
 */
export function stringify(value: unknown): string {
  const texts: string[] = [];
  marked = texts;
  let json: string;
  try {
    json = JSON.stringify(value);
  } finally {
    marked = undefined;
  }
  if (texts.length === 0) return json;
  const parts = json.split(QUOTED_MARK);
  return parts.map((part, index) => part + (texts[index]?.replace(LINE_BREAKS, " ") ?? "")).join("");
}

const LINE_BREAKS = /[\r\n]+/g;

/**
 * The JSON text of a value from a request. BAD_INPUT when it nests deeper than `maximumDepth` or holds a number that
 * JavaScript cannot hold exactly.
 */
export function jsonTextOf(value: unknown, maximumDepth: number): string {
  check(value, maximumDepth);
  return JSON.stringify(value) ?? "null";
}

function check(value: unknown, depthLeft: number): void {
  // A number that parseRequest left as a number has the same text in JavaScript.
  if (typeof value === "number") {
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw inexact(String(value));
  } else if (isRawNumber(value)) requireExact(value.rawJSON);
  else if (typeof value === "object" && value !== null) {
    if (depthLeft === 0) throw tooDeep();
    for (const item of Array.isArray(value) ? value : Object.values(value)) check(item, depthLeft - 1);
  }
}

/** BAD_INPUT for a number that JavaScript changes: most clients have changed it before they sent it. */
export function requireExact(source: string): void {
  if (!isSafeNumber(source)) throw inexact(source);
}

function inexact(source: string): DomainError {
  const message = `The number ${source.slice(0, 40)} cannot be held exactly by JavaScript. ${SEND_TEXT}`;
  return new DomainError("BAD_INPUT", message);
}
