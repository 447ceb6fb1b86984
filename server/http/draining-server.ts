/** An HTTP server that can end without cutting off a request. */
import { type IncomingMessage, type RequestListener, Server, type ServerOptions, type ServerResponse } from "node:http";
import { Server as NetServer, type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { EACH_LISTENS } from "./listening.ts";
import { UnreadAnswers } from "./unread-answers.ts";

/** How long idle connections are left open once listening has ended. */
const GRACE_MS = 500;
/** How long a turn of the event loop without a new connection is waited for. */
const QUIET_MS = 500;

interface Connection {
  /** Requests that were read and not answered yet. */
  answering: number;
  /** What had been read of it after its last answer. More is the beginning of another request. */
  readAtRest: number;
}

/**
 * `drain` makes each answer the last on its connection, so that clients open their next one elsewhere. `close` ends
 * listening, answers what was read, gives idle connections a moment to send what is on its way, and ends them.
 */
export class DrainingServer extends Server {
  readonly #deadlineMs: number;
  readonly #connections = new Map<Socket, Connection>();
  readonly #answers = new Set<ServerResponse>();
  readonly #unread: UnreadAnswers;
  #draining = false;
  #graceMs = GRACE_MS;
  #closingIdle = false;

  /**
   * `deadlineMs`: what is not answered so long after listening ended is cut off. `maxUnreadBytes`: of answers that
   * nobody reads.
   */
  constructor(
    options: ServerOptions,
    { deadlineMs, maxUnreadBytes }: { deadlineMs: number; maxUnreadBytes: number },
    listener: RequestListener,
  ) {
    super(options);
    this.#deadlineMs = deadlineMs;
    this.#unread = new UnreadAnswers(maxUnreadBytes);
    this.on("connection", (socket: Socket) => {
      this.#connections.set(socket, { answering: 0, readAtRest: 0 });
      socket.once("close", () => this.#connections.delete(socket));
    });
    this.on("request", (request: IncomingMessage, response: ServerResponse) => this.#begin(request, response));
    this.on("request", listener);
  }

  /** `hasty`: idle connections get no grace later on. */
  drain({ hasty }: { hasty: boolean } = { hasty: false }): void {
    if (hasty) this.#graceMs = 0;
    this.#draining = true;
    for (const response of this.#answers) closesAfter(response);
  }

  isAnswering(socket: Socket): boolean {
    return (this.#connections.get(socket)?.answering ?? 0) > 0;
  }

  override close(callback?: (error?: Error) => void): this {
    this.drain();
    void this.#untilNobodyComes().then(() => this.#closeQuietly(callback));
    return this;
  }

  /**
   * Connections that the system has taken and this process has not are reset when listening ends. So the system takes
   * one at a time first, and listening ends after a turn of the event loop in which nobody came; under a steady stream
   * of them, after a while in any.
   */
  async #untilNobodyComes(): Promise<void> {
    // Node has no other name for it. Elsewhere workers share one socket, which others go on with.
    if (EACH_LISTENS)
      (this as unknown as { _handle: { listen?(backlog: number): number } | null })._handle?.listen?.(0);
    let came = true;
    const note = () => {
      came = true;
    };
    this.on("connection", note);
    for (const end = performance.now() + QUIET_MS; came && performance.now() < end; ) {
      came = false;
      await setImmediate();
    }
    this.off("connection", note);
  }

  #closeQuietly(callback: ((error?: Error) => void) | undefined): void {
    const grace = setTimeout(() => {
      this.#closingIdle = true;
      for (const socket of this.#connections.keys()) this.#endIfIdle(socket);
    }, this.#graceMs);
    const deadline = setTimeout(() => this.closeAllConnections(), this.#deadlineMs);
    // Node's own close for HTTP ends idle connections at once.
    NetServer.prototype.close.call(this, (error) => {
      clearTimeout(grace);
      clearTimeout(deadline);
      if (error) callback?.(error);
      // What it does besides: its look for slow requests ends.
      else super.close(() => callback?.());
    });
  }

  #begin(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    if (this.#draining) closesAfter(response);
    connection.answering += 1;
    this.#answers.add(response);
    this.#unread.add(response, socket);
    const rest = () => {
      connection.readAtRest = socket.bytesRead;
    };
    // A request that was refused early may end long after its answer.
    request.once("close", rest);
    response.once("close", () => {
      this.#answers.delete(response);
      this.#unread.delete(response);
      connection.answering -= 1;
      rest();
      if (this.#closingIdle) this.#endIfIdle(socket);
    });
  }

  #endIfIdle(socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (connection?.answering === 0 && socket.bytesRead === connection.readAtRest) socket.destroySoon();
  }
}

/** Node then says `Connection: close`. */
function closesAfter(response: ServerResponse): void {
  if (!response.headersSent) response.shouldKeepAlive = false;
}
