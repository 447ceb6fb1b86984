/** What this process counts for Prometheus. Labels are from small closed sets: never a queue, a project, or anything that a client chose. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "@prometheus-io/client";
import type { DataDriver } from "./storage/data-driver.ts";

type MessageAction = "posted" | "claimed" | "deleted" | "popped";

export interface Metrics {
  readonly messages: Counter<"action">;
  readonly httpSeconds: Histogram<"method" | "route" | "status">;
  readonly graphqlOperations: Counter<"type" | "outcome">;
  readonly graphqlSeconds: Histogram<"type" | "outcome">;
  readonly collected: Counter<"kind">;
  /** In Prometheus' text format. */
  text(): Promise<{ body: string; contentType: string }>;
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createMetrics(params: {
  /** Of the control database's pool of connections. */
  connections: () => { total: number; idle: number; waiting: number };
}): Metrics {
  // Its own registry, not the process-wide one: tests open several engines in a process.
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  new Gauge({
    name: "isimud_database_connections",
    help: "Connections to the control database: open, of those idle, and callers that wait for one.",
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
      help: "Time from a request's arrival to the end of its answer; streams are not in it.",
      labelNames: ["method", "route", "status"],
      buckets: SECONDS,
      registers,
    }),
    graphqlOperations: new Counter({
      name: "isimud_graphql_operations_total",
      help: "GraphQL operations by type, and whether they had errors.",
      labelNames: ["type", "outcome"],
      registers,
    }),
    graphqlSeconds: new Histogram({
      name: "isimud_graphql_operation_seconds",
      help: "Time that GraphQL operations took, those of pages too; subscriptions are not in it.",
      labelNames: ["type", "outcome"],
      buckets: SECONDS,
      registers,
    }),
    collected: new Counter({
      name: "isimud_collected_total",
      help: "What garbage collection freed in this process.",
      labelNames: ["kind"],
      registers,
    }),
    text: async () => ({ body: await registry.metrics(), contentType: registry.contentType }),
  };
}

/** The same driver, counting what its calls did. A call that failed counts nothing. */
export function countMessages<T extends DataDriver>(driver: T, messages: Metrics["messages"]): T {
  const count = (action: MessageAction, number: number) => {
    if (number > 0) messages.inc({ action }, number);
  };
  const counted = {
    messages: observe(driver.messages, {
      post: ({ ids }) => count("posted", ids.length),
      pop: (taken) => count("popped", taken.length),
      delete: (outcome) => count("deleted", outcome === "deleted" ? 1 : 0),
      bulkDelete: (number) => count("deleted", number),
    }),
    claims: observe(driver.claims, { create: (taken) => count("claimed", taken.messages.length) }),
  };
  return new Proxy(driver, {
    get(target, key) {
      if (key === "messages" || key === "claims") return counted[key];
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

type Observers<T> = {
  [K in keyof T]?: T[K] extends (...args: never[]) => Promise<infer R> ? (result: R) => void : never;
};

/** Methods run on the object itself: private fields do not exist on a proxy. */
function observe<T extends object>(target: T, observers: Observers<T>): T {
  const methods = new Map<PropertyKey, unknown>();
  return new Proxy(target, {
    get(_, key) {
      const known = methods.get(key);
      if (known !== undefined) return known;
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      const observer = (observers as Record<PropertyKey, ((result: unknown) => void) | undefined>)[key];
      const method = observer
        ? async (...args: unknown[]) => {
            const result: unknown = await value.apply(target, args);
            observer(result);
            return result;
          }
        : value.bind(target);
      methods.set(key, method);
      return method;
    },
  });
}
