/**
 * `isimud start`: prepares and runs the service from a fresh checkout, and stops it in order, the database last. `--dev`
 * reloads pages and server on change; `--build-only` builds and ends.
 */
import { type Command, Option } from "commander";
import type { Config } from "../config.ts";
import type { Shutdown, Stoppable } from "../process/shutdown.ts";

interface StartFlags {
  dev?: boolean;
  buildOnly?: boolean;
}

export function addStart(program: Command): void {
  program
    .command("start")
    .description("Run the service. Ctrl-C stops it in order.")
    .option("--dev", "in a checkout: reload pages and server on change")
    .addOption(new Option("--build-only", "in a checkout: build the pages if they changed, and end").conflicts("dev"))
    .action(async (flags: StartFlags) => {
      const { Shutdown } = await import("../process/shutdown.ts");
      const shutdown = new Shutdown();
      try {
        await start(flags, shutdown);
      } catch (error) {
        const interrupted = shutdown.signal.aborted;
        await shutdown.now({ hasty: true });
        if (!interrupted) throw error;
      }
    });
}

type ReadyConfig = Config & { DATABASE_URL: string; SECRET_KEY: string };

const report = (line: string) => console.log(line);

/** Imports modules when it needs them, so that `explain` can explain a missing package. */
async function start(flags: StartFlags, shutdown: Shutdown): Promise<void> {
  const { readConfig } = await import("../config.ts");
  const config = readConfig();
  const { findPort } = await import("../http/listening.ts");
  // Before the build, which takes minutes.
  if (!flags.buildOnly) await findPort(config);
  const { IS_CHECKOUT } = await import("../process/checkout.ts");
  if (IS_CHECKOUT) {
    const { generatePrismaClient } = await import("../../prisma/generate.ts");
    generatePrismaClient();
  } else if (flags.dev || flags.buildOnly) {
    const { StartError } = await import("../process/start-error.ts");
    throw new StartError("The package has no sources to build: use --dev and --build-only in a checkout.");
  }
  const build = async () => {
    const { buildPages } = await import("./build.ts");
    await buildPages({ basePath: config.BASE_PATH, report, signal: shutdown.signal });
    return undefined;
  };
  if (flags.buildOnly) {
    await shutdown.step(build);
    return;
  }

  const ready = await withDatabase(config, shutdown, () => {
    // It takes a second of this thread, while the database is created by other processes.
    if (!flags.dev && config.WORKERS === 1) import("../main.ts").catch(() => {});
  });
  if (flags.dev) {
    const { writePageDocuments } = await import("../process/page-documents.ts");
    await writePageDocuments();
    const { runAndReload } = await import("./reload.ts");
    const { DATABASE_URL, SECRET_KEY } = ready;
    await shutdown.step(async () => runAndReload({ DATABASE_URL, SECRET_KEY, DRAIN_SECONDS: "0" }));
    return;
  }
  if (IS_CHECKOUT) await shutdown.step(build);
  if (config.BASE_PATH !== "") await shutdown.step(() => preparePages(config));
  // Links and the session's cookie name the port, so PORT=0 becomes a number first.
  const atPort = { ...ready, PORT: await findPort(ready) };
  const { url } = await shutdown.step(() => run(atPort));
  const forFirstAdmin = await firstAdminNotice(atPort);
  report(
    [
      `Isimud is at ${url}`,
      ...(config.PUBLIC_URL === undefined ? [] : [`  Browsers  ${config.PUBLIC_URL}`]),
      `  API       ${url}/api/graphql`,
      `  Explorer  ${url}/graphql`,
      `  Health    ${url}/api/health`,
      ...(forFirstAdmin === null ? [] : [forFirstAdmin]),
      "Stop it with Ctrl-C.",
    ].join("\n"),
  );
}

async function preparePages(config: Config): Promise<Stoppable> {
  const { ROOT } = await import("../process/checkout.ts");
  const { makePrivate } = await import("../process/data-dir.ts");
  const { keepPages } = await import("../process/pages-copy.ts");
  const { pagesRoot } = await import("../process/pages-folder.ts");
  makePrivate(config.DATA_DIR);
  // With the embedded database DATA_DIR belongs to this process.
  const isAlone = config.DATABASE_URL === undefined;
  const pages = keepPages({ from: ROOT, to: pagesRoot(config), basePath: config.BASE_PATH, isAlone, report });
  return { close: async () => pages.stop() };
}

/** Once, whatever the number of workers. */
async function firstAdminNotice(config: ReadyConfig): Promise<string | null> {
  if (config.AUTH === "none") return null;
  const { withEngine } = await import("./own-engine.ts");
  const { prepareFirstAdmin } = await import("../operations/people/first-admin.ts");
  return withEngine(config, prepareFirstAdmin);
}

async function run(config: ReadyConfig): Promise<{ url: string } & Stoppable> {
  if (config.WORKERS === 1) {
    const { serve } = await import("../main.ts");
    return serve(config, { dev: false });
  }
  const { runWorkers } = await import("../process/workers.ts");
  return runWorkers(config);
}

/**
 * Completes the settings with a database and a key: those of the environment, or those in DATA_DIR. `meanwhile` is called
 * once the embedded database is being created or started.
 */
async function withDatabase(config: Config, shutdown: Shutdown, meanwhile: () => void): Promise<ReadyConfig> {
  const { DATABASE_URL, SECRET_KEY, DATA_DIR } = config;
  if (DATABASE_URL !== undefined && SECRET_KEY !== undefined) {
    const { reachDatabase } = await import("../process/reach-database.ts");
    await reachDatabase(DATABASE_URL, { waitSeconds: config.DATABASE_WAIT, report, signal: shutdown.signal });
    return { ...config, DATABASE_URL, SECRET_KEY };
  }
  const { claimDataDir, readSecretKey } = await import("../process/data-dir.ts");
  const { startEmbeddedPostgres } = await import("../embedded-postgres/server.ts");
  const release = claimDataDir(DATA_DIR);
  await shutdown.step(async () => ({ close: async () => release() }));
  const key = SECRET_KEY ?? readSecretKey(DATA_DIR);
  const database = await shutdown.step(async () => {
    const starting = startEmbeddedPostgres({ dataDir: DATA_DIR, report, signal: shutdown.signal });
    meanwhile();
    const server = await starting;
    return { url: server.url, close: () => server.stop() };
  });
  return { ...config, DATABASE_URL: database.url, SECRET_KEY: key };
}
