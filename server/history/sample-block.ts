/**
 * Many samples of one interval as bytes. A sample takes about 20 of them, so that a quarter of a year fits into the
 * control database.
 *
 * A block begins with two zeros. Its entries ascend by number: the difference to the number before, the length of the
 * rest, the rest. All numbers are LEB128. The rest begins with a mask of the values that follow; those left out are 0
 * or null. So two blocks, one after the other, are a block too: the zeros begin anew.
 */
import { byChange, CHANGES, type Depths, type Sample, STATES } from "./sample.ts";

/** `number` tells the subjects of a block apart. */
export interface Entry {
  readonly number: number;
  readonly sample: Sample;
}

const OLDEST = STATES.length;
const FIRST_CHANGE = OLDEST + 1;
/** Changes that samples have had from the beginning. Later ones are behind everything else, so that old blocks fit. */
const FIRST_CHANGES = 8;
const UNKNOWN = FIRST_CHANGE + FIRST_CHANGES;
const INTERVALS = UNKNOWN + 1;
const BEFORE = INTERVALS + 1;
const VALUES = BEFORE + 1 + CHANGES.length - FIRST_CHANGES;
const changeAt = (index: number) => (index < FIRST_CHANGES ? FIRST_CHANGE : BEFORE + 1 - FIRST_CHANGES) + index;
const START = Buffer.from([0, 0]);
/** Numbers up to 2^53 take at most so many bytes. */
const MAX_NUMBER_BYTES = 8;
const MAX_SAMPLE_BYTES = MAX_NUMBER_BYTES * (2 * (OLDEST + 2) + CHANGES.length + 2);

/** `until` is the end of the interval. Instants are kept in whole seconds, and not after `until`. */
export function encodeBlock(entries: readonly Entry[], until: Date): Buffer {
  const sorted = entries.toSorted((a, b) => a.number - b.number);
  const bytes = Buffer.allocUnsafe(START.length + sorted.length * (MAX_SAMPLE_BYTES + 2 * MAX_NUMBER_BYTES));
  const rest = Buffer.allocUnsafe(MAX_SAMPLE_BYTES);
  let end = START.copy(bytes);
  let last = 0;
  for (const { number, sample } of sorted) {
    const length = writeSample(rest, sample, until);
    end = writeNumber(bytes, end, number - last);
    end = writeNumber(bytes, end, length);
    end += rest.copy(bytes, end, 0, length);
    last = number;
  }
  // A copy, so that the large buffer is not kept.
  return Buffer.from(bytes.subarray(0, end));
}

/** The samples of the subjects that `wanted` holds, or of all. */
export function decodeBlock(bytes: Buffer, until: Date, wanted?: { has(number: number): boolean }): Entry[] {
  const reader = new Reader(bytes);
  const entries: Entry[] = [];
  let number = 0;
  while (reader.position < bytes.length) {
    number += reader.number();
    const length = reader.number();
    if (length === 0) {
      number = 0;
      continue;
    }
    const end = reader.position + length;
    if (wanted?.has(number) ?? true) entries.push({ number, sample: readSample(reader, until) });
    reader.position = end;
  }
  return entries;
}

function writeSample(bytes: Buffer, sample: Sample, until: Date): number {
  const { counts, intervals, before } = sample;
  const values = depthValues(sample, until);
  CHANGES.forEach((change, index) => {
    values[changeAt(index)] = counts?.[change] ?? 0;
  });
  values[UNKNOWN] = counts === null ? 1 : 0;
  // The number of intervals is 1 nearly always.
  values[INTERVALS] = intervals - 1;
  values[BEFORE] = before === null ? 0 : 1;
  const end = writeMasked(bytes, 0, values);
  return before === null ? end : writeMasked(bytes, end, depthValues(before, until));
}

function readSample(reader: Reader, until: Date): Sample {
  const values = reader.masked();
  const depths = depthsOf(values, until);
  return {
    ...depths,
    counts: values[UNKNOWN] === 1 ? null : byChange((_, index) => values[changeAt(index)] ?? 0),
    intervals: (values[INTERVALS] ?? 0) + 1,
    before: values[BEFORE] === 1 ? depthsOf(reader.masked(), until) : null,
  };
}

/** The age of the oldest ready message is kept, plus one: 0 is for none. */
function depthValues(depths: Depths, until: Date): number[] {
  const { oldestReadyAt } = depths;
  const age = oldestReadyAt === null ? -1 : Math.max(0, Math.floor((until.getTime() - oldestReadyAt.getTime()) / 1000));
  return [...STATES.map((state) => depths[state]), age + 1];
}

function depthsOf(values: readonly number[], until: Date): Depths {
  const [ready = 0, claimed = 0, delayed = 0, exhausted = 0, agePlusOne = 0] = values;
  const oldestReadyAt = agePlusOne === 0 ? null : new Date(until.getTime() - (agePlusOne - 1) * 1000);
  return { ready, claimed, delayed, exhausted, oldestReadyAt };
}

function writeMasked(bytes: Buffer, start: number, values: readonly number[]): number {
  let mask = 0;
  values.forEach((value, index) => {
    if (value !== 0) mask |= 1 << index;
  });
  let end = writeNumber(bytes, start, mask);
  for (const value of values) if (value !== 0) end = writeNumber(bytes, end, value);
  return end;
}

/** Hazard: no bitwise operators here, which would cut a number to 32 bits. */
function writeNumber(bytes: Buffer, start: number, value: number): number {
  let at = start;
  let left = value;
  while (left >= 128) {
    bytes[at] = (left % 128) + 128;
    left = Math.floor(left / 128);
    at += 1;
  }
  bytes[at] = left;
  return at + 1;
}

class Reader {
  position = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  number(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#bytes[this.position] ?? 0;
      this.position += 1;
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  }

  masked(): number[] {
    const mask = this.number();
    return Array.from({ length: VALUES }, (_, index) => ((mask >> index) & 1 ? this.number() : 0));
  }
}
