/** The JSON of a request: it is measured before it is parsed, and parsed without changing its numbers. */
import { randomUUID } from "node:crypto";
import { DomainError } from "../../errors.ts";
import { skipSpace, stringEnd } from "../../operations/input/json-text.ts";
import { limitDetails, REQUEST_LIMITS, type RequestLimit } from "./request-limits.ts";

const { maxRequestNesting, maxRequestParts, maxRequestRawNumbers } = REQUEST_LIMITS;
/** From this depth on it is in the variables. */
const VARIABLES_DEPTH = 2;
/** JavaScript writes whole numbers of at most this length as they came, except for -0. */
const ORDINARY_LENGTH = 15;

/** The way out for JSON that is refused as a value. */
export const SEND_TEXT = 'Send the JSON as text instead: { text: "..." } in place of { json: ... }.';

interface SourceTextJson {
  rawJSON(text: string): object;
  isRawJSON(value: unknown): value is { rawJSON: string };
}
/** TypeScript's declaration of JSON lacks this so far. */
const sourceTextJson = JSON as unknown as SourceTextJson;

/** Marks a number that JSON.parse shall read as a string. It is secret, so no request can contain it. */
const MARK = `number-${randomUUID()}:`;

/**
 * Like JSON.parse, but a number in the variables that JavaScript would write differently becomes a JSON.rawJSON object,
 * which JSON.stringify writes unchanged. Throws a SyntaxError for invalid JSON, and BAD_INPUT when there is too much to
 * handle at once. Its time is linear in the length of the text.
 */
export function parseRequest(text: string): unknown {
  const rawNumbers = measure(text);
  return rawNumbers === null ? JSON.parse(text) : withRawNumbers(JSON.parse(marked(text, rawNumbers)));
}

export function isRawNumber(value: unknown): value is { rawJSON: string } {
  return sourceTextJson.isRawJSON(value);
}

/** Converts a raw number of parseRequest to a number. Returns anything else as it is. */
export function plainNumber(value: unknown): unknown {
  return isRawNumber(value) ? Number(value.rawJSON) : value;
}

/**
 * Finds the numbers that JavaScript would write differently: their starts and ends in turn. Null when there are none.
 * BAD_INPUT when there is too much of anything.
 */
function measure(text: string): number[] | null {
  let offsets: number[] | null = null;
  let depth = 0;
  let parts = 0;
  for (let at = 0; at < text.length; ) {
    switch (text.charCodeAt(at)) {
      case 0x22: // "
        at = stringEnd(text, at);
        break;
      case 0x5b: // [
      case 0x7b: // {
        depth++;
        parts++;
        if (depth > maxRequestNesting) throw tooDeep(limitDetails("maxRequestNesting"));
        at++;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth--;
        at++;
        break;
      case 0x2c: // ,
      case 0x3a: // :
        parts++;
        if (parts > maxRequestParts) {
          throw tooMany("maxRequestParts", `more than ${maxRequestParts} members and entries`);
        }
        at++;
        break;
      case 0x2d: // -
      case 0x30: // 0 to 9
      case 0x31:
      case 0x32:
      case 0x33:
      case 0x34:
      case 0x35:
      case 0x36:
      case 0x37:
      case 0x38:
      case 0x39: {
        const end = numberEnd(text, at);
        // A number as a key stays unmarked, so that JSON.parse refuses it: a marked one would be a string, which may be
        // a key.
        if (depth >= VARIABLES_DEPTH && isChanged(text, at, end) && text[skipSpace(text, end)] !== ":") {
          offsets ??= [];
          offsets.push(at, end);
          if (offsets.length > 2 * maxRequestRawNumbers) {
            throw tooMany(
              "maxRequestRawNumbers",
              `more than ${maxRequestRawNumbers} numbers that JavaScript would write differently, such as 1.0 or 1e5`,
            );
          }
        }
        at = end;
        break;
      }
      default:
        at++;
    }
  }
  return offsets;
}

function numberEnd(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    const code = text.charCodeAt(at);
    const isPart =
      (code >= 0x30 && code <= 0x39) ||
      code === 0x2e ||
      code === 0x65 ||
      code === 0x45 ||
      code === 0x2b ||
      code === 0x2d;
    if (!isPart) return at;
  }
}

/** Whether JavaScript would write this number differently. */
function isChanged(text: string, start: number, end: number): boolean {
  const isMinusZero = text.charCodeAt(start) === 0x2d && text.charCodeAt(start + 1) === 0x30;
  let isOrdinary = end - start <= ORDINARY_LENGTH && !isMinusZero;
  for (let at = start + 1; isOrdinary && at < end; at++) {
    const code = text.charCodeAt(at);
    isOrdinary = code >= 0x30 && code <= 0x39;
  }
  if (isOrdinary) return false;
  const number = text.slice(start, end);
  return String(Number(number)) !== number;
}

/** The text with these numbers as marked strings. JSON.parse refuses what turns out to be no number. */
function marked(text: string, offsets: readonly number[]): string {
  const pieces: string[] = [];
  let written = 0;
  for (let index = 0; index < offsets.length; index += 2) {
    const [start, end] = [offsets[index] as number, offsets[index + 1] as number];
    const number = text.slice(start, end);
    pieces.push(text.slice(written, start), NUMBER.test(number) ? `"${MARK}${number}"` : number);
    written = end;
  }
  pieces.push(text.slice(written));
  return pieces.join("");
}

/** A number of JSON. Each character matches in one way only, so the time is linear. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** The value with its marked strings replaced. It nests at most `maxRequestNesting` deep. */
function withRawNumbers(value: unknown): unknown {
  if (typeof value === "string") {
    return value.startsWith(MARK) ? sourceTextJson.rawJSON(value.slice(MARK.length)) : value;
  }
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) value[index] = withRawNumbers(value[index]);
  } else if (typeof value === "object" && value !== null) {
    for (const key of Object.keys(value)) {
      const member = (value as Record<string, unknown>)[key];
      const replaced = withRawNumbers(member);
      // Not an assignment: a request may have a member named __proto__.
      if (replaced !== member) Object.defineProperty(value, key, { value: replaced });
    }
  }
  return value;
}

export function tooDeep(details: Record<string, unknown> = {}): DomainError {
  return new DomainError("BAD_INPUT", "This JSON nests too deeply. Make it flatter.", { details });
}

function tooMany(limit: RequestLimit, what: string): DomainError {
  return new DomainError("BAD_INPUT", `This request holds ${what}. ${SEND_TEXT}`, { details: limitDetails(limit) });
}
