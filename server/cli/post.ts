/** `isimud post`: posts messages from an argument, a file or the standard input. */
import type { Command } from "commander";
import { CommandError } from "./command-error.ts";
import { readParts, textOf } from "./input.ts";
import { onInterrupt } from "./interrupt.ts";
import { collectHeader, type Header, wholeNumber } from "./option-values.ts";
import { print, printJson, tell } from "./output.ts";
import { addServiceOptions, openService, type Service, type ServiceOptions } from "./running-service.ts";
import { LIMITS, POST_MESSAGES } from "./service-documents.ts";
import { readLines } from "./text-lines.ts";

interface PostOptions extends ServiceOptions {
  project?: string;
  file?: string;
  lines?: boolean;
  text?: boolean;
  ttl?: number;
  delay?: number;
  header?: Header[];
  createQueue?: boolean;
  json?: boolean;
}

export function addPost(program: Command): void {
  const command = program
    .command("post")
    .summary("Post messages")
    .description("Posts a message to a queue, or one for each line of the input, and prints their ids.")
    .argument("<queue>")
    .argument("[body]", "the body, as JSON; -, or left out: the standard input")
    .option("--project <name>", "the project of the queue; left out: your only one")
    .option("--file <file>", "read the body from this file")
    .option("--lines", "each line of the input is the body of one message; empty lines are none")
    .option("--text", "the body is any text, which is posted as a text of JSON")
    .option("--ttl <seconds>", "how long it lives; left out: as the queue says", wholeNumber)
    .option("--delay <seconds>", "how long nobody can claim it; left out: as the queue says", wholeNumber)
    .option("--header <name=value>", "travels beside the body; may be given several times", collectHeader)
    .option("--create-queue", "create the queue if it does not exist")
    .option("--json", "print the ids as JSON");
  addServiceOptions(command, "produce").action(post);
}

/** Each post has a key, so that a repeat posts nothing twice. */
const REPEATS = 3;
/** After a signal, for the post under way. */
const PATIENCE_MS = 2000;

interface NewMessage {
  bodyText: string;
  /** Of the body and the headers, at most. */
  bytes: number;
}

async function post(queue: string, body: string | undefined, options: PostOptions): Promise<void> {
  const { file, lines = false, json = false } = options;
  if (file !== undefined && body !== undefined) {
    throw new CommandError("Give the body or --file, not both.", 2);
  }
  if (lines && body !== undefined && body !== "-")
    throw new CommandError("--lines reads the input: leave the body out.", 2);
  const service = await openService(options, REPEATS);
  if (lines) return postLines(service, queue, options);
  const message = messageOf(body === undefined || body === "-" ? await readBody(service, file) : body, options);
  const ids = await send(service, queue, [message], options);
  if (json) printJson({ ids });
  else for (const id of ids) print(id);
}

/** `signal`: gives the post up, which may have been done. */
async function send(
  service: Service,
  queue: string,
  messages: readonly NewMessage[],
  { project, ttl, delay, header, createQueue = false }: PostOptions,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const input = {
    project,
    queue,
    createQueue,
    idempotencyKey: crypto.randomUUID(),
    messages: messages.map(({ bodyText }) => ({
      body: { text: bodyText },
      headers: header,
      ttlSeconds: ttl,
      delaySeconds: delay,
    })),
  };
  const { postMessages } = await service.request(POST_MESSAGES, { input }, { repeatable: true, signal });
  return postMessages.ids;
}

interface PostLimits {
  messages: number;
  bytes: number;
}

async function limitsOf(service: Service): Promise<PostLimits> {
  const { limits } = await service.request(LIMITS, {}, { repeatable: true });
  return { messages: limits.maxMessagesPerPost, bytes: limits.maxMessagesPostBytes };
}

/** However it ends, it tells what was posted. Without --json only the number is kept, as the input may have no end. */
async function postLines(service: Service, queue: string, options: PostOptions): Promise<void> {
  const { file, json = false } = options;
  const limits = await limitsOf(service);
  const { reading, sending } = untilSignal();
  const ids: string[] = [];
  let count = 0;
  try {
    for await (const batch of batchesOf(readParts(file, reading), limits, options)) {
      reading.throwIfAborted();
      const posted = await send(service, queue, batch, options, sending);
      count += posted.length;
      if (json) ids.push(...posted);
      else for (const id of posted) print(id);
    }
    reading.throwIfAborted();
  } catch (error) {
    tell(`Posted before this: ${count}.`);
    throw error;
  } finally {
    if (json) printJson({ ids });
  }
}

/**
 * Signals that abort on Ctrl-C: `reading` at once, and `sending` when the post under way has had time to end, or at the
 * second Ctrl-C.
 */
function untilSignal(): { reading: AbortSignal; sending: AbortSignal } {
  const [reading, sending] = [new AbortController(), new AbortController()];
  const giveUp = (exitCode: number) =>
    sending.abort(new CommandError("Interrupted. One more post may have been done.", exitCode));
  onInterrupt((exitCode) => {
    reading.abort(new CommandError("Interrupted.", exitCode));
    setTimeout(giveUp, PATIENCE_MS, exitCode).unref();
  }, giveUp);
  return { reading: reading.signal, sending: sending.signal };
}

/** The lines that have come so far, as many at once as one post may have. Those before a line that is refused come. */
async function* batchesOf(
  input: AsyncIterable<Uint8Array>,
  limits: PostLimits,
  options: PostOptions,
): AsyncGenerator<NewMessage[]> {
  let number = 0;
  for await (const lines of readLines(input, limits.bytes)) {
    let batch: NewMessage[] = [];
    let bytes = 0;
    let refusal: CommandError | undefined;
    for (const line of lines) {
      number += 1;
      let message: NewMessage;
      try {
        const text = bodyOf(line, limits);
        if (/^[ \t]*$/.test(text)) continue;
        message = messageOf(text, options);
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        refusal = error;
        break;
      }
      if (batch.length === limits.messages || (batch.length > 0 && bytes + message.bytes > limits.bytes)) {
        yield batch;
        [batch, bytes] = [[], 0];
      }
      batch.push(message);
      bytes += message.bytes;
    }
    if (batch.length > 0) yield batch;
    if (refusal !== undefined) throw new CommandError(`Line ${number}: ${refusal.message}`, refusal.exitCode);
  }
}

function messageOf(text: string, { text: isText = false, header }: PostOptions): NewMessage {
  const bodyText = isText ? JSON.stringify(text) : text;
  if (!isText) checkJson(text);
  return { bodyText, bytes: Buffer.byteLength(bodyText) + Buffer.byteLength(JSON.stringify(header ?? [])) };
}

function checkJson(text: string): void {
  if (text.startsWith(BYTE_ORDER_MARK)) {
    throw new CommandError("The body is no JSON: it begins with a byte order mark (U+FEFF). Remove it.", 2);
  }
  try {
    JSON.parse(text);
  } catch (error) {
    const why = (error as Error).message;
    throw new CommandError(`The body is no JSON: ${why}. With --text it is posted as a text.`, 2);
  }
}

const BYTE_ORDER_MARK = "\ufeff";

function bodyOf(body: Buffer, { bytes }: PostLimits): string {
  if (body.length > bytes) throw new CommandError(`The body is larger than ${bytes} bytes, the most of one post.`);
  return textOf(body, "The body");
}

/** Reads no more than one post may have. */
async function readBody(service: Service, file: string | undefined): Promise<string> {
  const limits = await limitsOf(service);
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of readParts(file)) {
    parts.push(part);
    bytes += part.length;
    if (bytes > limits.bytes + LINE_BREAK.length) break;
  }
  const body = Buffer.concat(parts);
  return bodyOf(body.subarray(0, body.length - lineBreakOf(body)), limits);
}

const LINE_BREAK = "\r\n";

/** How many bytes the line break has that editors and `echo` add. */
function lineBreakOf(body: Buffer): number {
  const end = body.toString("latin1", body.length - LINE_BREAK.length);
  return end === LINE_BREAK ? 2 : Number(end.endsWith("\n"));
}
