/** A client that does not read its answer cannot keep it in memory for long. */
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { UnreadAnswers } from "../../server/http/unread-answers.ts";

const MIB = 1_048_576;
const LARGE = Buffer.alloc(16 * MIB);
const clients: Socket[] = [];
let answers: UnreadAnswers;
let server: ReturnType<typeof createServer>;
let begun = 0;

async function start(maxBytes: number) {
  answers = new UnreadAnswers(maxBytes);
  server = createServer((request, response) => {
    const place = answers.add(response, request.socket);
    response.once("close", () => answers.delete(place, response));
    begun += 1;
    if (request.url === "/large") response.end(LARGE);
    else if (request.url === "/stream") response.write("quiet");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
}
async function ask(path: string, times = 1): Promise<{ client: Socket; isOpen: () => boolean }> {
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  clients.push(client);
  client.on("error", () => {});
  let open = true;
  const expected = begun + times;
  const arrives = once(server, "connection") as Promise<[Socket]>;
  client.pause().write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(times));
  const [accepted] = await arrives;
  accepted.once("close", () => {
    open = false;
  });
  await expect.poll(() => begun).toBe(expected);
  return { client, isOpen: () => open };
}
/** Long enough for a destroyed connection to emit its events. */
const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

beforeEach(() => {
  begun = 0;
});
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
  server.closeAllConnections();
  server.close();
});

test("a connection that reads nothing of its answer for half a minute is cut; a waiting or quiet one is not", async () => {
  await start(1000 * MIB);
  const [large, waiting, stream] = [await ask("/large"), await ask("/waiting"), await ask("/stream")];
  const now = performance.now();
  answers.sweep(now);
  answers.sweep(now + 29_000);
  await turn();
  expect(large.isOpen()).toBe(true);
  answers.sweep(now + 31_000);
  await turn();
  expect([large.isOpen(), waiting.isOpen(), stream.isOpen()]).toEqual([false, true, true]);
});

test("a connection that reads slowly is not cut", async () => {
  await start(1000 * MIB);
  const { client, isOpen } = await ask("/large");
  const now = performance.now();
  // Reads more than the system buffers, so that the server has to send.
  let wanted = 0;
  client.on("data", (chunk) => {
    wanted -= chunk.length;
    if (wanted <= 0) client.pause();
  });
  answers.sweep(now);
  for (let step = 1; step <= 2; step += 1) {
    wanted = 6 * MIB;
    client.resume();
    await expect.poll(() => client.isPaused()).toBe(true);
    answers.sweep(now + step * 29_000);
  }
  await turn();
  expect(isOpen()).toBe(true);
  // What is on its way when the reader stops still counts as read.
  let later = now + 58_000;
  await expect
    .poll(() => {
      later += 31_000;
      answers.sweep(later);
      return isOpen();
    })
    .toBe(false);
});

test("while too many bytes are unread, the connections that stalled first are cut, until there are few enough", async () => {
  await start(40 * MIB);
  const now = performance.now();
  const first = await ask("/large");
  answers.sweep(now);
  const second = await ask("/large", 2);
  answers.sweep(now + 1500);
  await turn();
  // Both answers of the second connection count, though its second one begins only after the first was read.
  expect([first.isOpen(), second.isOpen()]).toEqual([false, true]);
  answers.sweep(now + 4000);
  await turn();
  expect(second.isOpen()).toBe(true);
});
