/** Hashes of passwords, and how strong a new one must be. */
import { argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { DomainError } from "../../errors.ts";
import type { Strength } from "./password-strength.ts";
import { passwordsTakeTooLong, Turns } from "./turns.ts";

export const MIN_PASSWORD_LENGTH = 10;
export const MAX_PASSWORD_LENGTH = 256;
/** Of 0 to 4: safe against guesses at a stolen hash, as far as it goes. */
const MIN_SCORE = 3;
const STRENGTH_DEADLINE_MS = 8000;

/** OWASP's choice for argon2id: 19 MiB, two passes. About 25 ms, on a thread of Node's pool. */
const MEMORY_KIB = 19_456;
const PASSES = 2;
const LANES = 1;
const HASH_BYTES = 32;

const derive = promisify(argon2);
/** Node's pool has four threads, which files and DNS need too: sign-ins from many addresses must not take them all. */
const hashing = new Turns({ atOnce: 2, waiting: 64 });

/** In the PHC string format: it names its own parameters, so that they may change one day. DEADLINE_EXCEEDED. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await hashOf(password, salt, { memory: MEMORY_KIB, passes: PASSES, lanes: LANES });
  return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${base64(salt)}$${base64(hash)}`;
}

/** DEADLINE_EXCEEDED. */
export async function verifyPassword(stored: string, password: string): Promise<boolean> {
  const parts = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(stored);
  if (parts === null || password.length > MAX_PASSWORD_LENGTH) return false;
  const [, memory, passes, lanes, salt = "", hash = ""] = parts;
  const cost = { memory: Number(memory), passes: Number(passes), lanes: Number(lanes) };
  const found = await hashOf(password, Buffer.from(salt, "base64"), cost);
  const expected = Buffer.from(hash, "base64");
  return found.length === expected.length && timingSafeEqual(found, expected);
}

/** Two spellings of one character are the same password. */
function hashOf(password: string, salt: Buffer, cost: { memory: number; passes: number; lanes: number }) {
  const { memory, passes, lanes } = cost;
  const message = Buffer.from(password.normalize("NFKC"));
  const parameters = { message, nonce: salt, parallelism: lanes, tagLength: HASH_BYTES, memory, passes };
  return hashing.take(() => derive("argon2id", parameters));
}

const base64 = (bytes: Buffer) => bytes.toString("base64").replace(/=+$/, "");

/**
 * PASSWORD_TOO_WEAK unless the password is long enough and hard to guess, also for those who know whose it is.
 * DEADLINE_EXCEEDED when that takes too long, or too many wait for it.
 */
export async function requireStrongPassword(
  password: string,
  of: { email: string; name: string },
  deadlineMs = STRENGTH_DEADLINE_MS,
): Promise<void> {
  const length = [...password].length;
  if (length < MIN_PASSWORD_LENGTH || password.length > MAX_PASSWORD_LENGTH) {
    throw tooWeak(`A password has ${MIN_PASSWORD_LENGTH} to ${MAX_PASSWORD_LENGTH} characters.`, []);
  }
  const words = `${of.email} ${of.name}`.split(/[^\p{L}\p{N}]+/u).filter((word) => word.length > 2);
  const about = ["isimud", ...words];
  const { score, warning, suggestions } = await scoring.take(() => strengthOf(password, about, deadlineMs));
  if (score < MIN_SCORE) throw tooWeak(warning ?? "This password is too easy to guess.", suggestions);
}

function tooWeak(message: string, suggestions: readonly string[]): DomainError {
  return new DomainError("PASSWORD_TOO_WEAK", [message, ...suggestions].join(" "), { details: { field: "password" } });
}

/** Each worker has dictionaries of some megabytes in memory. */
const scoring = new Turns({ atOnce: 1, waiting: 8 });

/** In a thread of its own that ends with it: reading the dictionaries alone would hold the event loop for long. */
async function strengthOf(password: string, about: readonly string[], deadlineMs: number): Promise<Strength> {
  const workerData = { password, about };
  const deadline = AbortSignal.timeout(deadlineMs);
  const worker = new Worker(new URL("./password-strength.ts", import.meta.url), { workerData, env: {} });
  try {
    const [strength] = await once(worker, "message", { signal: deadline });
    return strength as Strength;
  } catch (error) {
    throw deadline.aborted ? passwordsTakeTooLong(error) : error;
  } finally {
    await worker.terminate();
  }
}
