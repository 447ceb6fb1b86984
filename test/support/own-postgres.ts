/** A PostgreSQL server for one test, which may kill and stop it. */
import { spawnSync } from "node:child_process";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { findInstallation } from "../../server/embedded-postgres/installation.ts";
import { startEmbeddedPostgres } from "../../server/embedded-postgres/server.ts";
import { removeDataDir, temporaryDataDir } from "./process.ts";

export interface OwnPostgres {
  /** The URL of an empty database. */
  url: string;
  /** Kills all its processes at once, as kill -9 does. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, with the data that it had written. */
  restart(): Promise<void>;
  /** Restarts it and keeps a copy of its data, as a standby that receives nothing more. */
  copy(): Promise<void>;
  /**
   * Kills it. The copy takes over at the same address, as a promoted standby does: on a timeline of its own, without
   * what was written since `copy`.
   */
  failOver(): Promise<void>;
  /** Stops all its processes until `resume`. Their connections stay open. */
  stall(): Promise<void>;
  resume(): void;
  stop(): Promise<void>;
}

export async function startOwnPostgres(
  dataDir = temporaryDataDir(),
  special: Record<string, string> = {},
): Promise<OwnPostgres> {
  // The machine does not lose power during a test, so writes need not reach the disk.
  const settings = { fsync: "off", full_page_writes: "off", ...special };
  const start = (more = {}) => startEmbeddedPostgres({ dataDir, settings: { ...settings, ...more } });
  let server = await start();
  const { url } = server;
  const { home } = findInstallation(dataDir);
  const cluster = join(home, "data");
  const standby = join(home, "standby");
  const stalled = new Set<number>();

  /** Stops the postmaster first. It then starts no new processes, so the list is complete. */
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
    // Otherwise the embedded server would start it again.
    await server.stop();
  }

  return {
    url,
    stall,
    resume,
    kill,
    async copy() {
      await server.stop();
      // `-a` keeps the owner, who is not root.
      const { status, stderr } = spawnSync("cp", ["-a", cluster, standby], { encoding: "utf8" });
      if (status !== 0) throw new Error(stderr);
      server = await start();
    },
    async failOver() {
      await kill();
      renameSync(cluster, join(home, "dead"));
      renameSync(standby, cluster);
      writeFileSync(join(cluster, "recovery.signal"), "");
      // There is no log to restore, so recovery ends where the copy ends.
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

/** Sends a signal. Does nothing if the process has ended already. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
