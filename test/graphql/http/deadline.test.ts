import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Answer } from "../client.ts";
import { ADMIN, type OpenDoor, openDoor } from "./door.ts";

/** Shorter than the waits, and long enough for a busy machine to begin the operation. */
const DEADLINE_SECONDS = 0.7;
const LONGER_MS = 1000;
/** Its checksum takes more than one turn of the event loop. */
const MANY_VALUES = JSON.stringify(Array.from({ length: 50_000 }, () => 0));

let door: OpenDoor;
const deleted: string[] = [];
const later = <T>(value: T, milliseconds: number, signal?: AbortSignal) =>
  new Promise<T>((resolve) => {
    const timer = setTimeout(() => resolve(value), milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve(value);
    });
    if (signal?.aborted) resolve(value);
  });
beforeAll(async () => {
  door = await openDoor(
    {
      queues: {
        get: () => new Promise<never>(() => {}),
        delete: (_access, { queue: name }) => {
          deleted.push(String(name));
          return later({ deleted: 1 } as never, LONGER_MS);
        },
      },
      messages: {
        pop: () => later([{ id: "m", bodyText: MANY_VALUES } as never], LONGER_MS),
        newestMarker: async () => "0",
        async *watch() {
          yield await later({ id: "m" } as never, LONGER_MS);
        },
      },
      claims: {
        create: (_access, { waitSeconds, signal }) =>
          later({ claim: null, messages: [], deadLettered: 0 }, (waitSeconds ?? 0) * 1000, signal),
      },
    },
    { OPERATION_DEADLINE_SECONDS: DEADLINE_SECONDS },
  );
});
// The first request of a process is slow, so it is made before the tests.
beforeAll(async () => {
  for (const read of Object.values(readings)) await read("{ viewer { actor } }");
});
afterAll(() => door.close());

type Reading = (query: string) => Promise<Pick<Answer, "data" | "errors">>;
const readings: Record<string, Reading> = {
  "by HTTP": (query) => door.send(query),
  "through Apollo": (query) => door.sendText(JSON.stringify({ query, extensions: {} })),
  "over server-sent events": async (query) => (await (await door.listen(query)).next()) as Answer,
  "inside the process": (query) => door.executeAs(ADMIN)(query) as Promise<Pick<Answer, "data" | "errors">>,
};
const codesOf = ({ errors }: Pick<Answer, "errors">) =>
  errors?.map(({ path, extensions }) => [path?.join("."), extensions.code]);

describe.concurrent.each(Object.entries(readings))("%s", (way, read) => {
  test.concurrent("fields that wait share one wait, which does not count against the deadline of the operation", async () => {
    const wait = 'createClaim(input: { queue: "q", waitSeconds: 1 }) { deadLettered }';
    const begun = performance.now();
    const { data, errors } = await read(`mutation { a: ${wait} b: ${wait} c: ${wait} }`);
    const seconds = (performance.now() - begun) / 1000;
    expect(errors).toBeUndefined();
    expect(Object.keys(data)).toEqual(["a", "b", "c"]);
    expect(seconds).toBeGreaterThan(0.9);
    expect(seconds).toBeLessThan(2.7);
  });

  test.concurrent("a read that exceeds the deadline fails, and no other field", async () => {
    const answer = await read('{ slow: queue(queue: "q") { name } viewer { actor } }');
    expect(answer.data).toEqual({ slow: null, viewer: { actor: "tester" } });
    expect(codesOf(answer)).toEqual([["slow", "DEADLINE_EXCEEDED"]]);
  });

  test.concurrent("a write that has begun finishes, and none begins after the deadline", async () => {
    const queue = way.replaceAll(" ", "-");
    const answer = await read(
      `mutation { a: deleteQueue(input: { project: "p", queue: "${queue}-a" }) { deleted } b: deleteQueue(input: { project: "p", queue: "${queue}-b" }) { deleted } }`,
    );
    expect(deleted.filter((name) => name.startsWith(queue))).toEqual([`${queue}-a`]);
    expect(codesOf(answer)).toEqual([["b", "DEADLINE_EXCEEDED"]]);
  });
});

test("popped messages are returned, though the deadline passes before their checksum is computed", async () => {
  const { data, errors } = await door.send(
    'mutation { popMessages(input: { queue: "q" }) { messages { id checksum } } }',
  );
  expect(errors).toBeUndefined();
  expect(data.popMessages.messages).toEqual([{ id: "m", checksum: expect.stringMatching(/^MD5:/) }]);
});

test("a stream may last longer than the deadline of an operation", async () => {
  const stream = await door.listen('subscription { messagePosted(queue: "q") { id } }');
  expect(await stream.next()).toEqual({ data: { messagePosted: { id: "m" } } });
  stream.close();
});
