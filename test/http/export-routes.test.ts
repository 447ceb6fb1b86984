import type { AddressInfo } from "node:net";
import Fastify, { type FastifyInstance } from "fastify";
import { afterEach, expect, test, vi } from "vitest";
import type { Access } from "../../server/access/access.ts";
import { DomainError } from "../../server/errors.ts";
import type { ExportRow, Exports } from "../../server/graphql/exports/exports.ts";
import { createWaits } from "../../server/graphql/http/waits.ts";
import { answerError } from "../../server/http/answer-errors.ts";
import { addExportRoutes } from "../../server/http/export-routes.ts";
import { callerWith } from "../support/access.ts";

const access: Access = callerWith("admin", "all", "a");
const waits = createWaits();
let app: FastifyInstance | undefined;
afterEach(async () => {
  await app?.close();
});

/** A server with these exports alone. Returns the address of one. */
async function serve(pages: () => AsyncIterableIterator<ExportRow[]>): Promise<string> {
  app = Fastify({ forceCloseConnections: true });
  app.decorateRequest("access", { getter: () => access });
  app.setErrorHandler((error, request, reply) => {
    const { status, body } = answerError(error, request.id);
    return reply.code(status).send(body);
  });
  const exports: Exports = { columns: () => ["a.b", "c"], rows: async () => pages() };
  const settingsFile = {
    async *write() {
      yield '{"version": 1}\n';
    },
  };
  addExportRoutes(app, { exports, settingsFile, signalOf: waits.signalOf });
  await app.listen({ port: 0, host: "127.0.0.1" });
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/export/rows`;
}

/** Rows without an end, and how many pages of them were read. */
function endless() {
  const read = { pages: 0, ended: 0 };
  const pages = async function* () {
    try {
      for (;;) {
        read.pages += 1;
        yield [{ a: { b: "x".repeat(65_536) }, c: read.pages }];
      }
    } finally {
      read.ended += 1;
    }
  };
  return { read, pages };
}

test("a list is a file: in CSV with a line of columns, in NDJSON as the API shows it", async () => {
  const url = await serve(async function* () {
    yield [
      { a: { b: "=1" }, c: 1 },
      { a: null, c: null },
    ];
    yield [];
    yield [{ a: { b: "x,y" }, c: ["z"] }];
  });
  const csv = await fetch(`${url}.csv`);
  expect(await csv.text()).toBe(`a.b,c\r\n'=1,1\r\n,\r\n"x,y","[""z""]"\r\n`);
  expect(csv.headers.get("content-type")).toBe("text/csv; charset=utf-8; header=present");
  expect(csv.headers.get("content-disposition")).toMatch(/^attachment; filename="isimud-rows-\d{4}-\d\d-\d\d\.csv"$/);
  const lines = (await (await fetch(`${url}.ndjson`)).text()).split("\n");
  expect(lines).toEqual(['{"a":{"b":"=1"},"c":1}', '{"a":null,"c":null}', '{"a":{"b":"x,y"},"c":["z"]}', ""]);
});

test("the settings are a file of JSON", async () => {
  const url = (await serve(endless().pages)).replace("rows", "settings.json");
  const response = await fetch(url);
  expect(await response.json()).toEqual({ version: 1 });
  expect(response.headers.get("content-disposition")).toMatch(/filename="isimud-settings-.*\.json"/);
});

test("an export that fails halfway breaks off, so that nobody takes the part for the whole", async () => {
  const url = await serve(async function* () {
    yield [{ a: null, c: 1 }];
    throw new DomainError("STORAGE_UNAVAILABLE", "The pool is away.");
  });
  const response = await fetch(`${url}.ndjson`);
  expect(response.status).toBe(200);
  await expect(response.text()).rejects.toThrow();
});

test("what a slow client has not read yet is not read from the storage, and nothing is once it has left", async () => {
  const { read, pages } = endless();
  const response = await fetch(`${await serve(pages)}.ndjson`);
  const reader = response.body?.getReader();
  await reader?.read();
  let before = -1;
  await vi.waitFor(() => {
    const now = read.pages;
    const still = now === before;
    before = now;
    expect(still).toBe(true);
  });
  expect(read.pages).toBeLessThan(500);
  await reader?.cancel();
  await vi.waitFor(() => expect(read.ended).toBe(1));
});

test("an export breaks off when the rights of its caller change", async () => {
  const { read, pages } = endless();
  const response = await fetch(`${await serve(pages)}.ndjson`);
  const reader = response.body?.getReader();
  await reader?.read();
  waits.endOf(({ actor }) => actor === "somebody else");
  await reader?.read();
  expect(read.ended).toBe(0);
  waits.endOf(({ actor }) => actor === access.actor);
  await expect(
    (async () => {
      while ((await reader?.read())?.done === false);
    })(),
  ).rejects.toThrow();
  expect(read.ended).toBe(1);
});

test("an export that nobody reads for half a minute ends, for the sake of those who wait for its place", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"], shouldAdvanceTime: true });
  try {
    const { read, pages } = endless();
    const response = await fetch(`${await serve(pages)}.ndjson`);
    const reader = response.body?.getReader();
    await reader?.read();
    await vi.waitFor(async () => {
      await vi.advanceTimersByTimeAsync(31_000);
      expect(read.ended).toBe(1);
    });
    await expect(
      (async () => {
        while ((await reader?.read())?.done === false);
      })(),
    ).rejects.toThrow();
  } finally {
    vi.useRealTimers();
  }
});

test("a process writes four exports at a time, and the next one when one of them has ended or its client has left", async () => {
  const { pages } = endless();
  const url = `${await serve(pages)}.csv`;
  const open = await Promise.all([1, 2, 3, 4].map(() => fetch(url)));
  const refused = await fetch(url);
  expect(refused.status).toBe(429);
  expect(await refused.json()).toMatchObject({ errors: [{ extensions: { code: "TOO_MANY_REQUESTS" } }] });
  await open[0]?.body?.cancel();
  await vi.waitFor(async () => {
    const next = await fetch(url);
    expect(next.status).toBe(200);
    open.push(next);
  });
  await Promise.all(open.slice(1).map(({ body }) => body?.cancel()));
});

test("a page of another site cannot keep the service busy with exports, and an unknown format is not found", async () => {
  const url = await serve(endless().pages);
  const foreign = await fetch(`${url}.csv`, { headers: { "sec-fetch-site": "cross-site" } });
  expect(foreign.status).toBe(403);
  for (const wrong of [url, `${url}.xlsx`, url.replace("rows", ".csv")]) expect((await fetch(wrong)).status).toBe(404);
});
