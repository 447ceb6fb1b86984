/**
 * Answers that clients do not read. Each lies in the memory of this process until it is read, so it does not lie there
 * for long.
 */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

const LOOK_MS = 1000;
/** How long a connection may take nothing of its answer; then it is cut. */
const STALLED_MS = 30_000;
/** The same for those that have stalled longest while too much waits. */
const STALLED_WHEN_FULL_MS = 1000;

interface Reader {
  /** What the system had taken, and what it still had to take. */
  written: number;
  unsent: number;
  /** When one of them last changed, by performance.now(). */
  since: number;
}

/**
 * A connection whose answer waits for a slow step of ours has nothing to send, so it is no reader that stalls; neither
 * is a quiet stream.
 */
export class UnreadAnswers {
  readonly #maxBytes: number;
  readonly #answers = new Map<ServerResponse, Socket>();
  readonly #readers = new WeakMap<Socket, Reader>();
  #looking: NodeJS.Timeout | undefined;

  /** `maxBytes`: of what waits on all connections. Beyond it those that read nothing are cut earlier. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(answer: ServerResponse, socket: Socket): void {
    this.#answers.set(answer, socket);
    this.#looking ??= setInterval(() => this.look(performance.now()), LOOK_MS).unref();
  }

  /** It was read, or its connection is gone. */
  delete(answer: ServerResponse): void {
    this.#answers.delete(answer);
  }

  /** Cuts the connections that take nothing. `now` is by performance.now(). */
  look(now: number): void {
    const waiting = this.#waiting();
    if (this.#answers.size === 0) {
      clearInterval(this.#looking);
      this.#looking = undefined;
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

  /** The bytes that wait on each connection: those of the answer that is being sent, and of those behind it. */
  #waiting(): Map<Socket, number> {
    const waiting = new Map<Socket, number>();
    for (const [answer, socket] of this.#answers) {
      // Of an answer behind another one Node does not tell that the connection is gone.
      if (socket.destroyed) this.#answers.delete(answer);
      else if (answer.writableLength > 0) waiting.set(socket, (waiting.get(socket) ?? 0) + answer.writableLength);
      // Its next answer begins with a clean slate.
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

/** Of one large write the system takes a part at a time, and Node has no other name for what is left of it. */
function unsentBytes(socket: Socket): number {
  return (socket as unknown as { _handle: { writeQueueSize?: number } | null })._handle?.writeQueueSize ?? 0;
}
