/** A whole service for a test file, and a client for its API. */
import { afterAll, beforeAll } from "vitest";
import { startTestServer, type TestServer } from "../support/server.ts";
import { createClient, type GraphQLClient } from "./client.ts";

/** Call it at the top of a file. What it returns can be used inside the tests. */
export function startApi(settings: Record<string, string> = {}): { api: GraphQLClient; server: () => TestServer } {
  let server: TestServer | undefined;
  let client: GraphQLClient | undefined;
  beforeAll(async () => {
    server = await startTestServer(settings);
    client = createClient(`${server.url}/api/graphql`);
  });
  afterAll(() => server?.close());
  const started = () => {
    if (!client) throw new Error("The server is started before the first test.");
    return client;
  };
  return {
    api: {
      get url() {
        return started().url;
      },
      send: (...args) => started().send(...args),
      sendText: (...args) => started().sendText(...args),
      run: (...args) => started().run(...args),
      codeOf: (...args) => started().codeOf(...args),
      listen: (...args) => started().listen(...args),
    },
    server: () => {
      if (!server) throw new Error("The server is started before the first test.");
      return server;
    },
  };
}

let projects = 0;

/** A project that no other test uses. */
export function aProject(): string {
  projects++;
  return `project-${projects}`;
}

export async function createQueue(
  api: GraphQLClient,
  project: string,
  name: string,
  metadata: object = {},
): Promise<void> {
  const query = "mutation C($input: CreateQueueInput!) { createQueue(input: $input) { created } }";
  await api.run(query, { input: { project, queue: name, metadata: { json: metadata } } });
}

/** Posts one message for each body, and returns their ids. */
export async function postMessages(
  api: GraphQLClient,
  project: string,
  queue: string,
  bodies: unknown[],
  more: object = {},
): Promise<string[]> {
  const query = "mutation P($input: PostMessagesInput!) { postMessages(input: $input) { ids } }";
  const messages = bodies.map((body) => ({ body: { text: JSON.stringify(body) }, ...more }));
  return (await api.run(query, { input: { project, queue, messages, createQueue: true } })).postMessages.ids;
}

export async function createClaim(
  api: GraphQLClient,
  project: string,
  queue: string,
  limit = 1,
): Promise<{ id: string; messageIds: string[] } | null> {
  const query = "mutation C($input: CreateClaimInput!) { createClaim(input: $input) { claim { id } messages { id } } }";
  const { claim, messages } = (await api.run(query, { input: { project, queue, limit } })).createClaim;
  return claim && { id: claim.id, messageIds: messages.map(({ id }: { id: string }) => id) };
}
