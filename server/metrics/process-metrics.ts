/**
 * What this process counts for Prometheus. Labels come from small closed sets: never a queue, a project, or anything
 * else that a client chooses.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "@prometheus-io/client";
import type { PooledDataDriver } from "../storage/pooled-data-driver.ts";
import type { Snapshot } from "./snapshot.ts";

const ACTIONS = ["posted", "claimed", "deleted", "popped"] as const;
type MessageAction = (typeof ACTIONS)[number];
const OPERATION_TYPES = ["query", "mutation", "subscription"] as const;
const OUTCOMES = ["ok", "error"] as const;

export interface Metrics {
  readonly messages: Counter<"action">;
  readonly httpSeconds: Histogram<"method" | "route" | "status">;
  readonly graphqlOperations: Counter<"type" | "outcome">;
  readonly graphqlSeconds: Histogram<"type" | "outcome">;
  readonly collected: Counter<"kind">;
  /** The values of all metrics of this process, as far as they are known. */
  snapshot(): Promise<Snapshot>;
  /** The values of those that only grow. */
  counts(): Promise<Snapshot>;
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createMetrics(params: {
  /** Counts of the connections to the control database; `waiting` counts callers. */
  connections: () => { total: number; idle: number; waiting: number };
}): Metrics {
  // Not the process-wide registry: tests open several engines in one process.
  const registry = new Registry();
  // The summary below is not shown, and each of its buckets costs time.
  collectDefaultMetrics({ register: registry, eventLoopUtilizationAgeBuckets: 1 });
  // Quantiles of several workers cannot be put together. Its histogram tells the same.
  registry.removeSingleMetric("nodejs_eventloop_utilization_summary");
  chooseAggregators(registry);
  const registers = [registry];
  new Gauge({
    name: "isimud_database_connections",
    help: "Connections to the control database: total, those of them that are idle, and callers that wait for one.",
    labelNames: ["state"],
    registers,
    collect() {
      for (const [state, count] of Object.entries(params.connections())) this.set({ state }, count);
    },
  });
  const messages = new Counter({
    name: "isimud_messages_total",
    help: "Messages that were posted, claimed, deleted or popped here.",
    labelNames: ["action"],
    registers,
  });
  const graphqlOperations = new Counter({
    name: "isimud_graphql_operations_total",
    help: "GraphQL operations by type and outcome (ok, error).",
    labelNames: ["type", "outcome"],
    registers,
  });
  // Of a series that begins with its first event, Prometheus would not see that event.
  for (const action of ACTIONS) messages.inc({ action }, 0);
  for (const type of OPERATION_TYPES) for (const outcome of OUTCOMES) graphqlOperations.inc({ type, outcome }, 0);
  return {
    messages,
    graphqlOperations,
    httpSeconds: new Histogram({
      name: "isimud_http_request_seconds",
      help: "Time from the arrival of a request to the end of its answer; without streams.",
      labelNames: ["method", "route", "status"],
      buckets: SECONDS,
      registers,
    }),
    graphqlSeconds: new Histogram({
      name: "isimud_graphql_operation_seconds",
      help: "Duration of GraphQL operations, those of pages included; without subscriptions.",
      labelNames: ["type", "outcome"],
      buckets: SECONDS,
      registers,
    }),
    collected: new Counter({
      name: "isimud_collected_total",
      help: "What garbage collection deleted, when a process here ran it.",
      labelNames: ["kind"],
      registers,
    }),
    async snapshot() {
      const metrics = await registry.getMetricsAsJSON();
      return metrics.map((metric) => ({ ...metric, values: metric.values.filter(isKnown) }));
    },
    async counts() {
      // Only these are read: others, such as the number of open files, cost more.
      const counts = registry
        .getMetricsAsArray()
        .filter((metric) => metric instanceof Counter || metric instanceof Histogram);
      return Promise.all(counts.map((metric) => metric.get()));
    },
  };
}

/** Just after the start the lag of the event loop has no mean. Among several workers it would hide that of the others. */
const isKnown = ({ value }: { value: number }) => !Number.isNaN(value);

/**
 * How the values of several workers are put together, where the library would leave them out, or take the mean of their
 * percentiles.
 */
function chooseAggregators(registry: Registry): void {
  for (const metric of registry.getMetricsAsArray()) {
    if (metric.aggregator === "average") metric.aggregator = "max";
    if (metric.aggregator === "omit") metric.aggregator = "min";
  }
}

/**
 * The driver with its successful calls counted. Hazard: it copies the methods, which must not use `this`; those of the
 * pooling driver do not.
 */
export function countMessages(driver: PooledDataDriver, counter: Metrics["messages"]): PooledDataDriver {
  const { messages, claims } = driver;
  const count = (action: MessageAction, number: number) => {
    if (number > 0) counter.inc({ action }, number);
  };
  return {
    ...driver,
    messages: {
      ...messages,
      post: counted(messages.post, ({ ids }) => count("posted", ids.length)),
      pop: counted(messages.pop, (taken) => count("popped", taken.length)),
      delete: counted(messages.delete, (outcome) => count("deleted", outcome === "deleted" ? 1 : 0)),
      bulkDelete: counted(messages.bulkDelete, ({ deleted }) => count("deleted", deleted)),
    },
    claims: { ...claims, create: counted(claims.create, (taken) => count("claimed", taken.messages.length)) },
  };
}

/** `call`, whose results `observe` sees before the caller does. */
function counted<P, R>(call: (params: P) => Promise<R>, observe: (result: R) => void): (params: P) => Promise<R> {
  return (params) =>
    call(params).then((result) => {
      observe(result);
      return result;
    });
}
