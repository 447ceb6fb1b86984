/** What Prometheus reads: of all workers of this host, and of the whole installation. */
import type { Access } from "../access/access.ts";
import type { MetricsOperations } from "../operations/metrics.ts";
import { withDeadline } from "../storage/deadlines/deadline.ts";
import type { WorkerMetrics } from "./exchange.ts";
import { measuredMetrics } from "./measured.ts";
import { type Snapshot, textOf } from "./snapshot.ts";

/** How long the control database may take. Then the rest is told without what it knows. */
const MEASURES_MS = 2000;

/** Returns all metrics in the text format. Answers within three seconds. */
export type Scrape = (access: Access) => Promise<{ body: string; contentType: string }>;

export function createScrape(parts: {
  workers: Pick<WorkerMetrics, "collect">;
  operations: MetricsOperations;
  warn: (message: string, error: unknown) => void;
}): Scrape {
  const { workers, operations, warn } = parts;
  return async (access) => {
    const reading = operations.read(access, {}).catch((error: unknown) => {
      warn("The metrics of pools and queues could not be read", error);
      return null;
    });
    const [{ snapshots, answered, silent }, measures] = await Promise.all([
      workers.collect(),
      withDeadline(reading, MEASURES_MS, () => null),
    ]);
    return textOf([...snapshots, workerMetrics({ answered, silent }), measuredMetrics(measures)]);
  };
}

function workerMetrics(counts: { answered: number; silent: number }): Snapshot {
  const values = Object.entries(counts).map(([state, value]) => ({ labels: { state }, value }));
  const help =
    "Server processes of this host: those that are in this answer, and those that did not answer, of which only their last counts are.";
  return [{ name: "isimud_workers", help, type: "gauge", aggregator: "sum", values }];
}
