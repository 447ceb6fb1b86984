/** `isimud tail`: the messages of a queue as they are posted, without consuming them. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import type { ResultOf } from "gql.tada";
import type { Retry } from "../../clients/typescript/client.ts";
import { CommandError } from "./command-error.ts";
import { untilInterrupted } from "./interrupt.ts";
import { messageMarker } from "./option-values.ts";
import { inLine, isOutputGone, print, tell } from "./output.ts";
import { addServiceOptions, openService, refused, type ServiceOptions } from "./running-service.ts";
import { TAIL } from "./service-documents.ts";

interface TailOptions extends ServiceOptions {
  project?: string;
  after?: string;
  json?: boolean;
}

type Message = ResultOf<typeof TAIL>["messagePosted"];

/** Between two tries to connect again. It doubles with each that fails. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

export function addTail(program: Command): void {
  const command = program
    .command("tail")
    .summary("Show the messages of a queue as they are posted")
    .description(
      "Shows the messages of a queue as they are posted, one a line, until Ctrl-C. It consumes nothing. When the " +
        "connection breaks it goes on after the last message, and misses none.",
    )
    .argument("<queue>")
    .option("--project <name>", "the project of the queue; left out: your only one")
    .option(
      "--after <marker>",
      "from the message after this marker on; 0: from the beginning; left out: from now on",
      messageMarker,
    )
    .option("--json", "print each message as one line of JSON");
  addServiceOptions(command, "read").action(follow);
}

async function follow(queue: string, { project, after, json = false, ...where }: TailOptions): Promise<void> {
  const service = await openService(where);
  const gone = new AbortController();
  // Also while no message comes.
  process.stdout.once("close", () => gone.abort());
  const signal = AbortSignal.any([untilInterrupted(), gone.signal]);
  let lastEventId: string | null = null;
  let pauseMs = FIRST_PAUSE_MS;
  let [hasConnected, isTold] = [false, false];
  while (!signal.aborted) {
    try {
      for await (const { type, id, data } of service.stream(TAIL, { project, queue, after }, { lastEventId, signal })) {
        if (type === "complete") return;
        hasConnected = true;
        if (type === "next") {
          show(data, json);
          // Before that, the stream may end with the same error at once.
          [isTold, pauseMs] = [false, FIRST_PAUSE_MS];
        }
        lastEventId = id ?? lastEventId;
        if (isOutputGone()) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof CommandError && !(error.isTransient && hasConnected)) throw error;
      if (!isTold) tell(`The connection broke. Trying again... ${(error as Error).message}`);
      isTold = true;
    }
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
}

function show(data: string, json: boolean): void {
  type Extensions = { code?: string; retry?: Retry };
  type Event = { data?: { messagePosted: Message }; errors?: { message: string; extensions?: Extensions }[] };
  const { data: found, errors } = JSON.parse(data) as Event;
  const [error] = errors ?? [];
  if (error !== undefined) {
    const { code = "INTERNAL", retry = "NEVER" } = error.extensions ?? {};
    throw refused({ code, message: error.message }, true, retry !== "NEVER");
  }
  if (found === undefined) return;
  print(json ? asJson(found.messagePosted) : asLine(found.messagePosted));
}

/** Between the tokens of JSON line breaks mean nothing; inside of its texts there are none. */
const onOneLine = (json: string) => json.replace(/[\n\r\t]/g, " ");

/** With the body as it was posted, whatever JavaScript makes of its numbers. */
function asJson({ bodyText, ...message }: Message): string {
  return `${JSON.stringify(message).slice(0, -1)},"body":${onOneLine(bodyText)}}`;
}

function asLine({ createdAt, marker, bodyText, headers }: Message): string {
  const beside = headers.map(({ name, value }) => `${inLine(name)}=${JSON.stringify(value)}`).join(" ");
  return [createdAt, marker, onOneLine(bodyText), ...(beside === "" ? [] : [beside])].join("  ");
}
