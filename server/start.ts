/**
 * `npm start`: everything from a fresh checkout to a running service, and back down in order, the database last.
 * `--dev` reloads pages and server on change; `--build-only` builds and ends.
 */
import { fileURLToPath } from "node:url";
import type { Config } from "./config.ts";
import { Shutdown, type Stoppable } from "./shutdown.ts";

type ReadyConfig = Config & { DATABASE_URL: string; SECRET_KEY: string };

const say = (line: string) => console.log(line);

/** Modules are imported as they are needed: a missing package is then an error that `explain` can explain. */
async function start(flags: { dev: boolean; buildOnly: boolean }, shutdown: Shutdown): Promise<void> {
  const { readConfig } = await import("./config.ts");
  const config = readConfig();
  const { generatePrismaClient } = await import("../prisma/generate.ts");
  generatePrismaClient();
  const { buildPages } = await import("./build.ts");
  const build = async () => {
    await buildPages({ basePath: config.BASE_PATH, report: say, signal: shutdown.signal });
    return undefined;
  };
  if (flags.buildOnly) {
    await shutdown.step(build);
    return;
  }

  const ready = await withDatabase(config, shutdown);
  if (flags.dev) {
    const { runAndReload } = await import("./reload.ts");
    const { DATABASE_URL, SECRET_KEY } = ready;
    await shutdown.step(async () => runAndReload({ DATABASE_URL, SECRET_KEY, DRAIN_SECONDS: "0" }));
    return;
  }
  await shutdown.step(build);
  const { url } = await shutdown.step(() => run(ready));
  say(
    [
      `Isimud is at ${url}`,
      `  API       ${url}/api/graphql`,
      `  Explorer  ${url}/graphql`,
      `  Health    ${url}/api/health`,
      "Stop it with Ctrl-C.",
    ].join("\n"),
  );
}

async function run(config: ReadyConfig): Promise<{ url: string } & Stoppable> {
  if (config.WORKERS === 1) {
    const { serve } = await import("./main.ts");
    return serve(config, { dev: false });
  }
  const { runWorkers } = await import("./workers.ts");
  const { DATABASE_URL, SECRET_KEY } = config;
  return runWorkers(config.WORKERS, { DATABASE_URL, SECRET_KEY });
}

/** The settings with a database and a key: those that are given, or embedded ones in DATA_DIR. */
async function withDatabase(config: Config, shutdown: Shutdown): Promise<ReadyConfig> {
  const { DATABASE_URL, SECRET_KEY, DATA_DIR } = config;
  if (DATABASE_URL !== undefined && SECRET_KEY !== undefined) return { ...config, DATABASE_URL, SECRET_KEY };
  const { claimDataDir, readSecretKey } = await import("./data-dir.ts");
  const { startEmbeddedPostgres } = await import("./embedded-postgres.ts");
  const release = claimDataDir(DATA_DIR);
  await shutdown.step(async () => ({ close: async () => release() }));
  const database = await shutdown.step(async () => {
    const server = await startEmbeddedPostgres({ dataDir: DATA_DIR, report: say });
    return { url: server.url, close: () => server.stop() };
  });
  return { ...config, DATABASE_URL: database.url, SECRET_KEY: SECRET_KEY ?? readSecretKey(DATA_DIR) };
}

/** What a person at a terminal needs: the way out of what can be mended, everything about what cannot. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND") {
    const root = fileURLToPath(new URL("..", import.meta.url));
    return `${message}\nAn npm package is missing. Run \`npm ci\` in ${root} and start again.`;
  }
  if (code === "EADDRINUSE") return "Another program listens on this port. Stop it, or set PORT to another one.";
  if (code === "EACCES" || code === "EROFS") {
    return `${message}\nThis user may not write there. Start as the user that owns it, or set DATA_DIR to a folder of your own.`;
  }
  if (code === "ECONNREFUSED" || code === "ENOTFOUND" || code === "28P01" || code === "3D000") {
    return `${message}\nThe database of DATABASE_URL does not let us in. Start it, or mend the URL.`;
  }
  if (["ConfigError", "StartError", "DomainError"].includes(error.constructor.name)) {
    return error.cause instanceof Error ? `${message}\n${error.cause.message}` : message;
  }
  return error.stack ?? message;
}

const shutdown = new Shutdown();
try {
  const flags = { dev: process.argv.includes("--dev"), buildOnly: process.argv.includes("--build-only") };
  await start(flags, shutdown);
} catch (error) {
  const interrupted = shutdown.signal.aborted;
  if (!interrupted) console.error(explain(error));
  await shutdown.now({ hasty: true });
  if (!interrupted) process.exit(1);
}
