/** Looks at a store before it becomes a pool. */
import type pg from "pg";
import type { Capability, FoundStore } from "../data-driver.ts";
import { identityOf } from "./pool-identity.ts";
import { openConnections, translatePostgresError } from "./sql/connection.ts";

/** SQL: a commit that was acknowledged is on the disk. */
export const IS_DURABLE = "current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off'";

export function capabilitiesOf(durable: boolean): ReadonlySet<Capability> {
  return new Set([...ALWAYS, ...(durable ? (["DURABILITY"] as const) : [])]);
}

const ALWAYS: readonly Capability[] = ["FIFO", "CLAIMS", "AOD", "HIGH_THROUGHPUT"];

/** Only reads: whether a pool can be created there, the migrations find out. STORAGE_UNAVAILABLE. */
export async function inspectPostgresStore(uri: string): Promise<FoundStore> {
  const connections = openConnections({ url: uri, connections: 1, applicationName: "isimud look" });
  try {
    const { rows } = await connections.query<{ durable: boolean; known: boolean }>(
      `SELECT ${IS_DURABLE} AS durable, to_regclass('pool_identity') IS NOT NULL AS known`,
    );
    const { durable, known } = rows[0] ?? { durable: false, known: false };
    return { identity: known ? await readIdentity(connections) : null, capabilities: capabilitiesOf(durable) };
  } catch (error) {
    throw translatePostgresError(error);
  } finally {
    await connections.end();
  }
}

async function readIdentity(connections: pg.Pool): Promise<string | null> {
  const { rows } = await connections.query<{ seed: string }>("SELECT seed::text FROM pool_identity");
  return rows[0] === undefined ? null : identityOf(BigInt(rows[0].seed));
}
