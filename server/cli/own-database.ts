/** The database of the settings, for commands that work on it whether the service runs or not. */
import type { Config } from "../config.ts";
import { StartError } from "../process/start-error.ts";
import { onInterrupt } from "./interrupt.ts";
import { tell } from "./output.ts";

/**
 * Calls `work` with the URL of DATABASE_URL, or of the embedded database. That is started for it, and stopped again, if
 * no service runs on DATA_DIR; Ctrl-C stops it too. Creates it if there is none. A StartError when another command uses
 * it, which would stop it meanwhile; with `alone` also when the service does.
 */
export async function withOwnDatabase<T>(
  { DATABASE_URL, DATA_DIR }: Pick<Config, "DATABASE_URL" | "DATA_DIR">,
  work: (url: string) => Promise<T>,
  { alone = false } = {},
): Promise<T> {
  if (DATABASE_URL !== undefined) return work(DATABASE_URL);
  const [{ embeddedUrl, startEmbeddedPostgres }, { claimDataDir, DataDirHeld }] = await Promise.all([
    import("../embedded-postgres/server.ts"),
    import("../process/data-dir.ts"),
  ]);
  let release: () => void;
  try {
    release = claimDataDir(DATA_DIR, "command");
  } catch (error) {
    if (alone || !(error instanceof DataDirHeld) || error.by === "command") throw error;
    // The service runs, and its database with it.
    const url = embeddedUrl(DATA_DIR);
    if (url === null) throw error;
    return work(url);
  }
  const ending = new AbortController();
  let interruptedWith: number | undefined;
  const forget = onInterrupt(
    (exitCode) => {
      interruptedWith = exitCode;
      ending.abort();
    },
    // Whoever is impatient would leave a database behind that runs.
    () => undefined,
  );
  try {
    const database = await startEmbeddedPostgres({ dataDir: DATA_DIR, signal: ending.signal });
    try {
      return await Promise.race([work(database.url), interrupted(ending.signal)]);
    } finally {
      await database.stop();
    }
  } finally {
    release();
    if (interruptedWith !== undefined) {
      tell("Interrupted.");
      process.exit(interruptedWith);
    }
    forget();
  }
}

function interrupted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new StartError("Interrupted.")));
  });
}
