import { createPostgresBackend, Queue, Worker } from "bullmq";
import { type Contender, payload } from "./contender.ts";

type Payload = ReturnType<typeof payload>;

const QUEUE = "bench";
const CONNECTIONS = 16;

/** BullMQ on PostgreSQL by its own calls: add and addBulk, and its worker, which runs `clients` jobs at a time. */
export async function bullmq(url: string): Promise<Contender> {
  const connection = { connectionString: url, max: CONNECTIONS, schema: "bullmq" };
  // A completed job is deleted, as the others delete theirs.
  const options = { connection: { ...connection, migrate: true }, defaultJobOptions: { removeOnComplete: true } };
  const queue = new Queue(QUEUE, options, createPostgresBackend);
  queue.on("error", () => undefined);
  await queue.waitUntilReady();
  return {
    name: "bullmq",
    async post(count) {
      if (count === 1) await queue.add(QUEUE, payload());
      else await queue.addBulk(Array.from({ length: count }, () => ({ name: QUEUE, data: payload() })));
    },
    take: () => Promise.reject(new Error("BullMQ is driven by its worker.")),
    async drain(clients, total) {
      const taken: number[] = [];
      const { promise: done, resolve: finished, reject: failed } = Promise.withResolvers<void>();
      const worker = new Worker(
        QUEUE,
        async ({ data }: { data: Payload }) => {
          taken.push(data.n);
        },
        { connection, concurrency: clients },
        createPostgresBackend,
      );
      let completed = 0;
      worker.on("completed", () => {
        completed += 1;
        if (completed >= total) finished();
      });
      worker.on("failed", (_job, error) => failed(error));
      worker.on("error", failed);
      try {
        await done;
      } finally {
        await worker.close();
      }
      return taken;
    },
    close: () => queue.close(),
  };
}
