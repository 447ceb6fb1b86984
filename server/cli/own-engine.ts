/**
 * The engine for commands that work on the database itself, because nobody may have an account or a token yet. Its
 * modules take a second to load, so they are loaded when they are needed.
 */
import { type Access, EVERYTHING } from "../access/access.ts";
import type { Engine } from "../bootstrap.ts";
import type { Config } from "../config.ts";
import { withOwnDatabase } from "./own-database.ts";

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
  const [{ readConfig }, { readSecretKey }] = await Promise.all([
    import("../config.ts"),
    import("../process/data-dir.ts"),
  ]);
  const config = readConfig();
  return withOwnDatabase(config, (url) => {
    const SECRET_KEY = config.SECRET_KEY ?? readSecretKey(config.DATA_DIR);
    return withEngine({ ...config, DATABASE_URL: url, SECRET_KEY }, work);
  });
}
