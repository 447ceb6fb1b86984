import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getIntrospectionQuery } from "graphql";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Access, rightsOfScopes } from "../../../server/access/access.ts";
import { checkDocument, operationNames } from "../../../server/graphql/http/check-document.ts";
import { documentId, TrustedDocuments } from "../../../server/graphql/http/trusted-documents.ts";
import { person } from "../../support/access.ts";
import { textsOf } from "../../support/page-documents.ts";
import { ADMIN, type OpenDoor, openDoor } from "./door.ts";

const BUILT_IN = "query Who {\n  viewer { actor }\n}";
const OTHER = "{ viewer { requestId } }";

const doors: OpenDoor[] = [];
afterAll(() => Promise.all(doors.map((door) => door.close())));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "isimud-documents-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function open({ only, accessOf }: { only: boolean; accessOf?: () => Access }) {
  const trusted = new TrustedDocuments({ only, builtIn: [BUILT_IN], folder });
  const door = await openDoor({}, {}, accessOf ?? (() => ADMIN), trusted);
  doors.push(door);
  const post = async (body: object, headers: Record<string, string> = {}) => {
    const answer = await fetch(door.url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
    return { status: answer.status, text: await answer.text() };
  };
  return { door, post };
}

describe("a document's id", () => {
  test("stands for its text, in an answer and in a stream", async () => {
    const { post } = await open({ only: false });
    const request = { documentId: documentId(BUILT_IN), variables: {} };
    expect(await post(request)).toMatchObject({ status: 200, text: '{"data":{"viewer":{"actor":"tester"}}}' });
    expect((await post(request, { accept: "text/event-stream" })).text).toContain('"actor":"tester"');
    expect((await post({ query: OTHER })).status).toBe(200);
  });

  test("must be known, and stands alone", async () => {
    const { post } = await open({ only: false });
    const unknown = await post({ documentId: documentId("{ __typename }") });
    expect(unknown).toMatchObject({ status: 404, text: expect.stringContaining("DOCUMENT_NOT_FOUND") });
    for (const body of [{ documentId: documentId(BUILT_IN), query: BUILT_IN }, { documentId: 1 }]) {
      expect(await post(body)).toMatchObject({ status: 400, text: expect.stringContaining("BAD_INPUT") });
    }
  });
});

describe("when only trusted documents run", () => {
  test("others are refused on every way in, and those that are known run as text too", async () => {
    const { door, post } = await open({ only: true });
    expect((await post({ query: BUILT_IN })).text).toContain("tester");
    expect((await post({ query: ` ${BUILT_IN}\n` })).text).toContain("tester");
    const refused = expect.stringContaining("DOCUMENT_NOT_TRUSTED");
    for (const query of [OTHER, "{ viewer { actor } }", "{ __schema { types { name } } }", "mutation { a }", "{"]) {
      expect((await post({ query })).text, query).toEqual(refused);
      expect((await post({ query, extensions: {} })).text, query).toEqual(refused);
      expect((await post({ query }, { accept: "text/event-stream" })).text, query).toEqual(refused);
      const asked = `${door.url}?query=${encodeURIComponent(query)}`;
      for (const accept of ["application/json", "text/event-stream"]) {
        const answer = await fetch(asked, { headers: { accept, "apollo-require-preflight": "1" } });
        expect(await answer.text(), query).toEqual(refused);
      }
    }
    const asked = `${door.url}?query=${encodeURIComponent(BUILT_IN)}`;
    expect(await (await fetch(asked, { headers: { "apollo-require-preflight": "1" } })).text()).toContain("tester");
    // Pages run inside the process.
    expect(await door.executeAs(ADMIN)(OTHER)).toMatchObject({ data: { viewer: { requestId: "r-tester" } } });
  });

  test("a document that is registered later runs, and one whose file is gone does not", async () => {
    const { post } = await open({ only: true });
    const file = join(folder, "later.graphql");
    writeFileSync(file, `${OTHER}\n`);
    expect((await post({ query: OTHER })).text).toContain("requestId");
    expect((await post({ documentId: documentId(OTHER) })).text).toContain("requestId");
    rmSync(file);
    const gone = async () => (await post({ query: OTHER })).text;
    await expect.poll(gone, { timeout: 2000 }).toContain("DOCUMENT_NOT_TRUSTED");
    expect((await post({ documentId: documentId(OTHER) })).text).toContain("DOCUMENT_NOT_FOUND");
  });

  test("a page's documents run as the browser sends them", async () => {
    const texts = (await textsOf("documents.ts")).map(({ text }) => text);
    const trusted = new TrustedDocuments({ only: true, builtIn: texts, folder: null });
    const { prepare } = trusted.guard({ prepare: () => ({ cost: null, errors: [] }) });
    for (const query of texts) expect(prepare({ query }).errors).toEqual([]);
    expect(await trusted.textOf(documentId(texts[0] as string))).toBe(texts[0]);
  });
});

test("a document is registered only when the schema allows it and it has an operation", () => {
  expect(operationNames("query A { viewer { actor } } mutation { undo(input: {}) { x } }")).toEqual(["A", "mutation"]);
  expect(() => checkDocument("query A { viewer { actor } }")).not.toThrow();
  expect(() => checkDocument("{ nothing }")).toThrow("nothing");
  expect(() => checkDocument("{")).toThrow("Syntax Error");
  expect(() => checkDocument("fragment A on Query { __typename }")).toThrow();
});

describe("the schema's description", () => {
  let access = ADMIN;
  afterEach(() => {
    access = ADMIN;
  });
  const token = (...scopes: Parameters<typeof rightsOfScopes>[0]): Access => ({
    actor: "token:t",
    kind: "token",
    rights: rightsOfScopes(scopes, "all"),
    requestId: "r",
  });

  test("is for callers who may read, on every way in", async () => {
    const { post } = await open({ only: false, accessOf: () => access });
    const hidden = [
      getIntrospectionQuery(),
      '{ __type(name: "Queue") { name } }',
      "{ viewer { actor } ...Q } fragment Q on Query { ... { a: __schema { queryType { name } } } }",
    ];
    for (access of [ADMIN, person("vera", { role: "viewer", projects: ["p"] }), token("read"), token("manage")]) {
      for (const query of hidden) expect((await post({ query })).text.slice(0, 9), access.actor).toBe('{"data":{');
    }
    for (access of [token("produce"), token("produce", "consume"), person("nobody")]) {
      for (const query of hidden) {
        expect((await post({ query })).text).toContain("FORBIDDEN");
        expect((await post({ query }, { accept: "text/event-stream" })).text).toContain("FORBIDDEN");
        expect((await post({ query, extensions: {} })).text).toContain("FORBIDDEN");
      }
      expect((await post({ query: "{ __typename viewer { __typename actor } }" })).text.slice(0, 9)).toBe('{"data":{');
    }
  });
});
