/** A GraphQL client whose answers include status, headers and text. */
export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what it asked for
  data: any;
  errors:
    | {
        message: string;
        path?: unknown[];
        extensions: {
          code: string;
          status: number;
          retry: "SAFE" | "WITH_KEY" | "NEVER";
          retryAfterSeconds: number | null;
          details: Record<string, unknown>;
        };
      }[]
    | undefined;
  extensions: { cost: { requested: number; maximum: number } } | undefined;
}

export interface EventStream {
  status: number;
  /** The payload of the next event; null when the stream is complete. Fails when the connection breaks. */
  next(): Promise<Pick<Answer, "data" | "errors" | "extensions"> | null>;
  close(): void;
}

export interface GraphQLClient {
  url: string;
  send(query: string, variables?: Record<string, unknown>, headers?: Record<string, string>): Promise<Answer>;
  /** Sends this text as the body. */
  sendText(body: string | Uint8Array<ArrayBuffer>, headers?: Record<string, string>): Promise<Answer>;
  /** `data` of an answer that must not have errors. */
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what it asked for
  run(query: string, variables?: Record<string, unknown>): Promise<any>;
  /** The code of the only error of an answer that must have one. */
  codeOf(query: string, variables?: Record<string, unknown>): Promise<string>;
  listen(query: string, variables?: Record<string, unknown>, headers?: Record<string, string>): Promise<EventStream>;
}

export function createClient(url: string): GraphQLClient {
  const sendText: GraphQLClient["sendText"] = async (body, headers = {}) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
    });
    return answerOf(response);
  };
  const send: GraphQLClient["send"] = (query, variables, headers) =>
    sendText(JSON.stringify({ query, variables }), headers);
  return {
    url,
    send,
    sendText,
    async run(query, variables) {
      const { data, errors, text } = await send(query, variables);
      if (errors || !data) throw new Error(`Expected no errors: ${text}`);
      return data;
    },
    async codeOf(query, variables) {
      const { errors, text } = await send(query, variables);
      if (errors?.length !== 1) throw new Error(`Expected one error: ${text}`);
      return errors[0]?.extensions.code ?? "";
    },
    listen: (query, variables, headers) => openStream(url, { query, variables }, headers),
  };
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const { data, errors, extensions } = text.startsWith("{") ? JSON.parse(text) : {};
  return { status: response.status, headers: response.headers, text, data, errors, extensions };
}

async function openStream(url: string, operation: object, headers: Record<string, string> = {}): Promise<EventStream> {
  const controller = new AbortController();
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream", ...headers },
    body: JSON.stringify(operation),
    signal: controller.signal,
  });
  const events = eventsOf(response);
  return {
    status: response.status,
    close: () => controller.abort(),
    async next() {
      const { value, done } = await events.next();
      if (done) throw new Error("The connection ended before the stream was complete.");
      return value;
    },
  };
}

async function* eventsOf(response: Response): AsyncGenerator<Pick<Answer, "data" | "errors" | "extensions"> | null> {
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
    yield await answerOf(response);
    return;
  }
  let buffer = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    buffer += chunk;
    for (let end = buffer.indexOf("\n\n"); end !== -1; end = buffer.indexOf("\n\n")) {
      const lines = buffer.slice(0, end).split("\n");
      buffer = buffer.slice(end + 2);
      const event = lines.find((line) => line.startsWith("event: "))?.slice(7);
      const data = lines.find((line) => line.startsWith("data: "))?.slice(6);
      if (event === "next") yield JSON.parse(data ?? "");
      if (event === "complete") yield null;
    }
  }
}
