import { Readable } from "node:stream";
import { EventSource } from "undici";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DomainError } from "../../../server/errors.ts";
import { EventStreams, type PendingEvent } from "../../../server/graphql/http/event-streams.ts";
import type { StatsChange } from "../../../server/operations/live/stats-watch.ts";
import { emptyTally, totalsOf } from "../../../server/storage/queue-totals.ts";
import { limitedTo } from "../../support/access.ts";
import { ADMIN, type OpenDoor, openDoor } from "./door.ts";

let door: OpenDoor;
/** One entry for each watch that began: how many changes it was asked for, and whether it ended. */
let watches: { asked: number; ended: boolean }[] = [];
let give: (watch: { asked: number }, signal: AbortSignal) => Promise<StatsChange | null>;

const change = (total: number, text = ""): StatsChange => ({
  project: "p",
  name: `q${text}`,
  stats: {
    ready: total,
    claimed: 0,
    delayed: 0,
    exhausted: 0,
    total,
    exact: true,
    oldest: null,
    newest: null,
    totals: totalsOf(emptyTally()),
  },
});
const untilAborted = (signal: AbortSignal) =>
  new Promise<null>((resolve) => {
    if (signal.aborted) resolve(null);
    signal.addEventListener("abort", () => resolve(null));
  });

beforeEach(async () => {
  watches = [];
  door = await openDoor(
    {
      queues: {
        watchStats: async function* (_access: unknown, { signal }: { signal: AbortSignal }) {
          const watch = { asked: 0, ended: false };
          watches.push(watch);
          try {
            for (;;) {
              watch.asked++;
              const next = await give(watch, signal);
              if (next === null) return;
              yield next;
            }
          } finally {
            watch.ended = true;
          }
        } as never,
      },
    },
    { MAX_LIVE_STREAMS: 3 },
  );
});
afterEach(() => door.close());

const WATCH = 'subscription { queueStatsChanged(project: "p", queues: ["q"]) { queueName stats { total } } }';
const allEnded = () => expect(watches.every(({ ended }) => ended)).toBe(true);

test("a stream sends each event, then that it is complete", async () => {
  give = async ({ asked }) => (asked <= 2 ? change(asked) : null);
  const stream = await door.listen(WATCH);
  expect(stream.status).toBe(200);
  expect(await stream.next()).toEqual({ data: { queueStatsChanged: { queueName: "q", stats: { total: 1 } } } });
  expect(await stream.next()).toEqual({ data: { queueStatsChanged: { queueName: "q", stats: { total: 2 } } } });
  expect(await stream.next()).toBeNull();
  expect(door.seen).toEqual([{ type: "subscription", outcome: "ok" }]);
});

test("a browser's own EventSource can open one by GET", async () => {
  give = async ({ asked }) => (asked === 1 ? change(1) : null);
  const response = await fetch(`${door.url}?${new URLSearchParams({ query: WATCH })}`, {
    headers: { accept: "text/event-stream" },
  });
  expect(await response.text()).toContain(
    'event: next\ndata: {"data":{"queueStatsChanged":{"queueName":"q","stats":{"total":1}}}}\n\nevent: complete\n',
  );
});

test("invalid variables in a URL are refused with what is wrong with them", async () => {
  const refusal = async (variables: string) => {
    const address = `${door.url}?${new URLSearchParams({ query: WATCH, variables })}`;
    return (await fetch(address, { headers: { accept: "text/event-stream" } })).text();
  };
  expect(await refusal("{")).toContain("is not JSON");
  expect(await refusal(`{"a":${"[".repeat(400)}${"]".repeat(400)}}`)).toContain("too deeply");
});

test("the watch ends when its client disconnects, though it waits for an event", async () => {
  give = ({ asked }, signal) => (asked === 1 ? Promise.resolve(change(1)) : untilAborted(signal));
  const stream = await door.listen(WATCH);
  await stream.next();
  stream.close();
  await vi.waitFor(allEnded);
});

test("a watch that fails says why and completes", async () => {
  give = async ({ asked }) => {
    if (asked === 2) throw new DomainError("QUEUE_DOES_NOT_EXIST", "The queue q is gone.");
    return change(1);
  };
  const stream = await door.listen(WATCH);
  await stream.next();
  expect((await stream.next())?.errors?.[0]).toMatchObject({
    message: "The queue q is gone.",
    extensions: { code: "QUEUE_DOES_NOT_EXIST", status: 404 },
  });
  expect(await stream.next()).toBeNull();
  expect(door.seen).toEqual([{ type: "subscription", outcome: "error" }]);
});

test("no more streams than the limit are open, and one that closes makes room", async () => {
  give = ({ asked }, signal) => (asked === 1 ? Promise.resolve(change(1)) : untilAborted(signal));
  const streams = await Promise.all([1, 2, 3].map(() => door.listen(WATCH)));
  const refused = await door.listen(WATCH);
  expect([refused.status, (await refused.next())?.errors?.[0]?.extensions.code]).toEqual([429, "TOO_MANY_REQUESTS"]);
  expect((await door.run("{ viewer { actor } }")).viewer).toEqual({ actor: "tester" });
  streams[0]?.close();
  await vi.waitFor(async () => expect((await door.listen(WATCH)).status).toBe(200));
});

test("a slow reader slows the watch down, and nothing piles up", async () => {
  give = async ({ asked }) => change(asked, "x".repeat(100_000));
  const controller = new AbortController();
  const response = await fetch(door.url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify({ query: WATCH }),
    signal: controller.signal,
  });
  const reader = response.body?.getReader();
  await reader?.read();
  // The watch continues until the sockets' buffers are full, and then stops.
  let before = -1;
  await vi.waitFor(
    () => {
      const now = watches[0]?.asked ?? 0;
      const stoodStill = now === before;
      before = now;
      expect(stoodStill).toBe(true);
    },
    { timeout: 20_000, interval: 500 },
  );
  expect(before).toBeLessThan(500);
  controller.abort();
  await vi.waitFor(allEnded);
});

test("an event that several readers select in the same way is rendered once", async () => {
  let written = 0;
  const message = {
    marker: "4",
    get id() {
      written += 1;
      return "m";
    },
  };
  const messages = {
    newestMarker: async () => "1",
    watch: async function* () {
      yield message;
    } as never,
  };
  let access = ADMIN;
  const other = await openDoor({ messages }, {}, () => access);
  try {
    const query = 'subscription S($after: String) { messagePosted(queue: "q", after: $after) { id } }';
    for (const after of ["1", "2", "3"]) {
      const stream = await other.listen(query, { after });
      expect(await stream.next()).toEqual({ data: { messagePosted: { id: "m" } } });
      expect(await stream.next()).toBeNull();
    }
    expect(written).toBe(1);
    const stream = await other.listen(query.replace("{ id }", "{ id again: id }"));
    expect(await stream.next()).toEqual({ data: { messagePosted: { id: "m", again: "m" } } });
    expect(written).toBe(3);
    // What a message leads to may be more than another caller may see.
    access = limitedTo(ADMIN, "admin", ["p"]);
    await (await other.listen(query, { after: "1" })).next();
    expect(written).toBe(4);
  } finally {
    await other.close();
  }
});

test("an event with a checksum says how many bytes it needs while it is rendered", async () => {
  const bodyText = JSON.stringify("x".repeat(500_000));
  const messages = {
    newestMarker: async () => "1",
    watch: async function* () {
      yield { bodyText, marker: "2" };
    } as never,
  };
  let pending: PendingEvent | undefined;
  const open = vi.spyOn(EventStreams.prototype, "open").mockImplementation((events) =>
    Readable.from(
      (async function* () {
        // The first one is where the stream begins.
        await events.next();
        const { value: render } = await events.next();
        pending = render() as PendingEvent;
        yield await pending.text;
      })(),
    ),
  );
  const other = await openDoor({ messages });
  try {
    const stream = await other.listen('subscription { messagePosted(queue: "q") { bodyText checksum } }');
    expect((await stream.next())?.errors).toBeUndefined();
    // Once the body, and four times as much for its checksum.
    expect(pending?.bytes).toBe(5 * bodyText.length);
  } finally {
    open.mockRestore();
    await other.close();
  }
});

test("when the server closes, streams end without being complete, so that clients open them again", async () => {
  give = ({ asked }, signal) => (asked === 1 ? Promise.resolve(change(1)) : untilAborted(signal));
  const stream = await door.listen(WATCH);
  await stream.next();
  const closed = door.close();
  await expect(stream.next()).rejects.toThrow("before the stream was complete");
  await closed;
  allEnded();
});

test("an EventSource whose stream ends opens it again where it was, also when it had got no message yet", async () => {
  vi.spyOn(Math, "random").mockReturnValue(0);
  const markers = ["11", "12", "13"];
  const begun: unknown[] = [];
  const other = await openDoor({
    messages: {
      newestMarker: async () => "10",
      // The first stream ends before its first message, the second one after it.
      watch: async function* (_access: unknown, { after }: { after: string }) {
        const most = begun.push(after) - 1;
        for (const marker of markers.filter((one) => one > after).slice(0, most)) yield { marker };
      } as never,
    },
  });
  const query = 'subscription { messagePosted(project: "p", queue: "q") { marker } }';
  const source = new EventSource(`${other.url}?${new URLSearchParams({ query })}`);
  try {
    const seen: unknown[] = [];
    source.addEventListener("next", (event) => {
      const { data, lastEventId } = event as unknown as MessageEvent;
      seen.push([JSON.parse(data).data.messagePosted.marker, lastEventId]);
    });
    await vi.waitFor(() => expect(seen).toHaveLength(3), { timeout: 10_000 });
    expect(seen).toEqual(markers.map((marker) => [marker, marker]));
    expect(begun).toEqual(["10", "10", "11"]);
  } finally {
    source.close();
    vi.restoreAllMocks();
    await other.close();
  }
});

test("an event has an id only where its stream can be resumed, and no text of a client becomes a line of it", async () => {
  give = async ({ asked }) => (asked === 1 ? change(1) : null);
  const textOf = async (url: string, query: string) => {
    const address = `${url}?${new URLSearchParams({ query })}`;
    return (await fetch(address, { headers: { accept: "text/event-stream", "last-event-id": "7" } })).text();
  };
  expect(await textOf(door.url, WATCH)).not.toMatch(/^id:/m);
  const other = await openDoor({
    messages: {
      watch: async function* (_access: unknown, { after }: { after: string }) {
        yield { marker: after };
      } as never,
    },
  });
  try {
    const query = 'subscription { messagePosted(queue: "q", after: "8") { marker } }';
    expect(await textOf(other.url, query)).toContain(
      'id: 7\n\nid: 7\nevent: next\ndata: {"data":{"messagePosted":{"marker":"7"}}}\n\n',
    );
    const sneaky = await other.listen(query.replace('"8"', String.raw`"8\nevent: complete"`));
    expect((await sneaky.next())?.errors?.map(({ extensions }) => extensions.code)).toEqual(["BAD_INPUT"]);
  } finally {
    await other.close();
  }
});

test("without Accept: text/event-stream a subscription is refused", async () => {
  const { errors } = await door.send(WATCH);
  expect(errors?.[0]?.extensions.code).toBe("BAD_INPUT");
  expect(watches).toEqual([]);
});

test("queries and changes run over events too", async () => {
  const stream = await door.listen("{ viewer { actor } }");
  expect(await stream.next()).toEqual({ data: { viewer: { actor: "tester" } } });
  expect(await stream.next()).toBeNull();
});

test("a client that accepts both gets a stream for a subscription, and JSON for everything else", async () => {
  const accept = "application/graphql-response+json, application/json, text/event-stream, multipart/mixed";
  const { status, headers, data } = await door.send("{ viewer { actor } }", {}, { accept });
  expect([status, headers.get("content-type"), data]).toEqual([
    200,
    "application/graphql-response+json; charset=utf-8",
    { viewer: { actor: "tester" } },
  ]);
  const byGet = await fetch(`${door.url}?${new URLSearchParams({ query: "{ viewer { actor } }" })}`, {
    headers: { accept },
  });
  expect(await byGet.json()).toEqual({ data: { viewer: { actor: "tester" } } });
  const change = new URLSearchParams({ query: "mutation { collectGarbage(input: {}) { durationSeconds } }" });
  expect((await fetch(`${door.url}?${change}`, { headers: { accept } })).status).toBe(405);
  const stream = await door.listen(WATCH, {}, { accept });
  stream.close();
  expect(stream.status).toBe(200);
});

test.each([
  ["no query", {}],
  ["variables that are a list", { query: "{ viewer { actor } }", variables: [] }],
])("%s is 400 with a code", async (_what, operation) => {
  const response = await fetch(door.url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify(operation),
  });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: "BAD_INPUT", status: 400 } }] });
});
