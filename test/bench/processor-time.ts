import { Pool } from "undici";
import type { BenchServer } from "./graphql-server.ts";
import { median, summary } from "./rounds.ts";

const CONNECTIONS = 8;
const REQUESTS = 1000;
/** What is sent: the cheapest request that there is, and the most common one. */
const DOCUMENTS: Readonly<Record<string, string>> = {
  "who is asking": "{ viewer { actor } }",
  "a post of one message": `mutation { postMessages(input: {
    project: "bench", queue: "time", createQueue: true, messages: [{ body: { json: 1 } }]
  }) { ids } }`,
};

interface Timed {
  name: string;
  server: BenchServer;
  token?: string;
}

/**
 * The processor time that each server takes for a request, in interleaved rounds. Whatever else the machine does
 * lengthens it little, while a rate falls with every other program.
 */
export async function processorTime(servers: readonly Timed[], rounds: number): Promise<void> {
  for (const [what, query] of Object.entries(DOCUMENTS)) {
    const times: number[][] = servers.map(() => []);
    // The first round, in which the just-in-time compiler gets to know the code, is not counted.
    for (let round = -1; round < rounds; round += 1) {
      for (let turn = 0; turn < servers.length; turn += 1) {
        const index = (turn + round + 1) % servers.length;
        const microseconds = await timeOf(servers[index] as Timed, query);
        if (round >= 0) times[index]?.push(microseconds);
      }
    }
    console.log(`\nProcessor time of the server in microseconds, ${what}: median of ${rounds} times ${REQUESTS}`);
    for (const [index, { name }] of servers.entries()) {
      const own = times[index] as number[];
      const ratio = median(own) / median(times[0] as number[]);
      console.log(`  ${name.padEnd(16)} ${summary(own, 1)}, x${ratio.toFixed(3)}`);
    }
  }
}

/** Microseconds of one request. */
async function timeOf({ server, token }: Timed, query: string): Promise<number> {
  const pool = new Pool(server.url, { connections: CONNECTIONS, pipelining: 1 });
  const headers = {
    "content-type": "application/json",
    accept: "application/json",
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };
  const body = JSON.stringify({ query });
  let left = REQUESTS;
  const caller = async () => {
    for (; left > 0; left -= 1) {
      const answer = await pool.request({ method: "POST", path: "/api/graphql", headers, body });
      const { errors } = JSON.parse(await answer.body.text());
      if (errors !== undefined) throw new Error(JSON.stringify(errors));
    }
  };
  const before = await server.processorMicroseconds();
  await Promise.all(Array.from({ length: CONNECTIONS }, caller));
  const after = await server.processorMicroseconds();
  await pool.destroy();
  return (after - before) / REQUESTS;
}
