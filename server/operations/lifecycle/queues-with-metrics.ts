import { DomainError } from "../../errors.ts";
import type { QueueController } from "../../storage/control-driver.ts";

/** Queues that metrics name. Each costs a dozen series, which Prometheus keeps for as long as its retention. */
export const MAX_QUEUES_WITH_METRICS = 100;

/**
 * Before a queue gets `_metrics: true`: TOO_LARGE when as many have it already. Two calls at once may both pass. Then
 * the metrics leave out the queue that was created last.
 */
export async function requireRoomForMetrics(queues: Pick<QueueController, "listWithMetrics">): Promise<void> {
  const others = await queues.listWithMetrics({ limit: MAX_QUEUES_WITH_METRICS });
  if (others.length < MAX_QUEUES_WITH_METRICS) return;
  throw new DomainError(
    "TOO_LARGE",
    `${MAX_QUEUES_WITH_METRICS} queues have _metrics already, and no more may. Switch it off for another queue first.`,
    { details: { field: "_metrics", value: others.length + 1, maximum: MAX_QUEUES_WITH_METRICS } },
  );
}
