/**
 * Streams of server-sent events, bounded in bytes: events that nobody reads must not fill the memory of the process.
 */
import { Readable } from "node:stream";
import { DomainError } from "../../errors.ts";

/**
 * Bytes of all streams' events that are being rendered or wait for a reader. An event that several readers share counts
 * once. Above this, no event is rendered.
 */
const MAX_WAITING_BYTES = 64 * 1_048_576;
/**
 * How long a reader may leave an event unread before its stream ends. The reader resumes from the last marker it has.
 */
const STALLED_MS = 30_000;
/**
 * The same while the budget is exceeded, for the reader that has stalled longest, and once the server begins to close.
 */
const STALLED_WHEN_FULL_MS = 1000;
const SWEEP_MS = 1000;
/** When an EventSource connects again, at random: after a restart, not all clients come at the same moment. */
const RETRY_MS = { least: 500, most: 2000 };
/** Keeps proxies and browsers from taking a quiet stream for a dead one. */
const PING_MS = 12_000;
const PING = Buffer.from(":\n\n");

const retryMs = () => Math.round(RETRY_MS.least + Math.random() * (RETRY_MS.most - RETRY_MS.least));

/** An event whose text takes several turns of the event loop. */
export interface PendingEvent {
  /** About what it occupies meanwhile. The budget counts this until the text is there. */
  bytes: number;
  text: Promise<Buffer>;
}

/** Renders one event. It is called once, when the budget has room. */
export type RenderEvent = () => Buffer | PendingEvent;

interface Stream {
  readable: Readable;
  signal: AbortSignal;
  /** The event that was pushed and not read yet. */
  unread: Buffer | undefined;
  /** When an event was last pushed, by performance.now(). */
  pushedAt: number;
  /** Called when the reader has read `unread`, and when the stream closes. */
  onRead: () => void;
}

/**
 * A source is asked for its next event only when the reader's socket took the last one. So a stream holds one event,
 * and a slow reader slows nobody but itself.
 */
export class EventStreams {
  readonly #maxStreams: number;
  readonly #maxBytes: number;
  readonly #streams = new Set<Stream>();
  /** How many streams hold each event. */
  readonly #holders = new Map<Buffer, number>();
  #bytes = 0;
  /** Streams that wait for room in the budget. */
  #waitingForRoom: (() => void)[] = [];
  #sweeper: NodeJS.Timeout | undefined;

  constructor(params: { maxStreams: number; maxBytes?: number }) {
    this.#maxStreams = params.maxStreams;
    this.#maxBytes = params.maxBytes ?? MAX_WAITING_BYTES;
  }

  /** Of all events that are being rendered or wait for a reader. */
  get waitingBytes(): number {
    return this.#bytes;
  }

  /** TOO_MANY_REQUESTS when no further stream may be opened. */
  requireRoom(): void {
    if (this.#streams.size < this.#maxStreams) return;
    throw new DomainError(
      "TOO_MANY_REQUESTS",
      "This process holds as many streams as it may. Close one, or try again later.",
      { details: { value: this.#streams.size, maximum: this.#maxStreams } },
    );
  }

  /** A stream of `events`. If the stream ends first, `events.return()` is called. */
  open(events: AsyncGenerator<RenderEvent>, signal: AbortSignal): Readable {
    const stream: Stream = {
      // With this mark it calls `read` only when it holds nothing.
      readable: new Readable({ highWaterMark: 0, read: () => this.#markRead(stream) }),
      signal,
      unread: undefined,
      pushedAt: performance.now(),
      onRead: () => {},
    };
    this.#streams.add(stream);
    this.#sweeper ??= setInterval(() => this.sweep(performance.now()), SWEEP_MS).unref();
    stream.readable.once("close", () => {
      this.#streams.delete(stream);
      this.#markRead(stream);
      if (this.#streams.size > 0) return;
      clearInterval(this.#sweeper);
      this.#sweeper = undefined;
    });
    // Some browsers consider a stream open only when it has sent something.
    this.#push(stream, Buffer.from(`retry: ${retryMs()}\n\n`));
    void this.#pump(stream, events);
    return stream.readable;
  }

  /** Ends the streams that nobody reads, and pings the quiet ones. `now` is by performance.now(). */
  sweep(now: number): void {
    for (const stream of this.#streams) {
      const quietMs = now - stream.pushedAt;
      if (stream.unread === undefined) {
        if (quietMs >= PING_MS) this.#push(stream, PING, now);
      } else if (quietMs >= (stream.signal.aborted ? STALLED_WHEN_FULL_MS : STALLED_MS)) stream.readable.destroy();
    }
    this.#makeRoom(now);
    this.#wake();
  }

  /**
   * Ends the longest stalled streams until the budget has room. False when it has none and no reader has stalled for
   * long enough.
   */
  #makeRoom(now: number): boolean {
    while (this.#bytes > this.#maxBytes) {
      let longest: Stream | undefined;
      for (const stream of this.#streams) {
        if (stream.unread !== undefined && stream.pushedAt < (longest?.pushedAt ?? now)) longest = stream;
      }
      if (longest === undefined || now - longest.pushedAt < STALLED_WHEN_FULL_MS) return false;
      this.#streams.delete(longest);
      longest.readable.destroy();
      this.#markRead(longest);
    }
    return true;
  }

  async #pump(stream: Stream, events: AsyncGenerator<RenderEvent>): Promise<void> {
    const { readable } = stream;
    try {
      do await this.#untilRead(stream);
      while (!readable.destroyed && (await this.#pumpOne(stream, events)));
      if (!readable.destroyed) readable.push(null);
    } catch (error) {
      readable.destroy(error as Error);
    } finally {
      await events.return(undefined).catch(() => undefined);
    }
  }

  /** A method of its own, so that no variable keeps the event in memory while its reader takes its time. */
  async #pumpOne(stream: Stream, events: AsyncGenerator<RenderEvent>): Promise<boolean> {
    const { value: render, done } = await events.next();
    if (done) return false;
    // A ping may still be unread.
    await this.#untilRead(stream);
    while (!stream.readable.destroyed && !this.#makeRoom(performance.now())) {
      await new Promise<void>((resolve) => this.#waitingForRoom.push(resolve));
    }
    if (stream.readable.destroyed) return false;
    // Counted before any other stream looks for room: an event with its text, a pending one with its estimate.
    const event = render();
    if ("text" in event) await this.#pushPending(stream, event);
    else this.#push(stream, event);
    return true;
  }

  async #pushPending(stream: Stream, event: PendingEvent): Promise<void> {
    this.#bytes += event.bytes;
    try {
      const text = await event.text;
      // A ping may have been pushed meanwhile, and the reader may have left.
      await this.#untilRead(stream);
      if (!stream.readable.destroyed) this.#push(stream, text);
    } finally {
      this.#subtract(event.bytes);
    }
  }

  async #untilRead(stream: Stream): Promise<void> {
    while (stream.unread !== undefined && !stream.readable.destroyed) {
      await new Promise<void>((resolve) => {
        stream.onRead = resolve;
      });
    }
  }

  #push(stream: Stream, event: Buffer, now = performance.now()): void {
    stream.unread = event;
    stream.pushedAt = now;
    const holders = this.#holders.get(event) ?? 0;
    this.#holders.set(event, holders + 1);
    if (holders === 0) this.#bytes += event.length;
    stream.readable.push(event);
  }

  #markRead(stream: Stream): void {
    const event = stream.unread;
    stream.unread = undefined;
    if (event !== undefined) this.#release(event);
    stream.onRead();
  }

  #release(event: Buffer): void {
    const holders = (this.#holders.get(event) ?? 1) - 1;
    if (holders > 0) {
      this.#holders.set(event, holders);
      return;
    }
    this.#holders.delete(event);
    this.#subtract(event.length);
  }

  #subtract(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#bytes <= this.#maxBytes) this.#wake();
  }

  #wake(): void {
    const waiting = this.#waitingForRoom;
    this.#waitingForRoom = [];
    for (const wake of waiting) wake();
  }
}
