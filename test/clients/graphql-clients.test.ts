/** GraphQL clients and compilers that others wrote, as they come, against a started service. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ApolloClient, CombinedGraphQLErrors, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { relayStylePagination } from "@apollo/client/utilities";
import { codegen } from "@graphql-codegen/core";
import * as typescript from "@graphql-codegen/typescript";
import * as operations from "@graphql-codegen/typescript-operations";
import { CombinedError, cacheExchange, fetchExchange, Client as UrqlClient } from "@urql/core";
import { parse } from "graphql";
import { ClientError, GraphQLClient } from "graphql-request";
import { createClient as createSseClient } from "graphql-sse";
// @ts-expect-error It has no types. It is the path of the program for this platform.
import relayCompiler from "relay-compiler";
import { expect, onTestFinished, test } from "vitest";
import { aProject, createClaim, createQueue, postMessages, startApi } from "../graphql/api.ts";

const { api } = startApi();

const POST = "mutation Post($input: PostMessagesInput!) { postMessages(input: $input) { ids } }";
const TOTAL = 'query Total($project: String) { queue(project: $project, queue: "q") { id name stats { total } } }';
const TAIL = `subscription Tail($project: String, $after: String) {
  messagePosted(project: $project, queue: "q", after: $after) { id marker body queue { id name } }
}`;

/** Variables of POST. */
const aPost = (project: string, ...bodies: unknown[]) => ({
  input: { project, queue: "q", createQueue: true, messages: bodies.map((json) => ({ body: { json } })) },
});

test("the cache of Apollo Client keeps what it knows of a queue when another field of it is read", async () => {
  const project = aProject();
  await postMessages(api, project, "q", [1, 2]);
  const client = anApolloClient();
  const variables = { project };
  const total = gql(TOTAL);
  const ready = gql`query Ready($project: String) { queue(project: $project, queue: "q") { id stats { ready } } }`;
  await client.query({ query: total, variables });
  await client.query({ query: ready, variables });
  expect(client.readQuery({ query: total, variables })).toMatchObject({ queue: { name: "q", stats: { total: 2 } } });
  // The whole object is found by its id.
  expect(
    client.readFragment({
      id: client.cache.identify({ __typename: "Queue", id: `Queue:${project}/q` }),
      fragment: gql`fragment Known on Queue { name stats { ready total } }`,
    }),
  ).toMatchObject({ name: "q", stats: { ready: 2, total: 2 } });
});

test("Apollo Client joins the pages of queues, and of a queue's messages", async () => {
  const project = aProject();
  for (const name of ["a", "b", "c", "d", "e"]) await createQueue(api, project, name);
  await postMessages(api, project, "e", [1, 2, 3]);
  const client = anApolloClient();
  const query = gql`query Queues($project: String, $after: String) {
    queues(project: $project, first: 2, after: $after) {
      edges { node { id name } }
      pageInfo { hasNextPage endCursor }
    }
  }`;
  expect(await allPages(client, query, { project }, ({ queues }) => queues)).toMatchObject(
    ["a", "b", "c", "d", "e"].map((name) => ({ node: { name } })),
  );
  const messages = gql`query Messages($project: String, $after: String) {
    queue(project: $project, queue: "e") {
      id
      messages(first: 2, after: $after) { edges { node { id body } } pageInfo { hasNextPage endCursor } }
    }
  }`;
  expect(await allPages(client, messages, { project }, ({ queue }) => queue.messages)).toMatchObject(
    [1, 2, 3].map((body) => ({ node: { body } })),
  );
});

test("Apollo Client gets the extensions of an error, beside the data of other fields", async () => {
  const project = aProject();
  const mutation = gql`mutation Post($input: PostMessagesInput!) {
    __typename
    postMessages(input: $input) { ids }
  }`;
  const { input } = aPost(project, 1);
  const variables = { input: { ...input, createQueue: false } };
  const { data, error } = await anApolloClient().mutate({ mutation, variables, errorPolicy: "all" });
  expect(data).toEqual({ __typename: "Mutation", postMessages: null });
  expect(CombinedGraphQLErrors.is(error) && error.errors[0]?.extensions).toMatchObject({
    code: "QUEUE_DOES_NOT_EXIST",
    retry: "NEVER",
    details: { project, queue: "q" },
  });
});

test("urql posts, reads again after a mutation, and follows a queue", async () => {
  const project = aProject();
  const client = new UrqlClient({
    url: api.url,
    exchanges: [cacheExchange, fetchExchange],
    fetchSubscriptions: true,
  });
  const post = await client.mutation(POST, aPost(project, 1)).toPromise();
  expect(post.error).toBeUndefined();
  expect((await client.query(TOTAL, { project }).toPromise()).data.queue.stats.total).toBe(1);
  const seen: unknown[] = [];
  const tail = client.subscription(TAIL, { project, after: "0" }).subscribe(({ data, error }) => {
    seen.push(error ?? data.messagePosted.body);
  });
  await expect.poll(() => seen).toEqual([1]);
  await client.mutation(POST, aPost(project, 2)).toPromise();
  await expect.poll(() => seen).toEqual([1, 2]);
  const again = await client.query(TOTAL, { project }, { requestPolicy: "network-only" }).toPromise();
  expect(again.data.queue.stats.total).toBe(2);
  await api.run("mutation D($input: DeleteQueueInput!) { deleteQueue(input: $input) { deleted } }", {
    input: { project, queue: "q" },
  });
  await expect.poll(() => seen.at(-1)).toBeInstanceOf(CombinedError);
  expect((seen.at(-1) as CombinedError).graphQLErrors[0]?.extensions).toMatchObject({
    code: "QUEUE_DOES_NOT_EXIST",
    retry: "NEVER",
  });
  tail.unsubscribe();
});

test("graphql-request sends variables, and rejects with the extensions of the error", async () => {
  const project = aProject();
  const client = new GraphQLClient(api.url, { headers: { "x-cost": "1" } });
  await client.request(POST, aPost(project, { a: [1] }));
  const { data, extensions } = await client.rawRequest(TOTAL, { project });
  expect(data).toMatchObject({ queue: { stats: { total: 1 } } });
  expect(extensions).toMatchObject({ cost: { requested: expect.any(Number) } });
  const error = await client.request(POST, aPost(project)).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ClientError);
  expect((error as ClientError).response.errors?.[0]?.extensions).toMatchObject({ code: "BAD_INPUT", retry: "NEVER" });
});

test("graphql-sse follows a queue, sees that its connection broke, and goes on after the last marker", async () => {
  const project = aProject();
  await postMessages(api, project, "q", [1, 2]);
  let cut = new AbortController();
  const client = createSseClient({
    url: api.url,
    retryAttempts: 0,
    fetchFn: (url: string, init: RequestInit) =>
      fetch(url, { ...init, signal: AbortSignal.any([cut.signal, ...(init.signal ? [init.signal] : [])]) }),
  });
  const seen: unknown[] = [];
  let after = "0";
  const follow = async (until: number) => {
    for await (const { data } of client.iterate<Tail>({ query: TAIL, variables: { project, after } })) {
      if (!data) throw new Error("no data");
      seen.push(data.messagePosted.body);
      after = data.messagePosted.marker;
      if (seen.length === until) return;
      if (seen.length === 2) cut.abort();
    }
    seen.push("complete");
  };
  await expect(follow(3)).rejects.toThrow();
  await postMessages(api, project, "q", [3, 4]);
  cut = new AbortController();
  await follow(4);
  expect(seen).toEqual([1, 2, 3, 4]);
  client.dispose();
});

type Tail = { messagePosted: { marker: string; body: unknown } };

/** With the policies that docs/programs.md tells. */
function anApolloClient(): ApolloClient {
  return new ApolloClient({
    link: new HttpLink({ uri: api.url }),
    cache: new InMemoryCache({
      typePolicies: {
        Query: { fields: { queues: relayStylePagination(["project", "allProjects", "filter", "orderBy"]) } },
        Queue: { fields: { messages: relayStylePagination() } },
        QueueStats: { merge: true },
      },
    }),
  });
}

// biome-ignore lint/suspicious/noExplicitAny: a test knows what it asked for
type Data = any;
type Page = { edges: unknown[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } };

/** Fetches page after page, and returns the edges that the cache has in the end. */
async function allPages(
  client: ApolloClient,
  query: ReturnType<typeof gql>,
  variables: Record<string, unknown>,
  pageOf: (data: Data) => Page,
): Promise<unknown[]> {
  let { pageInfo } = pageOf((await client.query<Data>({ query, variables })).data);
  const watched = client.watchQuery<Data>({ query, variables });
  const subscription = watched.subscribe(() => {});
  while (pageInfo.hasNextPage) {
    const { data } = await watched.fetchMore({ variables: { after: pageInfo.endCursor } });
    pageInfo = pageOf(data).pageInfo;
  }
  const { edges } = pageOf(client.readQuery({ query, variables }));
  subscription.unsubscribe();
  client.stop();
  return edges;
}

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
