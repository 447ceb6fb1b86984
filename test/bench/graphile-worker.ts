import { Logger, makeWorkerUtils, run } from "graphile-worker";
import pg from "pg";
import { type Contender, payload } from "./contender.ts";

const CONNECTIONS = 16;
const TASK = "bench";

/** graphile-worker by its own calls: addJob and addJobs, and its runner, which runs `clients` jobs at a time. */
export async function graphileWorker(url: string): Promise<Contender> {
  const pgPool = new pg.Pool({ connectionString: url, max: CONNECTIONS });
  pgPool.on("error", () => undefined);
  pgPool.on("connect", (client) => client.on("error", () => undefined));
  const logger = new Logger(() => () => undefined);
  const worker = await makeWorkerUtils({ pgPool, logger });
  await worker.migrate();
  return {
    name: "graphile-worker",
    async post(count) {
      if (count === 1) await worker.addJob(TASK, payload());
      else await worker.addJobs(Array.from({ length: count }, () => ({ identifier: TASK, payload: payload() })));
    },
    take: () => Promise.reject(new Error("graphile-worker is driven by its runner.")),
    async drain(clients, total) {
      const taken: number[] = [];
      let finished: () => void = () => undefined;
      const done = new Promise<void>((resolve) => {
        finished = resolve;
      });
      const runner = await run({
        pgPool,
        logger,
        concurrency: clients,
        noHandleSignals: true,
        pollInterval: 100,
        crontab: "",
        taskList: {
          [TASK]: (job) => {
            taken.push((job as { n: number }).n);
            if (taken.length >= total) finished();
          },
        },
      });
      await done;
      await runner.stop();
      return taken;
    },
    async close() {
      await worker.release();
      await pgPool.end();
    },
  };
}
