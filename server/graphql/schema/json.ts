/**
 * JSON that keeps its text: the scalar's values, written into an answer without a number or a key changing on the way.
 */
import { randomUUID } from "node:crypto";
import { isSafeNumber } from "lossless-json";
import { DomainError } from "../../errors.ts";
import { isRawNumber, SEND_TEXT, tooDeep } from "../http/request-json.ts";

/** Told to nobody, so that no body can contain it. */
const MARK = `isimud-json-${randomUUID()}`;
const QUOTED_MARK = JSON.stringify(MARK);

/** The texts that the marks of the value that is being written stand for, in order. */
let marked: string[] | undefined;

/** A JSON value as its exact text, which `stringify` writes. JSON.stringify alone would write a mark. */
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

/**
 * As JSON.stringify, with the text of each RawJson in its place, to the letter. Line breaks between its tokens become
 * spaces, for server-sent events end at them. Nothing of these texts is parsed or escaped, so their length costs next
 * to nothing.
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
 * The text of a value of a request. BAD_INPUT when it nests deeper than `maximumDepth` or holds a number that
 * JavaScript cannot hold exactly.
 */
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

/**
 * BAD_INPUT for a number that changes on its way through JavaScript: most clients have changed it before it was sent.
 */
export function requireExact(source: string): void {
  if (!isSafeNumber(source)) throw inexact(source);
}

function inexact(source: string): DomainError {
  const message = `The number ${source.slice(0, 40)} cannot be held exactly by JavaScript. ${SEND_TEXT}`;
  return new DomainError("BAD_INPUT", message);
}
