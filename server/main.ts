/**
 * The program: one process with the engine, the API and the pages. `isimud start` prepares what it needs and
 * runs it. Run directly, it needs DATABASE_URL, SECRET_KEY and built pages.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import cluster from "node:cluster";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { EVERYTHING } from "./access/access.ts";
import { isAbout } from "./access/changes.ts";
import { createShell } from "./access/shell.ts";
import { type Engine, openEngine } from "./bootstrap.ts";
import * as COMMAND_DOCUMENTS from "./cli/service-documents.ts";
import { type Config, readConfig } from "./config.ts";
import { DomainError } from "./errors.ts";
import { FailureLog } from "./failure-log.ts";
import { startGcSchedule } from "./gc-schedule.ts";
import { createGraphQLDoor, type GraphQLDoor } from "./graphql/http/server.ts";
import { TrustedDocuments } from "./graphql/http/trusted-documents.ts";
import { startFlushSchedule } from "./history/flush-schedule.ts";
import { FINEST } from "./history/sample.ts";
import { startSampler } from "./history/sampler.ts";
import { addAuthRoutes } from "./http/auth-routes.ts";
import { addExportRoutes } from "./http/export-routes.ts";
import { EACH_LISTENS, listenAddress, urlHost } from "./http/listening.ts";
import { NOBODY } from "./http/nobody.ts";
import type { Pages } from "./http/pages.ts";
import { createHttpServer, type HttpServerParts, refuseUpgrade, type Viewer } from "./http/server.ts";
import { startJobRunner } from "./jobs/runner.ts";
import { joinExchange, soleWorker, type WorkerMetrics } from "./metrics/exchange.ts";
import { createScrape } from "./metrics/scrape.ts";
import { prepareFirstAdmin } from "./operations/people/first-admin.ts";
import { createLog } from "./process/log.ts";
import { readPageDocuments, registeredDocuments } from "./process/page-documents.ts";
import { Shutdown, type Stoppable } from "./process/shutdown.ts";
import { explain } from "./process/start-error.ts";
import type { WorkerReady } from "./process/workers.ts";
import { openTracing } from "./tracing/open.ts";

/** The name of `execute` on globalThis. Next bundles its own copy of each module, so pages cannot import the engine. */
const EXECUTE = Symbol.for("isimud.execute");
/** How long each part may take to close: a storage may no longer answer. */
const CLOSE_DEADLINE_MS = 6000;

export interface RunningServer extends Stoppable {
  /** Where it listens, BASE_PATH included. */
  readonly url: string;
  readonly engine: Engine;
}

/**
 * Resolves when the server listens. If it fails, it closes what it opened. Closing goes in this order: readiness says
 * no, listening ends, streams complete and requests in flight get their answers, then gc, pages and drivers close.
 * Closing is idempotent.
 */
export async function serve(
  config: Config,
  options: { dev: boolean; pages?: boolean; log?: Logger; clock?: { offsetMs: number } },
): Promise<RunningServer> {
  const { dev, log = createLog(config) } = options;
  const closing: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const step of closing.reverse()) {
      await step().catch((error: unknown) => log.error({ err: error }, "A part of the process did not close"));
    }
  };
  try {
    const tracing = await openTracing({ config, failures: createFailureLog(log), warn: (text) => log.warn(text) });
    if (tracing !== null) closing.push(() => tracing.close());
    const engine = await openEngine(config, { log, clock: options.clock });
    closing.push(() => within(CLOSE_DEADLINE_MS, engine.close()));
    await engine.operations.problemRounds.endUnwatched();
    for (const part of startBackgroundWork(engine, config, log)) {
      closing.push(() => within(CLOSE_DEADLINE_MS, part.stop()));
    }

    const door = createGraphQLDoor({
      operations: tracing?.traceOperations(engine.operations, engine.data) ?? engine.operations,
      traceExecutor: tracing?.traceExecutor,
      limits: config,
      log,
      accessOf: (request) => request.access,
      explorerPath: `${config.BASE_PATH}/graphql`,
      trusted: new TrustedDocuments({
        only: config.TRUSTED_DOCUMENTS === "on",
        builtIn: [...readPageDocuments(), ...Object.values(COMMAND_DOCUMENTS).map(String)],
        folder: registeredDocuments(config),
        onError: (error) => log.warn({ err: error }, "The registered documents cannot be read"),
      }),
      onOperation: (operation, seconds) => {
        engine.metrics.graphqlOperations.inc(operation);
        if (operation.type !== "subscription") engine.metrics.graphqlSeconds.observe(operation, seconds);
      },
    });
    // With AUTH=none nobody loses rights, and nothing needs to be heard.
    if (engine.identification !== null) {
      // It begins to hear before anybody can wait.
      let hears = false;
      const stop = engine.changes.watch((change) => {
        if (hears || change !== null) door.endWaitsOf((access) => isAbout(change, access));
        hears = true;
      });
      closing.push(async () => stop());
    }
    const pages = options.pages === false ? null : await openPagesAs(config, dev, door.executeAs);
    if (pages) closing.push(() => pages.open.close());

    const workers = joinWorkers(engine);
    closing.push(() => workers.stop());
    const { app, drain } = await createHttpServer({
      config,
      log,
      dev,
      pages,
      credentials: engine.identification?.credentials ?? null,
      health: engine.operations.health,
      metrics: engine.metrics,
      traceRequests: tracing?.traceRequests,
      scrape: createScrape({
        workers,
        operations: engine.operations.metrics,
        warn: (message, error) => log.warn({ err: error }, message),
      }),
      addApi: (api) => {
        api.register(door.routes, { prefix: "/graphql" });
        if (engine.accounts.signIn) addAuthRoutes(api, { signIn: engine.accounts.signIn, config });
        addExportRoutes(api, {
          exports: door.exports,
          settingsFile: engine.operations.settingsFile,
          signalOf: door.signalOf,
        });
      },
    });
    const upgraded = acceptUpgrades(app.server, config, dev ? (pages?.open ?? null) : null);
    // Fastify's types lack reusePort, but it passes all options on to Node.
    const listenOptions = {
      host: listenAddress(config),
      port: config.PORT,
      reusePort: cluster.isWorker && EACH_LISTENS,
    };
    await app.listen(listenOptions);

    const { port } = app.server.address() as AddressInfo;
    const finish = async ({ hasty }: { hasty: boolean }) => {
      drain({ hasty });
      engine.operations.endWaits();
      if (!hasty) await sleep(config.DRAIN_SECONDS * 1000);
      for (const socket of upgraded) socket.destroy();
      await app.close();
      await close();
    };
    let finished: Promise<void> | undefined;
    return {
      url: `http://${urlHost(config)}:${port}${config.BASE_PATH}`,
      engine,
      close: (how) => {
        finished ??= finish(how);
        return finished;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function createFailureLog(log: Logger): FailureLog {
  return new FailureLog({
    warn: (message, error) => log.warn({ err: error }, message),
    info: (message) => log.info(message),
  });
}

/** How long before the next turn a turn ends, for a process whose timer is early. */
const TURN_SECONDS = FINEST - 1;

/** Seconds between two looks for problems that no sample tells. */
const PROBLEM_SECONDS = 30;

/** Starts what runs between requests: garbage collection, jobs and samples. */
function startBackgroundWork(engine: Engine, config: Config, log: Logger): { stop(): Promise<void> }[] {
  const { gc, jobs, healthHistory, queueSampling, problemRounds } = engine.operations;
  const gcSchedule = startGcSchedule({
    collect: async (access) => {
      const report = await gc.collect(access, {});
      for (const [kind, number] of Object.entries(report.total)) engine.metrics.collected.inc({ kind }, number);
      return report;
    },
    intervalSeconds: config.GC_INTERVAL,
    failures: createFailureLog(log),
  });
  const runner = startJobRunner({
    store: engine.jobs,
    work: jobs.work,
    beside: jobs.recoverMoves,
    isSuspended: () => engine.operations.readOnly.isOn(),
    maxWaitSeconds: config.MAX_JOB_WAIT,
    onError: (error) => log.warn({ err: error }, "A job, or the search for one, failed"),
  });
  jobs.onChanged(runner.wake);
  const problems = startSampler({
    name: "problems",
    sample: problemRounds.find,
    turns: engine.turns,
    turnSeconds: PROBLEM_SECONDS,
    pace: { lookEveryMs: 5000 },
    onError: (error) => log.warn({ err: error }, "The look for problems failed; the next one comes soon"),
  });
  const parts: { stop(): Promise<void> }[] = [gcSchedule, runner, problems];
  if (engine.identification !== null) {
    const { writeUses, exchangeCounts } = engine.identification;
    const failures = createFailureLog(log);
    parts.push(
      startFlushSchedule({ what: "The record of used tokens", flush: writeUses, everySeconds: 5, failures }),
      startFlushSchedule({ what: "The exchange of counts", flush: exchangeCounts, everySeconds: 1, failures }),
    );
  }
  if (config.HEALTH_INTERVAL > 0) {
    const health = startSampler({
      name: "health",
      sample: healthHistory.sample,
      turns: engine.turns,
      turnSeconds: config.HEALTH_INTERVAL,
      pace: { lookEveryMs: 5000 },
      onError: (error) =>
        log.warn({ err: error }, "Sampling the health of the pools failed; the next sample comes soon"),
    });
    parts.push(health);
  }
  if (config.QUEUE_SAMPLES === "on") {
    const queues = startSampler({
      name: "queues",
      sample: queueSampling.sample,
      turns: engine.turns,
      turnSeconds: TURN_SECONDS,
      pace: { alignedSeconds: FINEST },
      onError: (error) => log.warn({ err: error }, "Sampling the queues failed; the next sample comes soon"),
    });
    const consumers = startFlushSchedule({
      what: "The record of consumers",
      flush: engine.operations.consumers.flush,
      everySeconds: FINEST,
      failures: createFailureLog(log),
    });
    parts.push(queues, consumers);
  }
  return parts;
}

/**
 * Pages run documents in the name of the caller: an AsyncLocalStorage carries the viewer of the request that renders.
 */
async function openPagesAs(
  config: Config,
  dev: boolean,
  executeAs: GraphQLDoor["executeAs"],
): Promise<NonNullable<HttpServerParts["pages"]>> {
  const callers = new AsyncLocalStorage<Viewer>();
  const execute = async (document: string, variables?: Record<string, unknown>) => {
    const viewer = callers.getStore();
    if (!viewer) throw new DomainError("INTERNAL", "A page ran a document outside of a request.");
    if (viewer.access === null) return NOBODY.body;
    return executeAs(viewer.access, viewer)(document, variables);
  };
  Object.assign(globalThis, { [EXECUTE]: execute });
  const { openPages } = await import("./http/pages.ts");
  const open = await openPages({ dev, config });
  return { open, as: (viewer, render) => callers.run(viewer, render) };
}

/**
 * The only code that accepts upgrades: hot reload in development, and nothing else so far. Returns the upgraded
 * sockets. Hazard: a server forgets such a socket, and still waits for it when it closes.
 */
function acceptUpgrades(server: Server, config: Config, pages: Pages | null): Set<Duplex> {
  const shell = createShell(config);
  const sockets = new Set<Duplex>();
  server.on("upgrade", (request, socket: Duplex, head) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    try {
      shell(request);
    } catch (error) {
      const status = error instanceof DomainError ? error.status : 500;
      refuseUpgrade(socket, status, status === 421 ? "Misdirected Request" : "Forbidden");
      return;
    }
    if (!pages?.upgrade(request, socket, head)) refuseUpgrade(socket, 404, "Not Found");
  });
  return sockets;
}

function joinWorkers({ metrics }: Engine): WorkerMetrics {
  const { worker } = cluster;
  return worker === undefined ? soleWorker(metrics.snapshot) : joinExchange({ parent: worker, metrics });
}

async function within(milliseconds: number, work: Promise<void>): Promise<void> {
  const late = sleep(milliseconds, "late" as const, { ref: false });
  if ((await Promise.race([work, late])) === "late")
    throw new Error("It took too long; the rest is closed without it.");
}

if (import.meta.main) {
  const shutdown = new Shutdown();
  try {
    const { url, engine } = await shutdown.step(() => serve(readConfig(), { dev: process.argv.includes("--dev") }));
    if (cluster.isWorker) process.send?.({ url } satisfies WorkerReady);
    else {
      console.log(`Isimud is at ${url}`);
      const start = { actor: "isimud:start", kind: "service", rights: EVERYTHING, requestId: "start" } as const;
      const forFirstAdmin = await prepareFirstAdmin(engine, start);
      if (forFirstAdmin !== null) console.log(forFirstAdmin);
    }
  } catch (error) {
    const interrupted = shutdown.signal.aborted;
    if (!interrupted) console.error(explain(error));
    await shutdown.now({ hasty: true });
    if (!interrupted) process.exit(1);
  }
}
