/**
 * Types of parameters that are arrays, in PostgreSQL's binary format: `pg` sends a Buffer as it is. As text an array of
 * bodies is escaped here and unescaped there, character by character; measured, an insert of 500 messages takes three
 * quarters of the time this way.
 *
 * Hazard: the server must know the type of a binary parameter. Write the cast in the statement: `:ids::uuid[]`.
 */
import type { ParameterType } from "./statement.ts";

const OID = { int4: 23, int8: 20, text: 25, uuid: 2950 } as const;
const HEADER = 20;
const NULL_LENGTH = -1;

function header(buffer: Buffer, type: keyof typeof OID, length: number): void {
  buffer.writeInt32BE(1, 0);
  // There may be nulls: 0 would tell the server not to look for them.
  buffer.writeInt32BE(1, 4);
  buffer.writeInt32BE(OID[type], 8);
  buffer.writeInt32BE(length, 12);
  buffer.writeInt32BE(1, 16);
}

/** An empty array has no dimension. */
function empty(type: keyof typeof OID): Buffer {
  const buffer = Buffer.alloc(12);
  buffer.writeInt32BE(OID[type], 8);
  return buffer;
}

/** For `int4[]`. */
export function int4Array(values: readonly number[]): Buffer {
  if (values.length === 0) return empty("int4");
  const buffer = Buffer.allocUnsafe(HEADER + values.length * 8);
  header(buffer, "int4", values.length);
  let at = HEADER;
  for (const value of values) {
    buffer.writeInt32BE(4, at);
    buffer.writeInt32BE(value, at + 4);
    at += 8;
  }
  return buffer;
}

/** For `int8[]`: integers that JavaScript holds exactly, or their digits, or null. */
export function int8Array(values: readonly (number | string | null)[]): Buffer {
  if (values.length === 0) return empty("int8");
  const buffer = Buffer.allocUnsafe(HEADER + values.length * 12);
  header(buffer, "int8", values.length);
  let at = HEADER;
  for (const value of values) {
    if (value === null) {
      buffer.writeInt32BE(NULL_LENGTH, at);
      at += 4;
      continue;
    }
    buffer.writeInt32BE(8, at);
    const number = typeof value === "number" ? value : Number(value);
    if (Number.isSafeInteger(number)) {
      const high = Math.floor(number / 0x1_0000_0000);
      buffer.writeInt32BE(high, at + 4);
      buffer.writeUInt32BE(number - high * 0x1_0000_0000, at + 8);
    } else buffer.writeBigInt64BE(BigInt(value), at + 4);
    at += 12;
  }
  return at === buffer.length ? buffer : buffer.subarray(0, at);
}

/** For `text[]`. */
export function textArray(values: readonly (string | null)[]): Buffer {
  if (values.length === 0) return empty("text");
  // One pass with room for the longest encoding would waste two thirds of it.
  let length = HEADER;
  for (const value of values) length += 4 + (value === null ? 0 : Buffer.byteLength(value));
  const buffer = Buffer.allocUnsafe(length);
  header(buffer, "text", values.length);
  let at = HEADER;
  for (const value of values) {
    const written = value === null ? NULL_LENGTH : buffer.write(value, at + 4);
    buffer.writeInt32BE(written, at);
    at += 4 + Math.max(0, written);
  }
  return buffer;
}

/** For `uuid[]`: UUIDs with dashes, or null. */
export function uuidArray(values: readonly (string | null)[]): Buffer {
  if (values.length === 0) return empty("uuid");
  const buffer = Buffer.allocUnsafe(HEADER + values.length * 20);
  header(buffer, "uuid", values.length);
  let at = HEADER;
  for (const value of values) {
    if (value === null) {
      buffer.writeInt32BE(NULL_LENGTH, at);
      at += 4;
      continue;
    }
    buffer.writeInt32BE(16, at);
    at = writeUuid(buffer, at + 4, value);
  }
  return at === buffer.length ? buffer : buffer.subarray(0, at);
}

/** For `float8[]`. As text: no hot statement has one. */
export const float8Array: ParameterType<readonly (number | null)[]> = (values) => values;

/** For `bool[]`, as text. */
export const boolArray: ParameterType<readonly boolean[]> = (values) => values;

/** By the code of a hexadecimal digit. */
const NIBBLE = new Uint8Array(128);
for (const digit of "0123456789abcdefABCDEF") NIBBLE[digit.charCodeAt(0)] = Number.parseInt(digit, 16);
const DASH = 45;

/**
 * Returns the offset behind the id. Twice as fast as leaving out the dashes and `buffer.write(..., "hex")`; every
 * message has some ids.
 */
function writeUuid(buffer: Buffer, at: number, uuid: string): number {
  let offset = at;
  for (let index = 0; index < uuid.length; index += 2) {
    const high = uuid.charCodeAt(index);
    if (high === DASH) {
      index -= 1;
      continue;
    }
    buffer[offset] = ((NIBBLE[high] as number) << 4) | (NIBBLE[uuid.charCodeAt(index + 1)] as number);
    offset += 1;
  }
  return offset;
}
