/** What the commands that talk to a running service share: where it is, who asks, and what its errors mean here. */
import type { Command } from "commander";
import type { Answer, Document, RequestOptions } from "../../clients/typescript/client.ts";
import { commandLine } from "../process/command-line.ts";
import { CommandError } from "./command-error.ts";
import { readEvents, type StreamEvent } from "./event-stream.ts";
import { inLine } from "./output.ts";

export interface ServiceOptions {
  url?: string;
}

export interface Service {
  /** Without a slash at its end. */
  readonly url: string;
  /** Sends one document. A CommandError says what to do. */
  request<Data, Variables>(
    document: Document<Data, Variables>,
    variables: Variables,
    options?: RequestOptions,
  ): Promise<Answer<Data>>;
  /**
   * The same for a list of which a part may be missing, because a pool does not answer: also gives the errors beside the
   * data, as texts. A CommandError when there is no data.
   */
  requestPart<Data, Variables>(
    document: Document<Data, Variables>,
    variables: Variables,
  ): Promise<{ data: Answer<Data>; missing: string[] }>;
  /**
   * The events of a subscription, until the server ends the stream: `complete` is the last one if it is over, and
   * missing when it has to be opened again. `lastEventId` continues after that event.
   */
  stream<Data, Variables>(
    document: Document<Data, Variables>,
    variables: Variables,
    options: { lastEventId: string | null; signal: AbortSignal },
  ): AsyncGenerator<StreamEvent>;
  /** A GET of a path below the service's URL. Resolves with the answer when its status is OK. A CommandError otherwise. */
  get(path: string): Promise<Response>;
}

/** `needs`: what its token must be for. */
export function addServiceOptions(command: Command, needs: string): Command {
  return command
    .option("--url <url>", "where the service is; left out: ISIMUD_URL, or what HOST, PORT, PUBLIC_URL, BASE_PATH say")
    .addHelpText(
      "after",
      `\nTo a service with AUTH=accounts it sends the token of the variable TOKEN, which\nneeds the scope ${needs}.`,
    );
}

/**
 * Reads the settings, and connects to nothing yet. `repeats`: how often a request is repeated that says so and fails.
 * By default never: whoever calls a command sees the message, and calls again.
 */
export async function openService({ url: given }: ServiceOptions, repeats = 0): Promise<Service> {
  const [{ readConfig }, { serviceUrl }, { createClient, IsimudError }] = await Promise.all([
    import("../config.ts"),
    import("../http/listening.ts"),
    import("../../clients/typescript/client.ts"),
  ]);
  if (given !== undefined && !/^https?:$/.test(URL.parse(given)?.protocol ?? "")) {
    throw new CommandError(`This is no URL: ${given}. Write one such as http://127.0.0.1:3000.`, 2);
  }
  const config = readConfig();
  const token = config.TOKEN;
  const url = (given ?? config.ISIMUD_URL ?? serviceUrl(config)).replace(/\/+$/, "");
  const client = createClient({
    url,
    token,
    repeats,
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      if (isElsewhere(response)) throw noApi(url);
      return response;
    },
  });

  const explained = (error: unknown): unknown => {
    if (!(error instanceof IsimudError)) return error;
    if (error.code === "UNREACHABLE") return unreachable(url, error.cause);
    return refused(error, token !== undefined, error.retry !== "NEVER");
  };
  const authorization = token === undefined ? undefined : { authorization: `Bearer ${token}` };
  const send = async (path: string, init: RequestInit): Promise<Response> => {
    let response: Response;
    try {
      response = await fetch(`${url}${path}`, { ...init, headers: { ...init.headers, ...authorization } });
    } catch (error) {
      init.signal?.throwIfAborted();
      throw unreachable(url, error);
    }
    if (response.ok) return response;
    if (init.method === "POST" && isElsewhere(response)) throw noApi(url);
    throw refused(await errorOf(response, url), token !== undefined, response.status >= 500 || response.status === 429);
  };
  return {
    url,
    async request(document, variables, options) {
      try {
        return await client.request(document, variables, options);
      } catch (error) {
        options?.signal?.throwIfAborted();
        throw explained(error);
      }
    },
    async requestPart(document, variables) {
      const response = await send("/api/graphql", {
        method: "POST",
        headers: { accept: "application/json", "content-type": "application/json" },
        body: JSON.stringify({ query: document, variables }),
      });
      type Body = {
        data?: Record<string, unknown> | null;
        errors?: { message: string; extensions?: { code?: string } }[];
      };
      const { data, errors = [] } = (await response.json()) as Body;
      const found = errors.map(({ message, extensions }) => ({ code: extensions?.code ?? "INTERNAL", message }));
      const [first] = found;
      const isWhole = data != null && Object.values(data).every((field) => field !== null);
      if (!isWhole && first !== undefined) throw refused(first, token !== undefined);
      return {
        data: data as never,
        missing: [...new Set(found.map(({ code, message }) => `${code}: ${inLine(message)}`))],
      };
    },
    get: (path) => send(path, {}),
    async *stream(document, variables, { lastEventId, signal }) {
      const { body } = await send("/api/graphql", {
        method: "POST",
        headers: {
          accept: "text/event-stream",
          "content-type": "application/json",
          ...(lastEventId !== null && { "last-event-id": lastEventId }),
        },
        body: JSON.stringify({ query: document, variables }),
        signal,
      });
      if (body !== null) yield* readEvents(body);
    },
  };
}

interface ServiceError {
  code: string;
  message: string;
}

/** Whether it is an answer of Isimud to a POST, but of a page or of no path at all. GraphQL has neither status. */
const isElsewhere = ({ status, headers }: Response) =>
  (status === 404 || status === 405) && /\bjson\b/.test(headers.get("content-type") ?? "");

function noApi(url: string): CommandError {
  return new CommandError(
    `Isimud has no API below ${url}. Say where the service is, with its BASE_PATH, in --url or ISIMUD_URL.`,
  );
}

/** The first error of an answer of the API, which is the same JSON at every door. */
async function errorOf(response: Response, url: string): Promise<ServiceError> {
  type Body = { errors?: { message?: unknown; extensions?: { code?: unknown } }[] };
  const body = (await response.json().catch(() => null)) as Body | null;
  const { message, extensions } = body?.errors?.[0] ?? {};
  if (typeof message !== "string") throw noIsimud(url, `its answer has the status ${response.status}`);
  return { message, code: String(extensions?.code) };
}

function unreachable(url: string, error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  if (error instanceof SyntaxError) return noIsimud(url, "its answer is no JSON");
  const { code, message, cause } = (error ?? {}) as {
    code?: string;
    message?: string;
    cause?: Error & { code?: string };
  };
  const reason = cause?.code ?? cause?.message ?? code ?? message ?? "no answer";
  return new CommandError(
    `No service answers at ${url} (${reason}). Start it, or say where it is with --url or ISIMUD_URL.`,
    1,
    { isTransient: true },
  );
}

/** Perhaps a proxy, while the service behind it starts. */
function noIsimud(url: string, why: string): CommandError {
  return new CommandError(
    `What answers at ${url} is no Isimud: ${why}. Say where the service is, with its BASE_PATH, in --url or ISIMUD_URL.`,
    1,
    { isTransient: true },
  );
}

export function refused({ code, message }: ServiceError, hasToken: boolean, isTransient = false): CommandError {
  const told = inLine(message);
  if (code !== "UNAUTHENTICATED") {
    return new CommandError(`${code}: ${ADVICE[code]?.(told) ?? told}`, 1, { isTransient });
  }
  const advice = hasToken
    ? `Set the variable TOKEN to a token that is in force: \`${commandLine("token list")}\` shows them.`
    : `This service has AUTH=accounts: set the variable TOKEN to a token, which \`${commandLine("token add")}\` makes.`;
  return new CommandError(`${code}: ${told} ${advice}`, 1, { isTransient });
}

/** What the API says of its arguments, in the words of the command line. */
const ADVICE: Readonly<Record<string, (message: string) => string>> = {
  BAD_INPUT: (message) => message.replace("pass `project`", "give --project"),
  QUEUE_DOES_NOT_EXIST: (message) => `${message} \`${commandLine("queues")}\` lists those that you may see.`,
};
