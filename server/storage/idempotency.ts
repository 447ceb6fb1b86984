/** How drivers recognise that an idempotency key comes again with the same request, and what they keep for it. */
import { createHash } from "node:crypto";
import { DomainError } from "../errors.ts";
import type { Message, NewMessage, PurgeBound } from "./data-driver.ts";
import { type KeptDeadLettered, readDeadLettered } from "./messages/dead-lettered.ts";
import { headersText, messageBytes, readHeaders, withoutTrace } from "./messages/message-headers.ts";
import type { QueueRef } from "./queue-ref.ts";

/** How long a key is kept. */
export const KEY_SECONDS = 86_400;
/** How long the key of a pop is kept: with it its answer is, which may be large. */
export const POP_KEY_SECONDS = 600;
/** The most bytes of bodies that a pop with a key takes, because all of them are kept. */
export const MAX_KEPT_BYTES = 4 * 1_048_576;
/** While the answers of a queue's pops have so many bytes, no other is kept. So it may be passed by one answer. */
export const MAX_KEPT_POPS_BYTES = 256 * 1_048_576;

/** SHA-256, in hex, of the request as JSON. A move copies digests, so all drivers must build the same JSON. */
export const digest = (request: unknown) => createHash("sha256").update(JSON.stringify(request)).digest("hex");

/** Under which key the `part`th part of a call keeps its result, from 0. */
export const partKey = (key: string, part: number) => `${key}#${part}`;

/** The digests of pops begin with it. It tells whoever stores, moves or frees a key how long the key is kept. */
export const POP_PREFIX = "pop:";
export const popDigest = (limit: number) => `${POP_PREFIX}${digest(["pop", limit])}`;

/** Without headers it is what it was before there were any. */
export const postDigest = (messages: readonly NewMessage[], clientId: string | null) => {
  const posted = messages.map(({ bodyText, ttlSeconds, delaySeconds, headers }) => {
    const text = headersText(withoutTrace(headers));
    return { bodyText, ttlSeconds, delaySeconds, ...(text === null ? {} : { headers: text }) };
  });
  return digest(["post", posted, clientId]);
};

export const subscribeDigest = (params: { subscriber: string; ttlSeconds: number; optionsText: string }) =>
  digest(["subscribe", params.subscriber, params.ttlSeconds, params.optionsText]);

export const purgeDigest = (before: PurgeBound | undefined) =>
  digest(before === undefined ? ["purge"] : ["purge", before]);

/**
 * The answer of a pop as it is kept: this, and a JSON array with a KeptMessage for each message.
 *
 * Hazard: earlier versions take commas and spaces in what is kept for separators, and a number between commas for a
 * marker. One that moves the queue would change bodies, but then changes this too. Such an answer counts as forgotten.
 */
export const POPPED = "popped ,0,";

type Numeral = number | string;
/** The last two are missing in what earlier versions kept. */
type KeptMessage = [
  id: string,
  marker: Numeral,
  createdMs: Numeral,
  expiresMs: Numeral,
  ttlSeconds: Numeral,
  ageSeconds: Numeral,
  clientId: string | null,
  claimCount: Numeral,
  lastClaimId: string | null,
  bodyText: string,
  headersText?: string | null,
  deadLettered?: KeptDeadLettered | null,
];

/**
 * The messages of a kept answer. Null when it was damaged. TOO_LARGE when they have more than `maxBytes`: all were
 * deleted, so none may be left out.
 */
export function readPopped(kept: string, maxBytes: number): Message[] | null {
  if (!kept.startsWith(POPPED)) return null;
  const messages = (JSON.parse(kept.slice(POPPED.length)) as KeptMessage[]).map(readMessage);
  const bytes = messages.reduce((sum, message) => sum + messageBytes(message), 0);
  if (messages.length > 1 && bytes > maxBytes) {
    throw new DomainError(
      "TOO_LARGE",
      `The messages that were popped with this idempotencyKey have ${bytes} bytes, and here is room for ${maxBytes}. Repeat the pop in a request of its own.`,
      { details: { maximum: maxBytes, bytes } },
    );
  }
  return messages;
}

function readMessage(kept: KeptMessage): Message {
  const [id, marker, created, expires, ttl, age, clientId, count, lastClaimId, bodyText, headers, dead] = kept;
  return {
    id,
    marker: String(marker),
    bodyText,
    headers: readHeaders(headers ?? null),
    ttlSeconds: Number(ttl),
    ageSeconds: Number(age),
    createdAt: new Date(Number(created)),
    expiresAt: new Date(Number(expires)),
    delayedUntil: null,
    clientId,
    claimCount: Number(count),
    claim: null,
    lastClaimId,
    deadLettered: readDeadLettered(dead ?? null),
  };
}

/** Nothing was popped. An answer is never forgotten early: its key would pop other messages then. */
export function keepsTooMuch({ project, name }: QueueRef, bytes: number, maximum: number): DomainError {
  return new DomainError(
    "TOO_MANY_REQUESTS",
    `The queue keeps ${bytes} bytes of answers for pops with an idempotencyKey, and keeps no more than ${maximum}. ` +
      `Each is kept for ${POP_KEY_SECONDS} seconds, so try again later. Claims and pops without a key work.`,
    { details: { project, queue: name, value: bytes, maximum } },
  );
}

/** What is kept of a purge. */
export interface KeptPurge {
  /** How many messages it has removed. Null when that is not known. */
  messages: number | null;
  /** Messages up to this marker are still to be removed: whoever did it stopped in between. Null when it is done. */
  upTo: string | null;
}

/** Redis removes a long queue's beginning in steps, and writes `purging:`, the marker and the number after each. */
export const PURGING = "purging:";
export const PURGED = "purged:";

export function readPurge(kept: string): KeptPurge {
  const [, upTo = null, messages] = /^(?:purging:(\d+)|purged):(\d+)$/.exec(kept) ?? [];
  return { messages: messages === undefined ? null : Number(messages), upTo };
}

export function keyReused(key: string): DomainError {
  return new DomainError(
    "IDEMPOTENCY_KEY_REUSED",
    "This idempotencyKey was used for a different request. Use a new key for a new request.",
    { details: { idempotencyKey: key } },
  );
}
