/** Works on the messages of a queue: claims them, renews the claims, and acknowledges each message when it is done. */
import { CLAIM, RELEASE_CLAIM } from "./documents.ts";
import { HeldClaim } from "./held-claim.ts";
import { pause, pauseMs, type Send } from "./requests.ts";

/** Most messages in one claim, whatever the concurrency: the server's default limit. */
const MAX_CLAIM = 100;
/** Least time between two claims when nothing came: the server need not wait. */
const IDLE_MS = 1000;

/** A message that the worker holds. */
export interface Message {
  readonly id: string;
  /** The body as JSON.parse reads it. Hazard: large numbers lose digits; `bodyText` keeps them. */
  readonly body: unknown;
  readonly bodyText: string;
  readonly headers: Readonly<Record<string, string>>;
  /** How often it was claimed, this time included. */
  readonly claimCount: number;
  /** When it was posted, and when it expires. */
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/**
 * Does the work for one message. When it resolves, the message is deleted. When it rejects, the message is given back.
 * `signal` aborts when the claim was lost, or when the worker stops and its patience is over: then others get the
 * message, and what the handler does later counts for nothing.
 */
export type Handler = (message: Message, context: { signal: AbortSignal }) => Promise<unknown> | unknown;

export interface WorkerOptions {
  /** How many messages are worked on at once. Default 10. */
  concurrency?: number;
  /** How long a claim holds without being renewed. Default 60. A message of a worker that died is ready after that. */
  ttlSeconds?: number;
  /** How long a message that would have expired lives on after the claim. Default: the server's. */
  graceSeconds?: number;
  /** Renew claims at half of their ttl for as long as handlers run. Default true. */
  renew?: boolean;
  /** How long the server waits for messages in one request, from 0 to 20. Default 20. */
  waitSeconds?: number;
  /** How long a message that failed rests. Default: 2 s after its first delivery, doubled each time, at most 5 min. */
  restSeconds?: (message: Message, error: unknown) => number;
  /** Create the queue if it does not exist. Default false. */
  createQueue?: boolean;
  /** Gets each failure: of a handler, with its message, or of a request. Default: console.error. */
  onError?: (error: unknown, message?: Message) => void;
}

export interface Worker extends AsyncDisposable {
  /**
   * Claims no more and waits for the handlers that run, at most `patienceMs` (default 30,000). Then their signals abort
   * and their messages are given back. Resolves when nothing is held any more. Safe to repeat.
   */
  stop(options?: { patienceMs?: number }): Promise<void>;
}

interface Parts {
  send: Send;
  project: string | undefined;
  clientId: string | undefined;
  queue: string;
  handler: Handler;
  options: WorkerOptions;
}

export function startWorker(parts: Parts): Worker {
  const worker = new RunningWorker(parts);
  const ended = worker.run();
  const stop = async ({ patienceMs = 30_000 }: { patienceMs?: number } = {}) => {
    worker.stopping.abort();
    await ended;
    await worker.finish(patienceMs);
  };
  return { stop, [Symbol.asyncDispose]: () => stop() };
}

class RunningWorker {
  readonly stopping = new AbortController();
  readonly #parts: Parts;
  readonly #concurrency: number;
  readonly #waitSeconds: number;
  readonly #times: { ttlSeconds: number; graceSeconds: number | undefined };
  readonly #onError: (error: unknown, message?: Message) => void;
  readonly #claims = new Set<HeldClaim>();
  #running = 0;
  #onFree: (() => void) | undefined;

  constructor(parts: Parts) {
    const { concurrency = 10, ttlSeconds = 60, graceSeconds, waitSeconds = 20 } = parts.options;
    if (!Number.isInteger(concurrency) || concurrency < 1) {
      throw new RangeError("concurrency must be a whole number of at least 1.");
    }
    this.#parts = parts;
    this.#concurrency = concurrency;
    this.#waitSeconds = waitSeconds;
    this.#times = { ttlSeconds, graceSeconds };
    this.#onError = parts.options.onError ?? ((error) => console.error(error));
  }

  /** Claims and starts handlers until `stopping` aborts. Never rejects. */
  async run(): Promise<void> {
    const { signal } = this.stopping;
    for (let failures = 0; !signal.aborted; ) {
      await this.#free();
      if (signal.aborted) return;
      try {
        await this.#claim(Math.min(this.#concurrency - this.#running, MAX_CLAIM));
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.#onError(error);
        await pause(pauseMs(failures, null), signal);
        failures += 1;
      }
    }
  }

  /** Resolves when every handler has ended and its message is settled, or all were given back after `patienceMs`. */
  async finish(patienceMs: number): Promise<void> {
    const patience = setTimeout(() => {
      for (const claim of this.#claims) claim.giveUp();
    }, patienceMs);
    await Promise.all(Array.from(this.#claims, (claim) => claim.settled));
    clearTimeout(patience);
  }

  /** Resolves when one more message may be worked on, or the worker stops. */
  #free(): Promise<void> {
    if (this.#running < this.#concurrency) return Promise.resolve();
    return new Promise((resolve) => {
      const { signal } = this.stopping;
      const end = () => {
        signal.removeEventListener("abort", end);
        this.#onFree = undefined;
        resolve();
      };
      this.#onFree = end;
      signal.addEventListener("abort", end);
    });
  }

  async #claim(limit: number): Promise<void> {
    const { send, project, clientId, queue, options } = this.#parts;
    const input = {
      project,
      queue,
      clientId,
      limit,
      ...this.#times,
      createQueue: options.createQueue ?? false,
      // A repeat after a lost answer gets the same claim.
      idempotencyKey: crypto.randomUUID(),
    };
    const asked = performance.now();
    const waiting = { ...input, waitSeconds: this.#waitSeconds };
    const how = { signal: this.stopping.signal, waitMs: this.#waitSeconds * 1000, repeatable: true };
    const answer = await send(CLAIM, { input: waiting }, how).catch(async (error: unknown) => {
      if (this.stopping.signal.aborted) await this.#releaseUnseen(input);
      throw error;
    });
    const { claim, messages } = answer.createClaim;
    if (claim === null) return pause(asked + IDLE_MS - performance.now(), this.stopping.signal);
    const held = new HeldClaim({
      send,
      address: { project, queue },
      claimId: claim.id,
      ids: messages.map(({ id }) => id),
      times: this.#times,
      // The server's answer may have taken as long as its wait.
      until: asked + this.#times.ttlSeconds * 1000,
      renew: options.renew ?? true,
      onError: this.#onError,
    });
    this.#claims.add(held);
    void held.settled.then(() => this.#claims.delete(held));
    for (const { bodyText, headers, createdAt, expiresAt, ...message } of messages) {
      this.#running += 1;
      const given = {
        ...message,
        bodyText,
        headers: Object.fromEntries(headers.map(({ name, value }) => [name, value])),
        createdAt: new Date(createdAt),
        expiresAt: new Date(expiresAt),
      };
      void this.#handle(held, withBody(given)).finally(() => {
        this.#running -= 1;
        this.#onFree?.();
      });
    }
  }

  /** Releases what a claim that was interrupted may have taken. Failures leave it to its ttl. */
  async #releaseUnseen(input: { project?: string; queue: string; idempotencyKey: string; limit: number }) {
    const { send, project, queue } = this.#parts;
    try {
      const { createClaim } = await send(CLAIM, { input: { ...input, waitSeconds: 0 } }, { repeatable: true });
      if (createClaim.claim === null) return;
      await send(RELEASE_CLAIM, { input: { project, queue, claimId: createClaim.claim.id } }, { repeatable: true });
    } catch (error) {
      this.#onError(error);
    }
  }

  async #handle(held: HeldClaim, message: Message): Promise<void> {
    const { handler, options } = this.#parts;
    let failure: { error: unknown } | null = null;
    try {
      await handler(message, { signal: held.signal });
    } catch (error) {
      failure = { error };
      this.#onError(error, message);
    }
    try {
      if (failure === null) await held.acknowledge(message.id);
      else await held.release(message.id, (options.restSeconds ?? restSeconds)(message, failure.error));
    } catch (error) {
      this.#onError(error, message);
    }
  }
}

function restSeconds({ claimCount }: Message): number {
  return Math.min(2 ** Math.max(claimCount, 1), 300);
}

/** Parses the body when it is read first: a handler that needs only the text need not pay for it. */
function withBody(message: Omit<Message, "body">): Message {
  let parsed: { value: unknown } | undefined;
  return {
    ...message,
    get body() {
      parsed ??= { value: JSON.parse(message.bodyText) };
      return parsed.value;
    },
  };
}
