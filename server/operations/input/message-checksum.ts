import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { scalarEnd, skipSpace, stringEnd } from "./json-text.ts";

/** How many values are written in one turn of the event loop. A body may have half a million. */
const VALUES_A_TURN = 10_000;

/**
 * Zaqar's checksum of a body: "MD5:" and the MD5 of what Python's json.dumps writes for it (keys in their order, `, `
 * and `: ` as separators, ASCII only). `bodyText` must be valid JSON, of any depth.
 */
export async function checksumOf(bodyText: string): Promise<string> {
  const writing = pythonJson(bodyText);
  for (let step = writing.next(); ; step = writing.next()) {
    if (step.done) return `MD5:${createHash("md5").update(step.value, "ascii").digest("hex")}`;
    await setImmediate();
  }
}

interface OpenValue {
  /** Null for an array. A key that comes twice has its first position and its last value, as in a Python dict. */
  members: Map<string, string> | null;
  items: string[];
  key: string;
}

/** Yields after every VALUES_A_TURN values, and returns the text. */
function* pythonJson(text: string): Generator<void, string> {
  const open: OpenValue[] = [];
  let written = 0;
  for (let at = 0; ; ) {
    at = skipSpace(text, at);
    const char = text[at];
    let finished: string;
    if (char === "{" || char === "[") {
      open.push({ members: char === "{" ? new Map() : null, items: [], key: "" });
      at += 1;
      continue;
    }
    if (char === "," || char === ":") {
      at += 1;
      continue;
    }
    if (char === "}" || char === "]") {
      at += 1;
      finished = closed(open.pop());
    } else if (char === '"') {
      const end = stringEnd(text, at);
      const string = pythonString(JSON.parse(text.slice(at, end)) as string);
      at = end;
      const parent = open.at(-1);
      if (parent?.members && text[skipSpace(text, at)] === ":") {
        parent.key = string;
        continue;
      }
      finished = string;
    } else {
      const end = scalarEnd(text, at);
      finished = pythonScalar(text.slice(at, end));
      at = end;
    }
    const parent = open.at(-1);
    if (parent === undefined) return finished;
    if (parent.members) parent.members.set(parent.key, finished);
    else parent.items.push(finished);
    written += 1;
    if (written % VALUES_A_TURN === 0) yield;
  }
}

function closed(value: OpenValue | undefined): string {
  if (value?.members) return `{${[...value.members].map(([key, item]) => `${key}: ${item}`).join(", ")}}`;
  return `[${value?.items.join(", ") ?? ""}]`;
}

/** JSON.stringify escapes what Python does, except DEL and everything beyond ASCII. */
function pythonString(value: string): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function pythonScalar(text: string): string {
  if (text === "true" || text === "false" || text === "null") return text;
  if (/^-?\d+$/.test(text)) return text === "-0" ? "0" : text;
  return pythonFloat(Number(text));
}

/** Python's repr: the shortest digits that parse to the same number, with an exponent below 1e-4 and from 1e16 on. */
function pythonFloat(value: number): string {
  if (!Number.isFinite(value)) return value < 0 ? "-Infinity" : "Infinity";
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const [mantissa = "", exponentText = "0"] = value.toExponential().split("e");
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 16) {
    const size = String(Math.abs(exponent)).padStart(2, "0");
    return `${mantissa}e${exponent < 0 ? "-" : "+"}${size}`;
  }
  const sign = mantissa.startsWith("-") ? "-" : "";
  const digits = mantissa.replace(/[-.]/g, "");
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  return `${sign}${whole}.${digits.slice(exponent + 1) || "0"}`;
}
