/** `isimud post`: posts messages from an argument, a file or the standard input. */
import { createReadStream } from "node:fs";
import type { Command } from "commander";
import { CommandError } from "./command-error.ts";
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
  const ids: string[] = [];
  const send = async (messages: readonly NewMessage[]) => {
    const posted = await sendOnce(service, queue, messages, options);
    ids.push(...posted);
    if (!json) for (const id of posted) print(id);
  };
  try {
    if (lines) await postLines(await limitsOf(service), inputOf(file), options, send);
    else await send([messageOf(await readBody(body, file), options)]);
  } catch (error) {
    if (ids.length > 0) tell(`Posted before this: ${ids.length}.`);
    throw error;
  } finally {
    if (json && ids.length > 0) printJson({ ids });
  }
}

async function sendOnce(
  service: Service,
  queue: string,
  messages: readonly NewMessage[],
  { project, ttl, delay, header, createQueue = false }: PostOptions,
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
  const { postMessages } = await service.request(POST_MESSAGES, { input }, { repeatable: true });
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

/** Posts the lines that have come so far, as many as one post may have, and then reads on. */
async function postLines(
  limits: PostLimits,
  input: AsyncIterable<Uint8Array>,
  options: PostOptions,
  send: (messages: readonly NewMessage[]) => Promise<void>,
): Promise<void> {
  let number = 0;
  for await (const lines of readLines(input)) {
    let batch: NewMessage[] = [];
    let bytes = 0;
    for (const line of lines) {
      number += 1;
      if (line.trim() === "") continue;
      const message = messageOf(line, options, `Line ${number}: `);
      if (batch.length === limits.messages || (batch.length > 0 && bytes + message.bytes > limits.bytes)) {
        await send(batch);
        [batch, bytes] = [[], 0];
      }
      batch.push(message);
      bytes += message.bytes;
    }
    if (batch.length > 0) await send(batch);
  }
}

/** `where`: in front of an error. */
function messageOf(text: string, { text: isText = false, header }: PostOptions, where = ""): NewMessage {
  const bodyText = isText ? JSON.stringify(text) : text;
  if (!isText) {
    try {
      JSON.parse(text);
    } catch (error) {
      const why = (error as Error).message;
      throw new CommandError(`${where}The body is no JSON: ${why}. With --text it is posted as a text.`, 2);
    }
  }
  return { bodyText, bytes: Buffer.byteLength(bodyText) + Buffer.byteLength(JSON.stringify(header ?? [])) };
}

function inputOf(file: string | undefined): AsyncIterable<Uint8Array> {
  return file === undefined ? process.stdin : createReadStream(file);
}

async function readBody(body: string | undefined, file: string | undefined): Promise<string> {
  if (body !== undefined && body !== "-") return body;
  const parts: Uint8Array[] = [];
  for await (const part of inputOf(file)) parts.push(part);
  // The line break that editors and `echo` add.
  return new TextDecoder().decode(Buffer.concat(parts)).replace(/\r?\n$/, "");
}
