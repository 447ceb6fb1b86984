/**
 * A connection to one server. It opens when needed, is dropped when it stalls or breaks, and keeps no queue of
 * commands.
 */
import { ClientClosedError, ClientOfflineError, ConnectionTimeoutError, createClient, ErrorReply } from "redis";
import { DomainError } from "../../../errors.ts";
import { brokeAfterSending, tookTooLong, unreachable } from "../../errors/storage-errors.ts";
import { tlsNotAnswered } from "../../errors/tls-errors.ts";
import type { RedisAddress, ServerAddress } from "./address.ts";
import { refusedConnection, translateRedisError } from "./errors.ts";

/** In milliseconds. Shorter than the 10 s that an HTTP request may take. */
const CONNECT_TIMEOUT_MS = 5000;
export const ANSWER_TIMEOUT_MS = 5000;
/**
 * TCP probes a quiet connection after this time. Otherwise one whose other end has vanished would stay open for ever.
 */
const KEEP_ALIVE_AFTER_MS = 5000;
/** A connection that answered no command for this long is dropped. Longer than `isAlive` of a driver waits. */
const STALLED_MS = 4000;
/**
 * For this long after a refused connection all calls fail the same way, so that not each of them tries a dead server.
 */
const REFUSED_FOR_MS = 200;

export type Client = ReturnType<typeof createClient>;
export type Reply = string | number | null | readonly Reply[];

export interface SendOptions {
  /** True: the command may change something. Then the outcome is unknown when the connection breaks. */
  wrote: boolean;
  /** In milliseconds of performance.now(). */
  deadline: number;
  /** A command to send before this one, such as ASKING. */
  before?: readonly string[];
}

/**
 * Connects within CONNECT_TIMEOUT_MS. The client neither reconnects by itself nor keeps commands for later, so a
 * command fails at once when the connection breaks. `onEnd` is called with the error, or with null. Hazard: without a
 * listener, a client's error would end the process.
 */
async function openClient(address: RedisAddress, onEnd: (error: unknown) => void): Promise<Client> {
  const { host, port, tls, username, password, database } = address;
  const timing = {
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectStrategy: false,
    keepAliveInitialDelay: KEEP_ALIVE_AFTER_MS,
  } as const;
  const client: Client = createClient({
    socket: tls ? { host, port, tls: true, ...timing } : { host, port, ...timing },
    username,
    password,
    database,
    // The name in CLIENT LIST. A user who may not set it connects all the same.
    clientInfoTag: "isimud",
    disableOfflineQueue: true,
    // With RESP 3, CONFIG GET returns a map, but `settingsOf` expects a list. And the client would take part in the
    // maintenance of Redis Enterprise, which sets deadlines of its own.
    RESP: 2,
    // Each command has its caller's deadline. The client's own of 5 s would cost one more timer per command.
    commandOptions: { timeout: undefined },
  });
  client.on("error", onEnd);
  client.on("end", () => onEnd(null));
  let timer: NodeJS.Timeout | undefined;
  // A server may accept the connection and then answer nothing.
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ConnectionTimeoutError()), CONNECT_TIMEOUT_MS);
  });
  try {
    await Promise.race([client.connect(), late]);
    return client;
  } catch (error) {
    discard(client);
    // A port without TLS reads the first bytes as the beginning of a command, and waits for its end.
    throw tls && error instanceof ConnectionTimeoutError ? tlsNotAnswered(error) : error;
  } finally {
    clearTimeout(timer);
  }
}

/** Ends a client in any state. Commands in flight fail. */
export function discard(client: Client): void {
  if (client.isOpen) client.destroy();
}

export class RedisConnection {
  readonly #address: RedisAddress;
  readonly #onError: (error: unknown) => void;
  #client: Client | null = null;
  #opening: Promise<Client> | null = null;
  #refused: { error: unknown; until: number } | null = null;
  #heardAt = 0;
  #closed = false;

  /** Connects at the first command. `onError` is called with errors of broken connections. */
  constructor(address: RedisAddress, onError: (error: unknown) => void) {
    this.#address = address;
    this.#onError = onError;
  }

  get server(): ServerAddress {
    return this.#address;
  }

  /**
   * Sends one command, once.
   *
   * - STORAGE_UNAVAILABLE: it did not reach the server, or was refused.
   * - OUTCOME_UNKNOWN: it writes, and no answer came in time or the connection broke.
   * - DEADLINE_EXCEEDED: it only reads, no answer came in time, and the server answers other commands. If the server
   *   answers none, STORAGE_UNAVAILABLE.
   * - Any other error of the server is thrown as it is, for NOSCRIPT and MOVED.
   */
  async send(command: readonly string[], options: SendOptions): Promise<Reply> {
    const client = this.#client ?? (await this.#ready(options));
    const sentAt = performance.now();
    const left = options.deadline - sentAt;
    if (left <= 0) throw tookTooLong();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const silent = this.#heardAt < sentAt;
        if (options.wrote) reject(brokeAfterSending());
        else reject(silent && left >= STALLED_MS ? unreachable(new Error("No answer in time.")) : tookTooLong());
        // Commands behind this one would wait as long.
        if (left >= STALLED_MS && silent) this.#drop(client);
      }, left);
    });
    try {
      if (options.before !== undefined) client.sendCommand([...options.before]).catch(() => undefined);
      const answer = await Promise.race([client.sendCommand<Reply>(command as string[]), late]);
      this.#heardAt = performance.now();
      return answer;
    } catch (error) {
      if (isServerError(error)) {
        this.#heardAt = performance.now();
        // The server is a replica. Its host name may lead to the new master by now.
        if (error.message.startsWith("READONLY")) this.#drop(client);
        throw error;
      }
      throw translateRedisError(error, { wrote: options.wrote, sent: !neverSent(error) });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Opens another client to the same server, for subscriptions. */
  openClient(onEnd: (error: unknown) => void): Promise<Client> {
    return openClient(this.#address, onEnd);
  }

  close(): void {
    this.#closed = true;
    if (this.#client !== null) discard(this.#client);
    this.#client = null;
  }

  async #ready(options: SendOptions): Promise<Client> {
    if (this.#closed) throw unreachable(new Error("The connection was closed."));
    if (this.#refused !== null && performance.now() < this.#refused.until) throw unreachable(this.#refused.error);
    this.#opening ??= this.#open().finally(() => {
      this.#opening = null;
    });
    let timer: NodeJS.Timeout | undefined;
    const left = options.deadline - performance.now();
    const late = new Promise<never>((_, reject) => {
      const tooLate = () =>
        reject(
          left >= STALLED_MS
            ? unreachable(this.#address.tls ? tlsNotAnswered(undefined) : new ConnectionTimeoutError())
            : tookTooLong(),
        );
      timer = setTimeout(tooLate, Math.max(0, left));
    });
    try {
      return await Promise.race([this.#opening, late]);
    } catch (error) {
      throw isServerError(error) ? refusedConnection(error) : error instanceof DomainError ? error : unreachable(error);
    } finally {
      clearTimeout(timer);
    }
  }

  async #open(): Promise<Client> {
    let opened: Client | null = null;
    try {
      const client = await openClient(this.#address, (error) => {
        if (opened === null || this.#client !== opened) return;
        if (error !== null) this.#onError(error);
        this.#drop(opened);
      });
      opened = client;
      if (this.#closed || !client.isReady) {
        discard(client);
        throw new Error("The connection was closed.");
      }
      this.#refused = null;
      this.#client = client;
      return client;
    } catch (error) {
      this.#refused = { error, until: performance.now() + REFUSED_FOR_MS };
      throw error;
    }
  }

  #drop(client: Client): void {
    if (this.#client === client) this.#client = null;
    discard(client);
  }
}

/** An error that the server returned. The command changed nothing, unless it is a script that failed half-way. */
export function isServerError(error: unknown): error is Error {
  return error instanceof ErrorReply;
}

/** True when the client refused the command before sending it. */
function neverSent(error: unknown): boolean {
  return error instanceof ClientClosedError || error instanceof ClientOfflineError;
}
