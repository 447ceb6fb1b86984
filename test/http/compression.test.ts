/** Answers that are compressed, by an application with nothing else in it. */
import { Readable } from "node:stream";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import Fastify from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { acceptedEncoding, createCompression } from "../../server/http/compression.ts";

const LONG = JSON.stringify(Array.from({ length: 200 }, (_, id) => ({ id, name: `queue-${id}` })));
const SHORT = JSON.stringify({ name: "queue" });
const MOST_AT_ONCE = 4_000_000;

const app = Fastify({ forceCloseConnections: true });
let origin: string;
beforeAll(async () => {
  app.addHook("onSend", createCompression(MOST_AT_ONCE));
  app.get("/long", (_, reply) => reply.type("application/json").send(LONG));
  app.get("/short", (_, reply) => reply.type("application/json").send(SHORT));
  app.get("/large", (_, reply) => reply.type("text/plain").send(Array(2_200_000).fill("x").join("")));
  app.get("/events", (_, reply) =>
    reply.type("text/event-stream").send(
      Readable.from(
        (async function* () {
          yield `data: ${LONG}\n\n`;
          await new Promise(() => {});
        })(),
      ),
    ),
  );
  origin = await app.listen({ host: "127.0.0.1", port: 0 });
});
afterAll(() => app.close());

const get = (url: string, encoding?: string) =>
  app.inject({ url, headers: encoding === undefined ? {} : { "accept-encoding": encoding } });

test.each([
  ["gzip, deflate, br", "br", brotliDecompressSync],
  ["gzip", "gzip", gunzipSync],
] as const)("a long answer to a client that accepts %s is sent as %s", async (accepted, encoding, decompress) => {
  const { headers, rawPayload } = await get("/long", accepted);
  expect(headers).toMatchObject({
    "content-encoding": encoding,
    vary: "accept-encoding",
    "content-length": String(rawPayload.length),
    "content-type": "application/json; charset=utf-8",
  });
  expect(decompress(rawPayload).toString()).toBe(LONG);
  expect(rawPayload.length).toBeLessThan(LONG.length / 3);
});

test("a client that accepts no compression gets the text, and caches know why", async () => {
  const { headers, payload } = await get("/long");
  expect([payload, headers["content-encoding"], headers.vary]).toEqual([LONG, undefined, "accept-encoding"]);
});

test("a short answer stays as it is", async () => {
  const { headers, payload } = await get("/short", "br, gzip");
  expect([payload, headers["content-encoding"], headers.vary]).toEqual([SHORT, undefined, undefined]);
});

test("a stream of events is not compressed, and its first event does not wait for the next", async () => {
  const response = await fetch(`${origin}/events`, { headers: { "accept-encoding": "br, gzip" } });
  const reader = response.body?.getReader();
  const first = await reader?.read();
  await reader?.cancel();
  expect([response.headers.get("content-encoding"), Buffer.from(first?.value ?? []).toString("utf8", 0, 6)]).toEqual([
    null,
    "data: ",
  ]);
});

test("an answer for whose compression there is no memory left is sent as it is", async () => {
  const answers = await Promise.all([get("/large", "br"), get("/large", "br")]);
  expect(answers.map(({ headers }) => headers["content-encoding"]).sort()).toEqual(["br", undefined]);
  expect((await get("/large", "br")).headers["content-encoding"]).toBe("br");
});

test("other requests are answered while an answer is compressed", async () => {
  const answered: string[] = [];
  const large = get("/large", "gzip").then(() => answered.push("large"));
  // By the next turn the answer would be there, if it were compressed inside of the event loop.
  await new Promise(setImmediate);
  await get("/short").then(() => answered.push("short"));
  await large;
  expect(answered).toEqual(["short", "large"]);
});

test.each([
  [undefined, null],
  ["", null],
  ["identity", null],
  ["deflate, zstd", null],
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["br", "br"],
  ["GZIP, BR", "br"],
  ["gzip;q=1.0, br;q=0.8", "gzip"],
  ["br;q=0, gzip;q=0", null],
  ["gzip;q=0.5, *;q=0.1", "gzip"],
  ["*", "br"],
  ["*;q=0", null],
  ["br;q=nonsense, gzip", "gzip"],
] as const)("the header %s chooses %s", (header, encoding) => {
  expect(acceptedEncoding(header)).toBe(encoding);
});
