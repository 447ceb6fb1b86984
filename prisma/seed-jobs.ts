/** A job that fails, as jobs do whose queue somebody deletes. */
import type { Call } from "./seed-api.ts";

const QUEUE = { project: "shop", queue: "load-test" };

/** Does nothing when there is one already. The job fails a moment after this returns. */
export async function fillJobs(call: Call): Promise<void> {
  const { jobs } = await call<{ jobs: { nodes: object[] } | null }>(
    "query ($target: String!) { jobs(target: $target, first: 1) { nodes { id } } }",
    { target: QUEUE.queue },
  );
  if (jobs !== null && jobs.nodes.length > 0) return;
  await call("mutation ($input: CreateQueueInput!) { createQueue(input: $input) { created } }", { input: QUEUE });
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
}
