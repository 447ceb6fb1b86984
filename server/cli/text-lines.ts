/** Reads an input line by line. */

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * The whole lines of each part of an input as it comes, without their ends, so that an input that pauses keeps nothing
 * back. The last line may lack its end. A line that has more than `maxBytes` may come cut, but still has more than
 * these, and is the last then: an input without line breaks does not fill the memory.
 */
export async function* readLines(
  input: AsyncIterable<Uint8Array>,
  maxBytes = Number.POSITIVE_INFINITY,
): AsyncGenerator<Buffer[]> {
  // The parts of the line that has no end yet. They are joined once, however many they are.
  let begun: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of input) {
    const lines: Buffer[] = [];
    let start = 0;
    for (let end = part.indexOf(LINE_FEED); end >= 0; end = part.indexOf(LINE_FEED, start)) {
      lines.push(withoutReturn(joined(begun, part.subarray(start, end))));
      [begun, bytes, start] = [[], 0, end + 1];
    }
    begun.push(part.subarray(start));
    bytes += part.length - start;
    // One more, which may be the first half of a line break.
    const isTooLong = bytes > maxBytes + 1;
    if (isTooLong) lines.push(joined(begun));
    if (lines.length > 0) yield lines;
    if (isTooLong) return;
  }
  if (bytes > 0) yield [joined(begun)];
}

function joined(begun: readonly Uint8Array[], last?: Uint8Array): Buffer {
  const parts = last === undefined ? begun : [...begun, last];
  const [only] = parts;
  if (only === undefined || parts.length > 1) return Buffer.concat(parts);
  return Buffer.from(only.buffer, only.byteOffset, only.byteLength);
}

const withoutReturn = (line: Buffer) => (line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line);
