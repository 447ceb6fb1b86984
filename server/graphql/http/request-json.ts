/** The JSON of a request: measured before it is parsed, and parsed so that none of its numbers changes. */
import { randomUUID } from "node:crypto";
import { DomainError } from "../../errors.ts";
import { skipSpace, stringEnd } from "../../operations/input/json-text.ts";

/** Arrays and objects inside one another: what the scalar JSON takes, and what is around it. */
const MAX_NESTING = 300;
/** Members, entries, arrays and objects. Of JSON that is sent as text none is counted. */
const MAX_PARTS = 100_000;
/** Numbers that JavaScript would write otherwise. */
const MAX_RAW_NUMBERS = 10_000;
/** Below the members of the request itself: in its variables. */
const VARIABLES_DEPTH = 2;
/** Whole numbers of at most this length are written as they came, but for -0. */
const ORDINARY_LENGTH = 15;

/** The way out for JSON that is not taken as a value. */
export const SEND_TEXT =
  "Pass the JSON as text instead: use bodyText for a body, and the field that ends in Text elsewhere.";

interface SourceTextJson {
  rawJSON(text: string): object;
  isRawJSON(value: unknown): value is { rawJSON: string };
}
/** What TypeScript's own declaration of JSON lacks so far. */
const sourceTextJson = JSON as unknown as SourceTextJson;

/** Stands before a number that JSON.parse reads as a string. Told to nobody, so that no request can contain it. */
const MARK = `number-${randomUUID()}:`;

/**
 * As JSON.parse, but a number in the variables whose text JavaScript would not give back becomes a JSON.rawJSON object,
 * which JSON.stringify writes to the letter. Throws a SyntaxError for what is not JSON, and BAD_INPUT for what is too
 * large to be handled at once. Linear in the length of the text.
 */
export function parseRequest(text: string): unknown {
  const rawNumbers = measure(text);
  return rawNumbers === null ? JSON.parse(text) : withRawNumbers(JSON.parse(marked(text, rawNumbers)));
}

export function isRawNumber(value: unknown): value is { rawJSON: string } {
  return sourceTextJson.isRawJSON(value);
}

/** A number of parseRequest as a number; anything else as it is. */
export function plainNumber(value: unknown): unknown {
  return isRawNumber(value) ? Number(value.rawJSON) : value;
}

/**
 * Where the numbers are that JavaScript would write otherwise: their beginnings and ends in turn. Null when there are
 * none. BAD_INPUT.
 */
function measure(text: string): number[] | null {
  let places: number[] | null = null;
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
        if (depth > MAX_NESTING) throw tooDeep();
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
        if (parts > MAX_PARTS) throw tooMany(`more than ${MAX_PARTS} members and entries`);
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
        // A number that stands as a key is left to JSON.parse, which refuses it: marked it would be text, and text may
        // be a key.
        if (depth >= VARIABLES_DEPTH && isChanged(text, at, end) && text[skipSpace(text, end)] !== ":") {
          places ??= [];
          places.push(at, end);
          if (places.length > 2 * MAX_RAW_NUMBERS) {
            throw tooMany(
              `more than ${MAX_RAW_NUMBERS} numbers that JavaScript would write otherwise, such as 1.0 or 1e5`,
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
  return places;
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

/** Would JavaScript write this number otherwise than it stands here? */
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

/** The text with these numbers as marked strings. What is no number after all is left to JSON.parse. */
function marked(text: string, places: readonly number[]): string {
  const pieces: string[] = [];
  let written = 0;
  for (let index = 0; index < places.length; index += 2) {
    const [start, end] = [places[index] as number, places[index + 1] as number];
    const number = text.slice(start, end);
    pieces.push(text.slice(written, start), NUMBER.test(number) ? `"${MARK}${number}"` : number);
    written = end;
  }
  pieces.push(text.slice(written));
  return pieces.join("");
}

/** As JSON has it. Each character can be read in one way only, so this takes no longer than the number is. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** The value with its marked strings replaced. It nests at most MAX_NESTING deep. */
function withRawNumbers(value: unknown): unknown {
  if (typeof value === "string") {
    return value.startsWith(MARK) ? sourceTextJson.rawJSON(value.slice(MARK.length)) : value;
  }
  if (Array.isArray(value)) {
    for (let place = 0; place < value.length; place++) value[place] = withRawNumbers(value[place]);
  } else if (typeof value === "object" && value !== null) {
    for (const key of Object.keys(value)) {
      const member = (value as Record<string, unknown>)[key];
      const replaced = withRawNumbers(member);
      // Defined, not set: a request may have a member named __proto__.
      if (replaced !== member) Object.defineProperty(value, key, { value: replaced });
    }
  }
  return value;
}

export function tooDeep(): DomainError {
  return new DomainError("BAD_INPUT", "This JSON nests too deeply. Make it flatter.");
}

function tooMany(what: string): DomainError {
  return new DomainError("BAD_INPUT", `This request holds ${what}. ${SEND_TEXT}`);
}
