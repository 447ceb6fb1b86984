/** The values of metrics at one moment: what processes send to each other, and how they are put together. */
import { type MetricObjectWithValues, type MetricValue, Registry } from "@prometheus-io/client";

type SnapshotMetric = Omit<MetricObjectWithValues<MetricValue<string>>, "collect">;
export type Snapshot = readonly SnapshotMetric[];

/** What only grows, and what must not be lost with the process that counted it. */
export function countsOf(snapshot: Snapshot): Snapshot {
  return snapshot.filter(({ type }) => type === "counter" || type === "histogram");
}

/** Each metric says how its values are put together: see its `aggregator`. */
export function put(snapshots: readonly Snapshot[]): Promise<Snapshot> {
  return registryOf(snapshots).getMetricsAsJSON();
}

/** In the text format of Prometheus. */
export async function textOf(snapshots: readonly Snapshot[]): Promise<{ body: string; contentType: string }> {
  const registry = registryOf(snapshots);
  return { body: await registry.metrics(), contentType: registry.contentType };
}

function registryOf(snapshots: readonly Snapshot[]): Registry {
  return Registry.aggregate(snapshots as object[]);
}
