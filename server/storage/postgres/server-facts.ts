/** What a PostgreSQL server is like, for people who look after it. Works on tables of any version, and only reads. */
import type { StorageSpace } from "../driver-health.ts";
import type { ServerClock } from "../server-clock.ts";
import { localDiskSpace } from "./disk-space.ts";
import { openConnections } from "./sql/connection.ts";
import { IS_DURABLE } from "./store-inspection.ts";

export interface PostgresFacts {
  /** Such as "18.4". */
  version: string;
  encoding: string;
  /** A standby, or a server or role that is set so. */
  readOnly: boolean;
  /** A commit that was acknowledged is on the disk. */
  durable: boolean;
  /** Connections that ordinary roles may open. */
  maxConnections: number;
  clock: ServerClock;
  /** Null when it is not known: the server is on another machine, or does not tell this role. */
  space: StorageSpace | null;
}

/** Connection errors are passed on unchanged. */
export async function readPostgresFacts(url: string): Promise<PostgresFacts> {
  const connections = openConnections({ url, connections: 1, applicationName: "isimud look" });
  try {
    // The connection is open when the clock is read.
    await connections.query("SELECT 1");
    const asked = Date.now();
    const clock = await connections.query<{ now: string }>(
      "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint::text AS now",
    );
    const answered = Date.now();
    const { rows } = await connections.query<Omit<PostgresFacts, "clock" | "space">>(
      `SELECT current_setting('server_version') AS version, current_setting('server_encoding') AS encoding,
              current_setting('transaction_read_only') = 'on' AS "readOnly", ${IS_DURABLE} AS durable,
              current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                AS "maxConnections"`,
    );
    const space = await localDiskSpace(connections).catch(() => null);
    const facts = rows[0] as Omit<PostgresFacts, "clock" | "space">;
    return { ...facts, clock: { now: Number(clock.rows[0]?.now), asked, answered }, space };
  } finally {
    await connections.end();
  }
}
