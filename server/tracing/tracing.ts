/** Traces for OpenTelemetry. */
import type { FastifyInstance } from "fastify";
import type { Config } from "../config.ts";
import type { FailureLog } from "../failure-log.ts";
import type { Executor } from "../graphql/http/execute.ts";
import type { Operations } from "../operations/operations.ts";
import type { PooledDataDriver } from "../storage/pooled-data-driver.ts";

export interface Tracing {
  /**
   * Gives each request a span, whose parent is what the client sent as `traceparent`. Call it before any other hook is
   * added.
   */
  traceRequests(app: FastifyInstance): void;
  /** The executor, which gives each query and mutation of a request a span. */
  traceExecutor(executor: Executor): Executor;
  /** The operations, which give each post, claim, pop and delete of a request a span. */
  traceOperations(operations: Operations, data: Pick<PooledDataDriver, "messages">): Operations;
  /** Sends what has not been sent, for two seconds at most. Never throws: what could not be sent is lost. */
  close(): Promise<void>;
}

export interface TracingParts {
  config: Config;
  /** Where spans are sent to. */
  url: string;
  failures: FailureLog;
  /** Logs what OpenTelemetry's libraries complain of. */
  warn: (message: string) => void;
}
