/** The secret of a token: `isi_`, then 32 random bytes and a checksum of them in Base64 for URLs. */
import { hash, randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";

/** By it, scanners find secrets that were published by mistake. */
const MARK = "isi_";
const RANDOM_BYTES = 32;
/** Characters of `prefix`: enough to tell tokens apart, of no use to guess the rest. */
const SHOWN = 8;
const SECRET = /^isi_[A-Za-z0-9_-]{48}$/;

export interface TokenSecret {
  /** Shown once. */
  secret: string;
  /** How it begins. */
  prefix: string;
  /** Its SHA-256, which is all that is stored: nobody guesses 32 random bytes, so a slow hash would help nobody. */
  hash: Buffer;
}

export function createTokenSecret(): TokenSecret {
  const random = randomBytes(RANDOM_BYTES);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(random));
  const secret = MARK + Buffer.concat([random, checksum]).toString("base64url");
  return { secret, prefix: secret.slice(0, SHOWN), hash: Buffer.from(digestOf(secret), "base64url") };
}

/** Whether it can be the secret of a token: a wrong copy is told apart without asking the database. */
export function isTokenSecret(text: string): boolean {
  if (!SECRET.test(text)) return false;
  const bytes = Buffer.from(text.slice(MARK.length), "base64url");
  return crc32(bytes.subarray(0, RANDOM_BYTES)) === bytes.readUInt32BE(RANDOM_BYTES);
}

/** SHA-256, in Base64 for URLs. */
export const digestOf = (secret: string): string => hash("sha256", secret, "base64url");
