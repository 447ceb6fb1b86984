/**
 * A client of Isimud for TypeScript, on `fetch` and nothing else: post messages, and work on them.
 *
 * It repeats what failed only where that is safe: each post and each claim carries an idempotency key, so a repeat
 * after a lost answer does nothing twice.
 */
import { type Document, POST } from "./documents.ts";
import { type Answer, createSend, type RequestOptions } from "./requests.ts";
import { type Handler, startWorker, type Worker, type WorkerOptions } from "./worker.ts";

export type { Document } from "./documents.ts";
export { IsimudError, type Retry } from "./errors.ts";
export type { Answer, RequestOptions } from "./requests.ts";
export type { Handler, Message, Worker, WorkerOptions } from "./worker.ts";

export interface ClientOptions {
  /** Where the service is, its base path included, such as `http://127.0.0.1:3000`. */
  url: string;
  /** The project of all queues. Default: the only project of the caller. */
  project?: string;
  /** Who posts and claims, in messages, claims and their lists. Any text. */
  clientId?: string;
  /** The token of the program, for a service with accounts. */
  token?: string;
  /** Sent with each request. */
  headers?: Readonly<Record<string, string>>;
  /** Default: the global `fetch`. */
  fetch?: typeof fetch;
  /** How long a request may take, without the time that it waits for messages. Default 30,000 ms. */
  timeoutMs?: number;
  /** How often a failed request is repeated, where that is safe. Default 5. */
  repeats?: number;
}

/** A message to post. Its body is any JSON value; `bodyText` is one as text, which is stored exactly so. */
export type NewMessage = ({ body: unknown } | { bodyText: string }) & {
  /** Names and values that travel beside the body. */
  headers?: Readonly<Record<string, string>>;
  /** How many seconds it lives. Default: the queue's. */
  ttlSeconds?: number;
  /** How many seconds nobody can claim it. Default: the queue's. */
  delaySeconds?: number;
};

export interface PostOptions extends Pick<RequestOptions, "signal"> {
  /** Default: a new one for each call. Give your own so that a repeat after a crash of yours posts nothing twice. */
  idempotencyKey?: string;
  /** Create the queue if it does not exist. Default false. */
  createQueue?: boolean;
}

export interface Client {
  /** Posts messages, all or none, and resolves with their ids, in order, once they are stored. */
  post(queue: string, messages: readonly NewMessage[], options?: PostOptions): Promise<string[]>;
  /** Starts to work on the messages of a queue. */
  worker(queue: string, handler: Handler, options?: WorkerOptions): Worker;
  /**
   * Sends any other document. As its type, give one of gql.tada; a text without types is a `Document<Data, Variables>`
   * too, by a cast. Rejects with the first error, even when other fields have data.
   */
  request<Data, Variables>(
    document: Document<Data, Variables>,
    variables: Variables,
    options?: RequestOptions,
  ): Promise<Answer<Data>>;
}

export function createClient(options: ClientOptions): Client {
  const { url, project, clientId, token } = options;
  const send = createSend({
    endpoint: `${url.replace(/\/+$/, "")}/api/graphql`,
    headers: { ...options.headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    // Not detached from the global object, which browsers refuse.
    fetch: options.fetch ?? ((input, init) => fetch(input, init)),
    timeoutMs: options.timeoutMs ?? 30_000,
    repeats: options.repeats ?? 5,
  });
  return {
    request: send,
    worker: (queue, handler, how = {}) => startWorker({ send, project, clientId, queue, handler, options: how }),
    async post(queue, messages, { idempotencyKey = crypto.randomUUID(), createQueue = false, signal } = {}) {
      const given = messages.map(({ headers, ttlSeconds, delaySeconds, ...message }) => ({
        body: { text: "bodyText" in message ? message.bodyText : JSON.stringify(message.body) },
        headers: headers && Object.entries(headers).map(([name, value]) => ({ name, value })),
        ttlSeconds,
        delaySeconds,
      }));
      const input = { project, queue, clientId, idempotencyKey, createQueue, messages: given };
      const { postMessages } = await send(POST, { input }, { signal, repeatable: true });
      return postMessages.ids;
    },
  };
}
