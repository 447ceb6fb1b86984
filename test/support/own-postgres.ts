/** A PostgreSQL server of a test's own, to be killed and stopped. */
import pg from "pg";
import { startEmbeddedPostgres } from "../../server/embedded-postgres.ts";
import { removeDataDir, temporaryDataDir } from "./process.ts";

export interface OwnPostgres {
  /** Of an empty database. */
  url: string;
  /** Ends all its processes at once, as kill -9 does. */
  kill(): Promise<void>;
  /** After it was killed: with the data that it had written. */
  restart(): Promise<void>;
  /** All its processes stand still, with their connections open, until `resume`. */
  stall(): Promise<void>;
  resume(): void;
  stop(): Promise<void>;
}

export async function startOwnPostgres(): Promise<OwnPostgres> {
  const dataDir = temporaryDataDir();
  // The machine does not lose its power, so what is acknowledged need not reach the disk.
  const start = () => startEmbeddedPostgres({ dataDir, settings: { fsync: "off", full_page_writes: "off" } });
  let server = await start();
  const { url } = server;
  const stalled = new Set<number>();

  /** The first process makes no new ones from then on, so these are all. */
  async function stall(): Promise<void> {
    const client = new pg.Client({ connectionString: url });
    client.on("error", () => undefined);
    await client.connect();
    const first = server.pid() as number;
    stalled.add(first);
    signal(first, "SIGSTOP");
    const { rows } = await client.query<{ pid: number }>(
      "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
    );
    await client.end();
    for (const { pid } of rows) {
      stalled.add(pid);
      signal(pid, "SIGSTOP");
    }
  }

  function resume(): void {
    for (const pid of stalled) signal(pid, "SIGCONT");
    stalled.clear();
  }

  return {
    url,
    stall,
    resume,
    async kill() {
      await stall();
      for (const pid of stalled) signal(pid, "SIGKILL");
      stalled.clear();
      // Else its keeper would start it again.
      await server.stop();
    },
    async restart() {
      server = await start();
    },
    async stop() {
      resume();
      await server.stop();
      removeDataDir(dataDir);
    },
  };
}

/** Nothing when it has ended by itself. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
