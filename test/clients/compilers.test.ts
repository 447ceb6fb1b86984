/** Compilers of GraphQL documents that others wrote take the schema, and the service answers what they make of it. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { codegen } from "@graphql-codegen/core";
import * as typescript from "@graphql-codegen/typescript";
import * as operations from "@graphql-codegen/typescript-operations";
import { parse } from "graphql";
// @ts-expect-error It has no types. It is the path of the program for this platform.
import relayCompiler from "relay-compiler";
import { expect, onTestFinished, test } from "vitest";
import { aProject, createClaim, postMessages, startApi } from "../graphql/api.ts";

const { api } = startApi();

const top = fileURLToPath(new URL("../..", import.meta.url));
const schemaText = readFileSync(join(top, "schema.graphql"), "utf8");

const RELAY = `
import { graphql } from "react-relay";

export const page = graphql\`
  fragment PageOfMessages_queue on Queue
  @argumentDefinitions(first: { type: "Int", defaultValue: 2 }, after: { type: "String" })
  @refetchable(queryName: "PageOfMessagesRefetchQuery") {
    name
    messages(first: $first, after: $after) @connection(key: "PageOfMessages_messages") {
      edges { node { id body } }
    }
  }
\`;

export const release = graphql\`
  mutation PageReleaseMutation($input: ReleaseClaimInput!, $connections: [ID!]!) {
    releaseClaim(input: $input) { claimId @deleteEdge(connections: $connections) }
  }
\`;

export const remove = graphql\`
  mutation PageDeleteMutation($input: DeleteQueueInput!, $connections: [ID!]!) {
    deleteQueue(input: $input) { ids @deleteEdge(connections: $connections) }
  }
\`;
`;

test("relay-compiler compiles a page of messages and a mutation that removes an edge, and the service runs both", async () => {
  const artifacts = await relay({ "Page.ts": RELAY });
  const project = aProject();
  await postMessages(api, project, "q", [1, 2, 3]);

  const { text: refetch, metadata } = artifacts("PageOfMessagesRefetchQuery");
  expect(metadata).toEqual({});
  const variables = { id: `Queue:${project}/q`, first: 2 };
  const { node: queue } = await api.run(refetch, variables);
  expect(queue.messages).toMatchObject({
    edges: [{ node: { body: 1 } }, { node: { body: 2 } }],
    pageInfo: { hasNextPage: true },
  });
  const rest = await api.run(refetch, { ...variables, after: queue.messages.pageInfo.endCursor });
  expect(rest.node.messages.edges).toMatchObject([{ node: { body: 3 } }]);

  const claim = await createClaim(api, project, "q", 1);
  const input = { project, queue: "q", claimId: claim?.id };
  const { releaseClaim } = await api.run(artifacts("PageReleaseMutation").text, { input });
  expect(releaseClaim.claimId).toBe(claim?.id);
});

test("GraphQL Code Generator gives types to a document, with the scalars that docs/programs.md tells", async () => {
  const [, scalars = ""] = /```json\n(.*)\n```/.exec(readFileSync(join(top, "docs/programs.md"), "utf8")) ?? [];
  const text = await codegen({
    filename: "types.ts",
    schema: parse(schemaText),
    documents: [
      {
        location: "stats.graphql",
        document: parse(`query Stats($project: String, $queue: String!) {
          queue(project: $project, queue: $queue) { createdAt stats { ready } oldestMessage { id body } }
        }`),
      },
    ],
    config: JSON.parse(scalars),
    plugins: [{ typescript: {} }, { operations: {} }],
    pluginMap: { typescript, operations },
  });
  expect(text).toContain("ready: number");
  expect(text).toContain("createdAt: string");
  expect(text).toContain("body: unknown");
  expect(text).not.toMatch(/: any\b/);
});

/** Compiles these files. Returns how to get at what was made of a query or mutation. */
async function relay(files: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), "relay-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "artifacts"));
  writeFileSync(join(folder, "schema.graphql"), schemaText);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const config = {
    src: ".",
    schema: "schema.graphql",
    language: "typescript",
    artifactDirectory: "artifacts",
    customScalarTypes: { SafeInt: "number", DateTime: "string", JSON: "unknown" },
  };
  writeFileSync(join(folder, "relay.config.json"), JSON.stringify(config));
  await promisify(execFile)(relayCompiler, ["relay.config.json"], { cwd: folder });
  return (name: string): { text: string; metadata: object } => {
    const artifact = readFileSync(join(folder, "artifacts", `${name}.graphql.ts`), "utf8");
    const [, params = ""] = /"params": (\{.*?\n {2}\})/s.exec(artifact) ?? [];
    return JSON.parse(params);
  };
}
