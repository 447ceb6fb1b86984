/**
 * What this process counts for Prometheus. Labels come from small closed sets: never a queue, a project, or anything
 * else that a client chooses.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "@prometheus-io/client";
import type { PooledDataDriver } from "./storage/pooled-data-driver.ts";

type MessageAction = "posted" | "claimed" | "deleted" | "popped";

export interface Metrics {
  readonly messages: Counter<"action">;
  readonly httpSeconds: Histogram<"method" | "route" | "status">;
  readonly graphqlOperations: Counter<"type" | "outcome">;
  readonly graphqlSeconds: Histogram<"type" | "outcome">;
  readonly collected: Counter<"kind">;
  /** All metrics in the text format of Prometheus. */
  text(): Promise<{ body: string; contentType: string }>;
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createMetrics(params: {
  /** Counts of the connections to the control database; `waiting` counts callers. */
  connections: () => { total: number; idle: number; waiting: number };
}): Metrics {
  // Not the process-wide registry: tests open several engines in one process.
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
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
  return {
    messages: new Counter({
      name: "isimud_messages_total",
      help: "Messages that this process posted, claimed, deleted or popped.",
      labelNames: ["action"],
      registers,
    }),
    httpSeconds: new Histogram({
      name: "isimud_http_request_seconds",
      help: "Time from the arrival of a request to the end of its answer; without streams.",
      labelNames: ["method", "route", "status"],
      buckets: SECONDS,
      registers,
    }),
    graphqlOperations: new Counter({
      name: "isimud_graphql_operations_total",
      help: "GraphQL operations by type and outcome (ok, error).",
      labelNames: ["type", "outcome"],
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
      help: "What garbage collection deleted in this process.",
      labelNames: ["kind"],
      registers,
    }),
    text: async () => ({ body: await registry.metrics(), contentType: registry.contentType }),
  };
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
      bulkDelete: counted(messages.bulkDelete, (number) => count("deleted", number)),
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
