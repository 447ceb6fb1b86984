/** A PostgreSQL server of a test's own, to be killed and stopped. */
import { spawnSync } from "node:child_process";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { findInstallation } from "../../server/embedded-postgres/installation.ts";
import { startEmbeddedPostgres } from "../../server/embedded-postgres/server.ts";
import { removeDataDir, temporaryDataDir } from "./process.ts";

export interface OwnPostgres {
  /** Of an empty database. */
  url: string;
  /** Ends all its processes at once, as kill -9 does. */
  kill(): Promise<void>;
  /** After it was killed: with the data that it had written. */
  restart(): Promise<void>;
  /** Restarts it, and keeps a copy of what it holds now: a standby that gets nothing more from it. */
  copy(): Promise<void>;
  /**
   * Kills it, and the copy takes over at the same address, as a promoted standby does: on a timeline of its own,
   * without what was written since.
   */
  failOver(): Promise<void>;
  /** All its processes stand still, with their connections open, until `resume`. */
  stall(): Promise<void>;
  resume(): void;
  stop(): Promise<void>;
}

export async function startOwnPostgres(
  dataDir = temporaryDataDir(),
  special: Record<string, string> = {},
): Promise<OwnPostgres> {
  // The machine does not lose its power, so what is acknowledged need not reach the disk.
  const settings = { fsync: "off", full_page_writes: "off", ...special };
  const start = (more = {}) => startEmbeddedPostgres({ dataDir, settings: { ...settings, ...more } });
  let server = await start();
  const { url } = server;
  const { home } = findInstallation(dataDir);
  const cluster = join(home, "data");
  const standby = join(home, "standby");
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

  async function kill(): Promise<void> {
    await stall();
    for (const pid of stalled) signal(pid, "SIGKILL");
    stalled.clear();
    // Else its keeper would start it again.
    await server.stop();
  }

  return {
    url,
    stall,
    resume,
    kill,
    async copy() {
      await server.stop();
      // Keeps the owner, who is not root.
      const { status, stderr } = spawnSync("cp", ["-a", cluster, standby], { encoding: "utf8" });
      if (status !== 0) throw new Error(stderr);
      server = await start();
    },
    async failOver() {
      await kill();
      renameSync(cluster, join(home, "dead"));
      renameSync(standby, cluster);
      writeFileSync(join(cluster, "recovery.signal"), "");
      // There is no log to restore, so its recovery ends where the copy does.
      server = await start({ restore_command: "false" });
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
