/** What commands read: a file, or the standard input. */
import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { CommandError } from "./command-error.ts";
import { whyNotRead } from "./file-errors.ts";

const STANDARD_INPUT = "The standard input";

/**
 * The bytes as they come, of the standard input when no file is given. `signal` ends them with its reason. A
 * CommandError when they cannot be read.
 */
export async function* readParts(file: string | undefined, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const input = file === undefined ? process.stdin : createReadStream(file);
  signal?.addEventListener("abort", () => input.destroy(signal.reason));
  try {
    yield* input;
  } catch (error) {
    signal?.throwIfAborted();
    throw new CommandError(whyNotRead(file ?? STANDARD_INPUT, error));
  }
}

/** The whole text of a file, or of the standard input for `-`. A CommandError when it cannot be read. */
export async function readText(file: string): Promise<string> {
  const isStandard = file === "-";
  // Not at once by its number: a pipe may have nothing yet, which is an error then.
  const parts: Uint8Array[] = [];
  for await (const part of readParts(isStandard ? undefined : file)) parts.push(part);
  return textOf(Buffer.concat(parts), isStandard ? STANDARD_INPUT : file);
}

/** The text exactly as it is: whatever is not UTF-8 would come out as other text. `name` begins a sentence. */
export function textOf(bytes: Buffer, name: string): string {
  if (!isUtf8(bytes)) throw new CommandError(`${name} is not UTF-8. Convert it first, such as with iconv.`, 2);
  return bytes.toString();
}
