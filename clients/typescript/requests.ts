/** Sends documents with `fetch`, and repeats what failed where that is safe. */
import type { Document } from "./documents.ts";
import { IsimudError, type Retry } from "./errors.ts";

/** Pause before the first repeat. It doubles with each, up to the longest. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

export interface RequestOptions {
  /** Ends the request, its pauses and its repeats. The call then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** How long the server may wait before it answers, in addition to the time-out. Default 0. */
  waitMs?: number;
  /**
   * True: the variables hold an idempotency key, or a repeat changes nothing more. Then what may have been done is
   * repeated too. Default false: only what was certainly not done is.
   */
  repeatable?: boolean;
}

/** The payloads of mutations, which are null only when they failed: then `Send` rejects. */
export type Answer<Data> = { [Field in keyof Data]: NonNullable<Data[Field]> };

/** Rejects with an IsimudError: the first error of the answer, even when other fields have data. */
export type Send = <Data, Variables>(
  document: Document<Data, Variables>,
  variables: Variables,
  options?: RequestOptions,
) => Promise<Answer<Data>>;

interface Settings {
  /** The GraphQL endpoint. */
  endpoint: string;
  headers: Readonly<Record<string, string>>;
  fetch: typeof fetch;
  timeoutMs: number;
  repeats: number;
}

export function createSend(settings: Settings): Send {
  return async (document, variables, options = {}) => {
    const body = JSON.stringify({ query: document, variables });
    for (let attempt = 0; ; attempt += 1) {
      try {
        return (await sendOnce(settings, body, options)) as Answer<never>;
      } catch (error) {
        options.signal?.throwIfAborted();
        if (attempt >= settings.repeats || !isRepeatable(error, options)) throw error;
        await pause(pauseMs(attempt, (error as IsimudError).retryAfterSeconds), options.signal);
        options.signal?.throwIfAborted();
      }
    }
  };
}

function isRepeatable(error: unknown, { repeatable = false }: RequestOptions): boolean {
  if (!(error instanceof IsimudError)) return false;
  return error.retry === "SAFE" || (error.retry === "WITH_KEY" && repeatable);
}

async function sendOnce(settings: Settings, body: string, { signal, waitMs = 0 }: RequestOptions): Promise<unknown> {
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(), settings.timeoutMs + waitMs);
  const end = () => ending.abort();
  signal?.addEventListener("abort", end);
  if (signal?.aborted) end();
  let answer: { data?: unknown; errors?: { message: string; extensions?: Extensions }[] };
  try {
    const response = await settings.fetch(settings.endpoint, {
      method: "POST",
      headers: {
        accept: "application/graphql-response+json, application/json",
        ...settings.headers,
        "content-type": "application/json",
      },
      body,
      signal: ending.signal,
    });
    answer = await response.json();
  } catch (error) {
    const message = `No answer came from ${settings.endpoint}. The request may have been done.`;
    throw new IsimudError(message, { code: "UNREACHABLE", retry: "WITH_KEY", cause: error });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
  }
  const first = answer.errors?.[0];
  if (first === undefined) return answer.data;
  const { code = "INTERNAL", retry = "NEVER", retryAfterSeconds, details } = first.extensions ?? {};
  throw new IsimudError(first.message, { code, retry, retryAfterSeconds, details });
}

interface Extensions {
  code?: string;
  retry?: Retry;
  retryAfterSeconds?: number | null;
  details?: Record<string, unknown>;
}

/** How long to wait after this many repeats. Not always the same, so that many clients do not come back at once. */
export function pauseMs(attempt: number, retryAfterSeconds: number | null): number {
  const growing = Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS);
  return Math.max((retryAfterSeconds ?? 0) * 1000, growing) * (1 + Math.random() / 2);
}

/** Resolves after this time, or when the signal aborts. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal?.addEventListener("abort", end);
  });
}
