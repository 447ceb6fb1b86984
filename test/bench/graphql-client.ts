import { Pool } from "undici";
import { type Contender, payload } from "./contender.ts";

const POST = `mutation Post($input: PostMessagesInput!) { postMessages(input: $input) { ids } }`;
const CLAIM = `mutation Claim($input: CreateClaimInput!) {
  createClaim(input: $input) { claim { id } messages { id bodyText } }
}`;
const DELETE = `mutation Delete($input: DeleteMessagesInput!) { deleteMessages(input: $input) { deleted } }`;
const DELETE_ONE = `mutation DeleteOne($input: DeleteMessageInput!) { deleteMessage(input: $input) { deleted } }`;

type Send = <T>(query: string, input: Record<string, unknown>) => Promise<T>;

/** Sends GraphQL over HTTP with keep-alive, one request at a time on each connection. */
function graphqlSender(url: string, connections: number): { send: Send; close: () => Promise<void> } {
  const pool = new Pool(url, { connections, pipelining: 1 });
  const path = `${new URL(url).pathname.replace(/\/$/, "")}/api/graphql`;
  const { TOKEN } = process.env;
  const headers = {
    "content-type": "application/json",
    accept: "application/json",
    ...(TOKEN && { authorization: `Bearer ${TOKEN}` }),
  };
  const send: Send = async (query, input) => {
    const body = JSON.stringify({ query, variables: { input } });
    const answered = await pool.request({ method: "POST", path, headers, body });
    const answer = JSON.parse(await answered.body.text());
    if (answer.errors !== undefined) throw new Error(JSON.stringify(answer.errors));
    return answer.data;
  };
  return { send, close: () => pool.destroy() };
}

/** Isimud as programs use it: GraphQL over HTTP. */
export async function graphqlClient(url: string, connections: number): Promise<Contender> {
  const { send, close } = graphqlSender(url, connections);
  const queue = { project: "bench", queue: "bench" };
  await send(`mutation Create($input: CreateQueueInput!) { createQueue(input: $input) { created } }`, queue);
  return {
    name: "isimud graphql",
    async post(count) {
      const messages = Array.from({ length: count }, () => ({ body: { text: JSON.stringify(payload()) } }));
      await send(POST, { ...queue, messages, clientId: "bench" });
    },
    async take(count) {
      const { createClaim } = await send<{
        createClaim: { claim: { id: string } | null; messages: { id: string; bodyText: string }[] };
      }>(CLAIM, { ...queue, limit: count, clientId: "bench" });
      if (createClaim.claim === null) return [];
      const { id: claimId } = createClaim.claim;
      const ids = createClaim.messages.map((message) => message.id);
      if (ids.length === 1) await send(DELETE_ONE, { ...queue, id: ids[0], claimId });
      else await send(DELETE, { ...queue, ids, claimIds: [claimId] });
      return createClaim.messages.map((message) => JSON.parse(message.bodyText).n);
    },
    close,
  };
}
