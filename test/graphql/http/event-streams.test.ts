import { Writable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { EventStreams, type RenderEvent } from "../../../server/graphql/http/event-streams.ts";

const sinks: Writable[] = [];
afterEach(() => {
  for (const sink of sinks.splice(0)) sink.destroy();
});

/** Lets all work finish that waits for no timer. In turns of the event loop: a timer may be due after one of them. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 100; turn += 1) await setImmediate();
}
const never = new AbortController().signal;

class Source {
  asked = 0;
  rendered = 0;
  ended = false;
  readonly #next: () => Buffer;

  constructor(next: () => Buffer) {
    this.#next = next;
  }

  async *events(): AsyncGenerator<RenderEvent> {
    try {
      for (;;) {
        this.asked += 1;
        yield () => {
          this.rendered += 1;
          return this.#next();
        };
      }
    } finally {
      this.ended = true;
    }
  }
}

/** Reads the opening of the stream and `takes` events, and then no more. */
function reader(streams: EventStreams, events: AsyncGenerator<RenderEvent>, takes: number) {
  const seen: Buffer[] = [];
  const readable = streams.open(events, never);
  const sink = new Writable({
    highWaterMark: 1,
    write(chunk, _encoding, done) {
      seen.push(chunk);
      if (seen.length <= takes + 1) void setImmediate().then(() => done());
    },
  });
  readable.on("error", () => undefined).pipe(sink);
  readable.once("close", () => sink.destroy());
  sinks.push(sink);
  return { readable, seen };
}
const ofSize = (bytes: number) => new Source(() => Buffer.alloc(bytes, "x"));

test("a source is asked for the next event when the last one was read, and a stalled reader slows no other", async () => {
  const streams = new EventStreams({ maxStreams: 10 });
  const [stalled, flowing] = [ofSize(1000), ofSize(1000)];
  reader(streams, stalled.events(), 1);
  const { seen } = reader(streams, flowing.events(), 100);
  await vi.waitFor(() => expect(seen.length).toBeGreaterThan(100));
  expect(stalled.asked).toBeLessThanOrEqual(3);
  expect(streams.waitingBytes).toBeLessThanOrEqual(2000);
});

test("a stream that nobody reads ends after half a minute, and a quiet one gets keep-alive comments", async () => {
  const streams = new EventStreams({ maxStreams: 10 });
  const source = ofSize(1000);
  const stalled = reader(streams, source.events(), 1);
  const silence = (async function* (): AsyncGenerator<RenderEvent> {
    await new Promise(() => {});
    yield () => Buffer.alloc(0);
  })();
  const quiet = reader(streams, silence, 100);
  await settled();
  const now = performance.now();
  streams.sweep(now + 20_000);
  expect([stalled.readable.destroyed, quiet.readable.destroyed]).toEqual([false, false]);
  await vi.waitFor(() => expect(String(Buffer.concat(quiet.seen))).toMatch(/^retry: \d+\n\n:\n\n$/));
  streams.sweep(now + 31_000);
  expect([stalled.readable.destroyed, quiet.readable.destroyed]).toEqual([true, false]);
  await vi.waitFor(() => expect(source.ended).toBe(true));
  expect(streams.waitingBytes).toBe(0);
});

test("an event that readers share counts once; above the limit nothing more is rendered, and the stream that stalled first ends", async () => {
  const streams = new EventStreams({ maxStreams: 20, maxBytes: 5000 });
  const shared = Buffer.alloc(1000, "s");
  for (let count = 0; count < 10; count += 1) reader(streams, new Source(() => shared).events(), 0);
  await settled();
  expect(streams.waitingBytes).toBe(1000);
  const first = reader(streams, ofSize(3000).events(), 0);
  await settled();
  const second = reader(streams, ofSize(3000).events(), 0);
  await settled();
  expect(streams.waitingBytes).toBe(7000);
  const source = ofSize(10);
  reader(streams, source.events(), 5);
  await settled();
  expect(source.rendered).toBe(0);
  streams.sweep(performance.now());
  expect(first.readable.destroyed).toBe(false);
  streams.sweep(performance.now() + 1000);
  await vi.waitFor(() => expect(source.rendered).toBeGreaterThan(0));
  expect([first.readable.destroyed, second.readable.destroyed]).toEqual([true, false]);
});

test("events that take several turns to render count while they are rendered, so that not all are rendered at once", async () => {
  const streams = new EventStreams({ maxStreams: 20, maxBytes: 5000 });
  const finish: (() => void)[] = [];
  const pending = async function* (): AsyncGenerator<RenderEvent> {
    for (;;) {
      yield () => ({
        bytes: 3000,
        text: new Promise((resolve) => finish.push(() => resolve(Buffer.alloc(1000, "x")))),
      });
    }
  };
  const readers = Array.from({ length: 10 }, () => reader(streams, pending(), 0));
  await settled();
  expect([finish.length, streams.waitingBytes]).toEqual([2, 6000]);
  // A rendered event counts with its real size, which leaves room for the next one.
  finish[0]?.();
  await settled();
  expect([finish.length, streams.waitingBytes]).toEqual([3, 7000]);
  // A reader that leaves while its event is rendered leaves nothing behind.
  for (const { readable } of readers) readable.destroy();
  for (const one of finish) one();
  await vi.waitFor(() => expect(streams.waitingBytes).toBe(0));
});

test("no more streams than the limit are open, and one that closes makes room", async () => {
  const streams = new EventStreams({ maxStreams: 1 });
  const { readable } = reader(streams, ofSize(10).events(), 0);
  expect(() => streams.requireRoom()).toThrow("as many streams");
  readable.destroy();
  await vi.waitFor(() => streams.requireRoom());
});
