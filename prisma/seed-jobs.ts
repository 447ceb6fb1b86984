/** A job that fails, because somebody deletes its queue and creates it again. */
import { setTimeout as delay } from "node:timers/promises";
import type { Call } from "./seed-api.ts";

const QUEUE = { project: "shop", queue: "load-test" };
const LOOK_MS = 200;
/** About ten seconds. A job that takes longer fails as well, but nobody sees the problem then. */
const LOOKS = 50;

/** Does nothing when there is one already. */
export async function fillJobs(call: Call): Promise<void> {
  const read = async () => {
    const { jobs } = await call<{ jobs: { nodes: { finishedAt: string | null }[] } | null }>(
      "query ($target: String!) { jobs(target: $target, first: 1) { nodes { finishedAt } } }",
      { target: QUEUE.queue },
    );
    return jobs?.nodes[0] ?? null;
  };
  const create = () =>
    call("mutation ($input: CreateQueueInput!) { createQueue(input: $input) { created } }", { input: QUEUE });
  if ((await read()) !== null) return;
  await create();
  await call("mutation ($input: GenerateMessagesInput!) { generateMessages(input: $input) { job { id } } }", {
    input: {
      ...QUEUE,
      messages: 100_000,
      ratePerSecond: 10,
      body: { json: { load: "test" } },
      reason: "how fast is it?",
    },
  });
  await call("mutation ($input: DeleteQueueInput!) { deleteQueue(input: $input) { deleted } }", { input: QUEUE });
  for (let look = 0; look < LOOKS && (await read())?.finishedAt === null; look += 1) await delay(LOOK_MS);
  await create();
}
