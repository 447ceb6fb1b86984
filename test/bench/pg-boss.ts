import { PgBoss } from "pg-boss";
import { type Contender, payload } from "./contender.ts";

const QUEUE = "bench";
const CONNECTIONS = 16;

/** pg-boss by its own calls: insert, fetch, deleteJob. */
export async function pgBoss(url: string): Promise<Contender> {
  const boss = new PgBoss({ connectionString: url, max: CONNECTIONS, supervise: false, schedule: false });
  let closing = false;
  // Its connections outlive its stop, so they report that the database stops.
  boss.on("error", (error) => closing || console.error("pg-boss:", error));
  await boss.start();
  await boss.createQueue(QUEUE);
  return {
    name: "pg-boss",
    async post(count) {
      if (count === 1) await boss.send(QUEUE, payload());
      else
        await boss.insert(
          QUEUE,
          Array.from({ length: count }, () => ({ data: payload() })),
        );
    },
    async take(count) {
      const jobs = await boss.fetch<{ n: number }>(QUEUE, { batchSize: count });
      if (jobs.length === 0) return [];
      await boss.deleteJob(
        QUEUE,
        jobs.map((job) => job.id),
      );
      return jobs.map((job) => job.data.n);
    },
    async close() {
      closing = true;
      await boss.stop({ graceful: false });
    },
  };
}
