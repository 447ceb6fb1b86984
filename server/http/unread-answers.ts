/**
 * Answers that clients do not read. Each occupies memory of this process until it is read, so it is not kept for long.
 */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

const SWEEP_MS = 1000;
/** A connection that reads nothing of its answer for so long is closed. */
const STALLED_MS = 30_000;
/** The same while unread answers exceed the budget; the longest stalled connections go first. */
const STALLED_WHEN_FULL_MS = 1000;

interface Reader {
  /** Bytes that the system had sent, and bytes that it still had to send. */
  written: number;
  unsent: number;
  /** When one of them last changed, by performance.now(). */
  since: number;
}

interface Pending {
  readonly answer: ServerResponse;
  readonly socket: Socket;
}

/**
 * A connection is stalled only while it has something to send: not while we compute its answer, nor as a quiet stream.
 */
export class UnreadAnswers {
  readonly #maxBytes: number;
  /**
   * Of all requests, with free places. Hazard: a Map or a Set that every request enters and leaves is copied all the
   * time. V8 links its old copies, with what they held, so that requests outlive them until the next full collection.
   */
  readonly #answers: (Pending | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #readers = new WeakMap<Socket, Reader>();
  #sweeper: NodeJS.Timeout | undefined;

  /** `maxBytes`: size of the unread answers of all connections. Above it, stalled connections are closed earlier. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Returns the place to give to `delete`. */
  add(answer: ServerResponse, socket: Socket): number {
    const place = this.#free.pop() ?? this.#answers.length;
    this.#answers[place] = { answer, socket };
    this.#sweeper ??= setInterval(() => this.sweep(performance.now()), SWEEP_MS).unref();
    return place;
  }

  /** Call it when the answer was read, or its connection closed. */
  delete(place: number, answer: ServerResponse): void {
    if (this.#answers[place]?.answer !== answer) return;
    this.#answers[place] = undefined;
    this.#free.push(place);
  }

  /** All that were not read yet. */
  *[Symbol.iterator](): Generator<ServerResponse> {
    for (const pending of this.#answers) if (pending !== undefined) yield pending.answer;
  }

  /** Closes stalled connections. `now` is by performance.now(). */
  sweep(now: number): void {
    const waiting = this.#waiting();
    if (this.#answers.length === this.#free.length) {
      clearInterval(this.#sweeper);
      this.#sweeper = undefined;
    }
    let bytes = 0;
    const stalled: { socket: Socket; ms: number; size: number }[] = [];
    for (const [socket, size] of waiting) {
      bytes += size;
      stalled.push({ socket, ms: this.#stalledMs(socket, now), size });
    }
    for (const { socket, ms, size } of stalled.sort((one, other) => other.ms - one.ms)) {
      if (ms < (bytes > this.#maxBytes ? STALLED_WHEN_FULL_MS : STALLED_MS)) return;
      socket.destroy();
      bytes -= size;
    }
  }

  /** The unread bytes of each connection: of the answer that is being sent, and of those queued after it. */
  #waiting(): Map<Socket, number> {
    const waiting = new Map<Socket, number>();
    for (const [place, pending] of this.#answers.entries()) {
      if (pending === undefined) continue;
      const { answer, socket } = pending;
      // Node does not report the close of a connection to an answer that is queued after another one.
      if (socket.destroyed) this.delete(place, answer);
      else if (answer.writableLength > 0) waiting.set(socket, (waiting.get(socket) ?? 0) + answer.writableLength);
      // Nothing is unread, so the time starts again with the next answer.
      else if (!waiting.has(socket) && socket.writableLength === 0) this.#readers.delete(socket);
    }
    return waiting;
  }

  #stalledMs(socket: Socket, now: number): number {
    const known = this.#readers.get(socket);
    const [written, unsent] = [socket.bytesWritten, unsentBytes(socket)];
    if (known !== undefined && known.written === written && known.unsent === unsent) return now - known.since;
    this.#readers.set(socket, { written, unsent, since: now });
    return 0;
  }
}

/** The system sends a large write in parts. Node has no public API for the size of the rest. */
function unsentBytes(socket: Socket): number {
  return (socket as unknown as { _handle: { writeQueueSize?: number } | null })._handle?.writeQueueSize ?? 0;
}
