/**
 * Cursors: markers as clients get them. A cursor names the order of its list and ends in a checksum, so that one of
 * another list, or a text of the client's own, is refused instead of leading somewhere else.
 */
import { crc32 } from "node:zlib";
import { badInput } from "../../operations/input/limits.ts";

/** The orders that lists have. Lists with the same markers share one. */
export type ListOrder =
  | "auditEntries"
  | "catalogue"
  | "catalogue.name"
  | "claims"
  | "claims.createdAt"
  | "claims.expiresAt"
  | "claims.holder"
  | "claims.queue"
  | "consumers"
  | "flavors"
  | "flavors.all"
  | "healthHistory"
  | "jobs"
  | "keyValueKeys"
  | "keyValueLocks"
  | "keyValueStores"
  | "messages"
  | "people"
  | "pools"
  | "problems"
  | "projects"
  | "queues.createdAt"
  | "queues.createdAt.all"
  | "queues.depth"
  | "queues.depth.all"
  | "queues.name"
  | "queues.name.all"
  | "queues.oldestReady"
  | "queues.oldestReady.all"
  | "queues.rate"
  | "queues.rate.all"
  | "queueSubscriptions"
  | "tokens";

const CHECKSUM_BYTES = 4;
/** Every cursor is shorter. */
const MAX_LENGTH = 16_384;
const MESSAGE_MARKER = /^\d+$/;
const BEGINNING = /^0+$/;

export function writeCursor(order: ListOrder, marker: string): string {
  return sealed(Buffer.from(`${order}:${marker}`)).toString("base64url");
}

/** The marker of a cursor that the argument `field` holds. BAD_INPUT for any other text. */
export function readCursor(order: ListOrder, cursor: string, field: string): string {
  const bytes = cursor.length > MAX_LENGTH ? Buffer.alloc(0) : Buffer.from(cursor, "base64url");
  const content = bytes.subarray(0, -CHECKSUM_BYTES);
  const start = `${order}:`;
  const text = content.toString();
  // The same bytes have other spellings in Base64. Only ours is a cursor, so that clients can compare them.
  if (!text.startsWith(start) || sealed(content).toString("base64url") !== cursor) {
    throw badInput(
      field,
      `${field} is no cursor of this list. Take \`cursor\`, \`startCursor\` or \`endCursor\` from an answer, unchanged.`,
    );
  }
  return text.slice(start.length);
}

/** The marker of a position among messages: a cursor, or a message's marker itself. BAD_INPUT. */
export function readMessagePosition(position: string, field: string): string {
  return MESSAGE_MARKER.test(position) ? position : readCursor("messages", position, field);
}

/**
 * The position from which a page of messages is read. BAD_INPUT. Undefined for `after: "0"`, the beginning of the
 * queue: as on any first page, nothing comes before.
 */
export function readPagePosition(position: string, field: string): string | undefined {
  const marker = readMessagePosition(position, field);
  return field === "after" && BEGINNING.test(marker) ? undefined : marker;
}

function sealed(content: Buffer): Buffer {
  const checksum = Buffer.alloc(CHECKSUM_BYTES);
  checksum.writeUInt32BE(crc32(content));
  return Buffer.concat([content, checksum]);
}
