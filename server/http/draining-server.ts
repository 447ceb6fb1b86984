/** An HTTP server that closes without cutting off a request. */
import { type IncomingMessage, type RequestListener, Server, type ServerOptions, type ServerResponse } from "node:http";
import { Server as NetServer, type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { EACH_LISTENS } from "./listening.ts";
import { UnreadAnswers } from "./unread-answers.ts";

/** How long idle connections stay open once listening has ended. */
const GRACE_MS = 500;
/** How long it waits for a turn of the event loop without a new connection. */
const QUIET_MS = 500;

interface Connection {
  /** Number of requests that were read and not answered yet. */
  answering: number;
  /** Bytes read at its last answer. If more were read since, another request has begun. */
  readAtRest: number;
}

/**
 * `drain` makes each answer the last on its connection, so that clients open their next one elsewhere. `close` ends
 * listening, answers the requests that were read, and ends idle connections after a moment in which clients can send
 * what is on its way.
 */
export class DrainingServer extends Server {
  readonly #deadlineMs: number;
  readonly #connections = new Map<Socket, Connection>();
  readonly #unread: UnreadAnswers;
  /** One function for all requests, called on each: a function for each would cost time. */
  readonly #onRequestClosed: (this: IncomingMessage) => void;
  #draining = false;
  #graceMs = GRACE_MS;
  #closingIdle = false;

  /**
   * `deadlineMs`: how long after the end of listening requests without an answer are cut off. `maxUnreadBytes`: size of
   * all answers that clients have not read.
   */
  constructor(
    options: ServerOptions,
    { deadlineMs, maxUnreadBytes }: { deadlineMs: number; maxUnreadBytes: number },
    listener: RequestListener,
  ) {
    super(options);
    this.#deadlineMs = deadlineMs;
    this.#unread = new UnreadAnswers(maxUnreadBytes);
    const connections = this.#connections;
    this.#onRequestClosed = function () {
      const connection = connections.get(this.socket);
      if (connection !== undefined) connection.readAtRest = this.socket.bytesRead;
    };
    this.on("connection", (socket: Socket) => {
      this.#connections.set(socket, { answering: 0, readAtRest: 0 });
      socket.once("close", () => this.#connections.delete(socket));
    });
    this.on("request", (request: IncomingMessage, response: ServerResponse) => this.#begin(request, response));
    this.on("request", listener);
  }

  /** `hasty`: `close` ends idle connections at once. */
  drain({ hasty }: { hasty: boolean } = { hasty: false }): void {
    if (hasty) this.#graceMs = 0;
    this.#draining = true;
    for (const response of this.#unread) closesAfter(response);
  }

  isAnswering(socket: Socket): boolean {
    return (this.#connections.get(socket)?.answering ?? 0) > 0;
  }

  override close(callback?: (error?: Error) => void): this {
    this.drain();
    void this.#untilNoNewConnection().then(() => this.#closeQuietly(callback));
    return this;
  }

  /**
   * Resolves after a turn of the event loop without a new connection, or after a while under a steady stream of them.
   * Hazard: the end of listening resets connections that the system has accepted and this process has not. So the
   * system accepts one at a time first.
   */
  async #untilNoNewConnection(): Promise<void> {
    // Node has no public API for this. Where workers share one socket, the others keep listening on it.
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
    // Not the close of HTTP servers, which ends idle connections at once.
    NetServer.prototype.close.call(this, (error) => {
      clearTimeout(grace);
      clearTimeout(deadline);
      if (error) callback?.(error);
      // The HTTP part of closing: Node stops checking for slow requests.
      else super.close(() => callback?.());
    });
  }

  #begin(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    if (this.#draining) closesAfter(response);
    connection.answering += 1;
    const place = this.#unread.add(response, socket);
    // A request that was refused early may end long after its answer.
    request.on("close", this.#onRequestClosed);
    response.on("close", () => {
      this.#unread.delete(place, response);
      this.#end(connection, socket);
    });
  }

  #end(connection: Connection, socket: Socket): void {
    connection.answering -= 1;
    connection.readAtRest = socket.bytesRead;
    if (this.#closingIdle) this.#endIfIdle(socket);
  }

  #endIfIdle(socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (connection?.answering === 0 && socket.bytesRead === connection.readAtRest) socket.destroySoon();
  }
}

/** Makes Node send `Connection: close` with the answer. */
function closesAfter(response: ServerResponse): void {
  if (!response.headersSent) response.shouldKeepAlive = false;
}
