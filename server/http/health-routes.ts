/** The health of this service, for people, load balancers and Prometheus. */
import type { FastifyInstance } from "fastify";
import { requireEverywhere } from "../access/access.ts";
import type { Scrape } from "../metrics/scrape.ts";
import type { HealthOperations, HealthReport } from "../operations/health/health.ts";
import type { EventLoopWatch } from "./event-loop.ts";

const HEALTH_JSON = "application/health+json";

/** Readiness names the build of the pages: an open page of another build must not be refreshed. */
export const BUILD_HEADER = "x-isimud-build";

type Status = HealthReport["status"];

/** One measurement, with the names of the draft "Health Check Response Format for HTTP APIs". */
interface Check {
  componentType: "datastore" | "system" | "component";
  status: Status;
  observedValue?: number;
  observedUnit?: string;
  time: string;
  output?: string;
}

export function addHealthRoutes(
  app: FastifyInstance,
  parts: {
    health: HealthOperations;
    scrape: Scrape;
    eventLoop: EventLoopWatch;
    isDraining: () => boolean;
    /** Null: an API without pages. */
    build: string | null;
  },
): void {
  const { health, scrape, eventLoop, isDraining, build } = parts;

  app.get("/health", async (request, reply) => {
    requireEverywhere(request.access, "read");
    const report = await health.check(request.access, {});
    return reply
      .code(report.status === "fail" ? 503 : 200)
      .type(HEALTH_JSON)
      .send({
        status: report.status,
        description: "Isimud, a message-queue service",
        ...(report.warnings.length > 0 && { notes: report.warnings }),
        checks: checksOf(report, eventLoop),
      });
  });

  // Asks nobody but this process: a dead database is no reason to restart it.
  app.get("/health/live", async (_, reply) => {
    const { alive, milliseconds } = eventLoop.lag();
    return reply
      .code(alive ? 200 : 503)
      .type(HEALTH_JSON)
      .send({
        status: alive ? "pass" : "fail",
        checks: { "eventLoop:lag": [lagCheck(milliseconds, alive)] },
      });
  });

  app.get("/health/ready", async (_, reply) => {
    const output = isDraining() ? "This process is stopping." : await health.notReady();
    const ready = output === null;
    return reply
      .code(ready ? 200 : 503)
      .type(HEALTH_JSON)
      .headers({ ...(build !== null && { [BUILD_HEADER]: build }), ...(!ready && { "retry-after": "5" }) })
      .send({ status: ready ? "pass" : "fail", ...(!ready && { output }) });
  });

  app.get("/metrics", async (request, reply) => {
    requireEverywhere(request.access, "read");
    const { body, contentType } = await scrape(request.access);
    return reply.type(contentType).send(body);
  });
}

function checksOf(report: HealthReport, eventLoop: EventLoopWatch): Record<string, Check[]> {
  const now = new Date().toISOString();
  const { alive, milliseconds } = eventLoop.lag();
  const checks: Record<string, Check[]> = {
    "control:responseTime": [
      {
        componentType: "datastore",
        status: report.control.reachable ? "pass" : "fail",
        observedValue: inMilliseconds(report.control.durationSeconds),
        observedUnit: "ms",
        time: now,
      },
    ],
    "eventLoop:lag": [lagCheck(milliseconds, alive)],
  };
  for (const pool of report.pools) {
    const time = pool.checkedAt.toISOString();
    checks[`pool ${pool.pool}:reachable`] = [
      { componentType: "datastore", status: pool.storageReachable ? "pass" : "warn", time },
    ];
    if (pool.storageReachable) checks[`pool ${pool.pool}:writes`] = [writesCheck(pool, time)];
    for (const operation of pool.operations) {
      checks[`pool ${pool.pool}:${operation.operation}`] = [
        {
          componentType: "datastore",
          status: operation.succeeded ? "pass" : "warn",
          observedValue: inMilliseconds(operation.durationSeconds),
          observedUnit: "ms",
          time,
          ...(operation.error !== null && { output: operation.error }),
        },
      ];
    }
  }
  if (report.gc) {
    checks["gc:duration"] = [
      {
        componentType: "component",
        status: "pass",
        observedValue: inMilliseconds(report.gc.durationSeconds),
        observedUnit: "ms",
        time: report.gc.at.toISOString(),
      },
    ];
  }
  return checks;
}

function writesCheck({ writesRefused, freeBytes }: HealthReport["pools"][number], time: string): Check {
  return {
    componentType: "datastore",
    status: writesRefused === null ? "pass" : "warn",
    ...(freeBytes !== null && { observedValue: freeBytes, observedUnit: "bytes free" }),
    time,
    ...(writesRefused !== null && { output: writesRefused }),
  };
}

function lagCheck(milliseconds: number, alive: boolean): Check {
  return {
    componentType: "system",
    status: alive ? "pass" : "fail",
    observedValue: milliseconds,
    observedUnit: "ms",
    time: new Date().toISOString(),
  };
}

function inMilliseconds(seconds: number): number {
  return Math.round(seconds * 1_000_000) / 1000;
}
