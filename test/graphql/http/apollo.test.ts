import { HeaderMap } from "@apollo/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readConfig } from "../../../server/config.ts";
import { type Apollo, createApollo } from "../../../server/graphql/http/apollo.ts";
import { createDocuments } from "../../../server/graphql/http/documents.ts";

const logged: { details: { requestId?: string }; message: string }[] = [];
let apollo: Apollo;
beforeAll(async () => {
  apollo = createApollo({
    documents: createDocuments(readConfig({})),
    executor: async () => ({ data: {} }),
    log: { error: (details, message) => logged.push({ details, message }) },
    onOperation: () => {},
  });
  await apollo.start();
});
afterAll(() => apollo.stop());

test("a defect before an operation runs is answered and logged with the id of its own request", async () => {
  const headers = new HeaderMap([["apollo-require-preflight", "1"]]);
  const request = { method: "GET", headers, search: "?query={__typename}", body: undefined };
  const fails = () => {
    throw new Error("a defect");
  };
  const ids = ["request-1", "request-2"];
  const answers = await Promise.all(ids.map((id) => apollo.answer(request, id, fails)));
  const told = answers.map(({ body }) => body.kind === "complete" && JSON.parse(body.string).errors[0].extensions);
  expect(told).toMatchObject(ids.map((requestId) => ({ code: "INTERNAL", details: { requestId } })));
  expect(logged.map(({ details }) => details.requestId)).toEqual(ids);
});
