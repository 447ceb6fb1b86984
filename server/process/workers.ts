/** Several server processes on one port and one database, for machines with more cores. */
import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type Config, environmentForChild } from "../config.ts";
import { EACH_LISTENS, findPort, holdSharedPort } from "../http/listening.ts";
import { MetricsExchange } from "../metrics/exchange.ts";
import type { Stoppable } from "./shutdown.ts";
import { StartError } from "./start-error.ts";

const PROGRAM = fileURLToPath(new URL("../main.ts", import.meta.url));
const RESTART_MS = 1000;

/** What a worker sends to its parent once it listens. */
export interface WorkerReady {
  url: string;
}

/**
 * Resolves when all workers listen. A worker that dies is started again a second later; one that exits with code 0 is
 * not. Closing asks each worker to end, and waits for it. When the parent dies, the workers end too.
 *
 * Hazard: workers must accept connections themselves. By default the parent of Node's cluster accepts and hands over.
 * If the worker dies meanwhile, the connection stays open in the parent for ever, unanswered.
 */
export async function runWorkers(
  config: Config & { DATABASE_URL: string; SECRET_KEY: string },
): Promise<WorkerReady & Stoppable> {
  const { DATABASE_URL, SECRET_KEY, WORKERS } = config;
  const port = await findPort(config);
  const release = EACH_LISTENS ? await holdSharedPort({ ...config, PORT: port }) : () => {};
  const environment = environmentForChild({ DATABASE_URL, SECRET_KEY, PORT: String(port) });
  const workers = new Set<Worker>();
  const metrics = new MetricsExchange();
  let closing = false;
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  // JSON, the default, would make null of a metric that is not a number.
  cluster.setupPrimary({ exec: PROGRAM, execArgv: process.execArgv, serialization: "advanced" });

  const fork = async (): Promise<string> => {
    const worker = cluster.fork(environment);
    workers.add(worker);
    metrics.add(worker);
    worker.once("exit", (code, signal) => {
      workers.delete(worker);
      if (closing || code === 0) return;
      console.error(`A worker ended with ${signal ?? code}. Starting another one.`);
      setTimeout(() => {
        if (!closing) fork().catch(() => undefined);
      }, RESTART_MS);
    });
    const ended = once(worker, "exit").then(() => {
      throw new StartError("A worker ended before it could serve. What it printed says why.");
    });
    const ready = new Promise<string>((resolve) => {
      worker.on("message", (message: Partial<WorkerReady>) => message.url && resolve(message.url));
    });
    const url = await Promise.race([ready, ended]);
    ended.catch(() => undefined);
    return url;
  };

  const close = async () => {
    closing = true;
    await Promise.all(
      [...workers].map(async (worker) => {
        const exited = once(worker, "exit");
        worker.process.kill("SIGTERM");
        await exited;
      }),
    );
    release();
  };
  try {
    const [url] = await Promise.all(Array.from({ length: WORKERS }, fork));
    return { url: url as string, close };
  } catch (error) {
    await close();
    throw error;
  }
}
