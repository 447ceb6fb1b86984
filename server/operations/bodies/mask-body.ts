/** Masks parts of a body in its text, so that all else stays as it was posted: numbers, order of keys, white space. */
import { setImmediate } from "node:timers/promises";
import { endOfValue, skipSpace, stringEnd } from "../input/json-text.ts";
import type { BodyPath, PathStep } from "./body-path.ts";

/** What stands in place of a value that is masked, as text and as JSON. */
export const MASK = "***";
export const MASK_JSON = JSON.stringify(MASK);

/** How often a value is held against a step of a path in one turn of the event loop: for some milliseconds. */
const LOOKS_A_TURN = 20_000;

interface Open {
  /** How far the paths have led: what comes next of each, as places in the list of all steps. Each place once. */
  readonly places: readonly number[];
  readonly isObject: boolean;
  /** Of the next item. */
  index: number;
}

/**
 * The body with each value that a path leads to replaced by MASK_JSON. Of a key that comes twice, each value is masked.
 * A text that is no JSON, which nobody can have posted here, is masked as a whole.
 */
export async function maskBody(bodyText: string, paths: readonly BodyPath[]): Promise<string> {
  try {
    const masking = masked(bodyText, paths);
    for (let step = masking.next(); ; step = masking.next()) {
      if (step.done) return step.value;
      await setImmediate();
    }
  } catch (error) {
    if (error instanceof SyntaxError) return MASK_JSON;
    throw error;
  }
}

/** Yields after every LOOKS_A_TURN looks, and returns the text. */
function* masked(text: string, paths: readonly BodyPath[]): Generator<void, string> {
  const steps = paths.flatMap((path) => path.map((step, index) => ({ ...step, isLast: index + 1 === path.length })));
  const begins = steps.flatMap((_, place) => (place === 0 || steps[place - 1]?.isLast ? [place] : []));
  const parts: string[] = [];
  let copied = 0;
  let looked = 0;
  const open: Open[] = [];
  const start = skipSpace(text, 0);
  const root = openAt(text, start, begins);
  if (root === null) return text;
  open.push(root);
  for (let at = start + 1; ; ) {
    const inside = open.at(-1);
    if (inside === undefined) break;
    at = skipSpace(text, at);
    const char = text[at];
    if (char === undefined) throw new SyntaxError("The JSON does not end.");
    if (char === ",") {
      at += 1;
      continue;
    }
    if (char === "}" || char === "]") {
      open.pop();
      at += 1;
      continue;
    }
    let key: string | number;
    if (inside.isObject) {
      const end = stringEnd(text, at);
      key = JSON.parse(text.slice(at, end)) as string;
      at = skipSpace(text, skipSpace(text, end) + 1);
    } else {
      key = inside.index;
      inside.index += 1;
    }
    looked += 1 + inside.places.length;
    if (looked > LOOKS_A_TURN) {
      looked = 0;
      yield;
    }
    const next = below(steps, inside.places, key);
    const container = next === "masked" ? null : openAt(text, at, next);
    if (container !== null) {
      open.push(container);
      at += 1;
      continue;
    }
    const end = endOfValue(text, at);
    if (next === "masked") {
      parts.push(text.slice(copied, at), MASK_JSON);
      copied = end;
    }
    at = end;
  }
  return parts.length === 0 ? text : parts.join("") + text.slice(copied);
}

/** The object or array that begins here, if a path leads into it. */
function openAt(text: string, at: number, places: readonly number[]): Open | null {
  const char = text[at];
  if ((char !== "{" && char !== "[") || places.length === 0) return null;
  return { places, isObject: char === "{", index: 0 };
}

type Step = PathStep & { readonly isLast: boolean };

/** Where the paths are below a child; "masked" when one of them ends there. */
function below(steps: readonly Step[], places: readonly number[], key: string | number): readonly number[] | "masked" {
  // Several ways may lead to one place: `$..*..a`.
  const next = new Set<number>();
  for (const place of places) {
    const { child, kind, deep, isLast } = steps[place] as Step;
    if (deep) next.add(place);
    if (kind !== "every" && child !== key) continue;
    if (isLast) return "masked";
    next.add(place + 1);
  }
  return [...next];
}
