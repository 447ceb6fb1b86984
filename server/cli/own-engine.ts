/**
 * The engine for commands that work on the database itself, because nobody may have an account or a token yet. Its
 * modules take a second to load, so they are loaded when they are needed.
 */
import { type Access, EVERYTHING } from "../access/access.ts";
import type { Engine } from "../bootstrap.ts";
import type { Config } from "../config.ts";
import { StartError } from "../process/start-error.ts";

/** Whoever can read the settings of the service may do everything. */
const CLI: Access = { actor: "isimud:cli", kind: "service", rights: EVERYTHING, requestId: "cli" };

/** `config` must have DATABASE_URL and SECRET_KEY. */
export async function withEngine<T>(config: Config, work: (engine: Engine, access: Access) => Promise<T>): Promise<T> {
  const [{ openEngine }, { pino }] = await Promise.all([import("../bootstrap.ts"), import("pino")]);
  const engine = await openEngine(config, { log: pino({ level: "silent" }) });
  try {
    return await work(engine, CLI);
  } finally {
    await engine.close();
  }
}

/**
 * Runs `work` on the database of DATABASE_URL, or on the embedded one, whether the service runs or not. Like a start, it
 * applies missing migrations.
 */
export async function withOwnEngine<T>(work: (engine: Engine, access: Access) => Promise<T>): Promise<T> {
  const [{ readConfig }, { embeddedUrl, startEmbeddedPostgres }, { claimDataDir, readSecretKey }] = await Promise.all([
    import("../config.ts"),
    import("../embedded-postgres/server.ts"),
    import("../process/data-dir.ts"),
  ]);
  const config = readConfig();
  const { DATABASE_URL, SECRET_KEY, DATA_DIR } = config;
  const on = (url: string) =>
    withEngine({ ...config, DATABASE_URL: url, SECRET_KEY: SECRET_KEY ?? readSecretKey(DATA_DIR) }, work);
  if (DATABASE_URL !== undefined) return on(DATABASE_URL);
  let release: () => void;
  try {
    release = claimDataDir(DATA_DIR);
  } catch (error) {
    // The service runs, and its database with it.
    const url = embeddedUrl(DATA_DIR);
    if (!(error instanceof StartError) || url === null) throw error;
    return on(url);
  }
  try {
    const database = await startEmbeddedPostgres({ dataDir: DATA_DIR });
    try {
      return await on(database.url);
    } finally {
      await database.stop();
    }
  } finally {
    release();
  }
}
