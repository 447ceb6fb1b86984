/**
 * Streams of server-sent events, bounded in bytes: what waits for readers who do not read must not fill the process'
 * memory.
 */
import { Readable } from "node:stream";
import { DomainError } from "../../errors.ts";

/**
 * Events of all streams that readers have not taken yet, in bytes; one that several readers share counts once. Beyond
 * that none is made.
 */
const MAX_WAITING_BYTES = 64 * 1_048_576;
/**
 * How long a reader may leave an event where it is; then its stream ends. It goes on from the last marker that it has.
 */
const STALLED_MS = 30_000;
/** The same for whoever has waited longest while too much waits, and once the server begins to close. */
const STALLED_WHEN_FULL_MS = 1000;
const LOOK_MS = 1000;
/** Keeps proxies and browsers from taking a quiet stream for a dead one. */
const PING_MS = 12_000;
const PING = Buffer.from(":\n\n");

/** Makes the text of an event, at once if it can: only once there is room for it. */
export type MakeEvent = () => Buffer | Promise<Buffer>;

interface Stream {
  readable: Readable;
  signal: AbortSignal;
  /** What was given and not taken yet. */
  waiting: Buffer | undefined;
  /** When something was last given, by performance.now(). */
  givenAt: number;
  /** Wakes whoever waits for the reader to take it. */
  taken: () => void;
}

/**
 * A source is asked for the next event only when the reader's socket took the last one, so that a stream holds one, and
 * a slow reader slows nobody but itself.
 */
export class EventStreams {
  readonly #most: number;
  readonly #maxBytes: number;
  readonly #streams = new Set<Stream>();
  /** How many streams hold each event. */
  readonly #held = new Map<Buffer, number>();
  #bytes = 0;
  #roomMade: (() => void)[] = [];
  #looking: NodeJS.Timeout | undefined;

  constructor(params: { most: number; maxBytes?: number }) {
    this.#most = params.most;
    this.#maxBytes = params.maxBytes ?? MAX_WAITING_BYTES;
  }

  /** Of all events that wait. */
  get waitingBytes(): number {
    return this.#bytes;
  }

  /** TOO_MANY_REQUESTS when as many streams are open as may be. */
  requireRoom(): void {
    if (this.#streams.size < this.#most) return;
    throw new DomainError(
      "TOO_MANY_REQUESTS",
      "This process holds as many streams as it may. Close one, or try again later.",
    );
  }

  /** The stream of what `events` gives. When it ends first, `events` is told. */
  open(events: AsyncGenerator<MakeEvent>, signal: AbortSignal): Readable {
    const stream: Stream = {
      // It asks only when it has nothing.
      readable: new Readable({ highWaterMark: 0, read: () => this.#take(stream) }),
      signal,
      waiting: undefined,
      givenAt: performance.now(),
      taken: () => {},
    };
    this.#streams.add(stream);
    this.#looking ??= setInterval(() => this.look(performance.now()), LOOK_MS).unref();
    stream.readable.once("close", () => {
      this.#streams.delete(stream);
      this.#take(stream);
      if (this.#streams.size > 0) return;
      clearInterval(this.#looking);
      this.#looking = undefined;
    });
    // Some browsers take a stream for open only when it has said something.
    this.#give(stream, PING);
    void this.#carry(stream, events);
    return stream.readable;
  }

  /** Ends the streams that nobody reads, and says that the others are alive. `now` is by performance.now(). */
  look(now: number): void {
    for (const stream of this.#streams) {
      const waited = now - stream.givenAt;
      if (stream.waiting === undefined) {
        if (waited >= PING_MS) this.#give(stream, PING, now);
      } else if (waited >= (stream.signal.aborted ? STALLED_WHEN_FULL_MS : STALLED_MS)) stream.readable.destroy();
    }
    this.#makeRoom(now);
    this.#wake();
  }

  /** False when too much waits, and nobody has left it waiting for long. */
  #makeRoom(now: number): boolean {
    while (this.#bytes > this.#maxBytes) {
      let longest: Stream | undefined;
      for (const stream of this.#streams) {
        if (stream.waiting !== undefined && stream.givenAt < (longest?.givenAt ?? now)) longest = stream;
      }
      if (longest === undefined || now - longest.givenAt < STALLED_WHEN_FULL_MS) return false;
      this.#streams.delete(longest);
      longest.readable.destroy();
      this.#take(longest);
    }
    return true;
  }

  async #carry(stream: Stream, events: AsyncGenerator<MakeEvent>): Promise<void> {
    const { readable } = stream;
    try {
      do await this.#untilTaken(stream);
      while (!readable.destroyed && (await this.#carryOne(stream, events)));
      if (!readable.destroyed) readable.push(null);
    } catch (error) {
      readable.destroy(error as Error);
    } finally {
      await events.return(undefined).catch(() => undefined);
    }
  }

  /** Apart, so that nothing keeps the event while its reader takes its time. */
  async #carryOne(stream: Stream, events: AsyncGenerator<MakeEvent>): Promise<boolean> {
    const { value: make, done } = await events.next();
    if (done) return false;
    // A ping may be on its way.
    await this.#untilTaken(stream);
    while (!stream.readable.destroyed && !this.#makeRoom(performance.now())) {
      await new Promise<void>((resolve) => this.#roomMade.push(resolve));
    }
    if (stream.readable.destroyed) return false;
    // What is made at once is counted before anybody else looks for room.
    const event = make();
    this.#give(stream, event instanceof Buffer ? event : await event);
    return true;
  }

  async #untilTaken(stream: Stream): Promise<void> {
    while (stream.waiting !== undefined && !stream.readable.destroyed) {
      await new Promise<void>((resolve) => {
        stream.taken = resolve;
      });
    }
  }

  #give(stream: Stream, event: Buffer, now = performance.now()): void {
    stream.waiting = event;
    stream.givenAt = now;
    const holders = this.#held.get(event) ?? 0;
    this.#held.set(event, holders + 1);
    if (holders === 0) this.#bytes += event.length;
    stream.readable.push(event);
  }

  #take(stream: Stream): void {
    const event = stream.waiting;
    stream.waiting = undefined;
    if (event !== undefined) this.#release(event);
    stream.taken();
  }

  #release(event: Buffer): void {
    const left = (this.#held.get(event) ?? 1) - 1;
    if (left > 0) {
      this.#held.set(event, left);
      return;
    }
    this.#held.delete(event);
    this.#bytes -= event.length;
    if (this.#bytes <= this.#maxBytes) this.#wake();
  }

  #wake(): void {
    const waiting = this.#roomMade;
    this.#roomMade = [];
    for (const wake of waiting) wake();
  }
}
