/** The registered pools as they are stored, for commands that look at a database whose tables may be of any version. */
import type { SecretBox } from "../../../secret-box.ts";
import { openConnections } from "../sql/connection.ts";
import { poolContext } from "./pool-uris.ts";

export interface StoredPool {
  name: string;
  /** Null when the key does not open it; `error` then says why. */
  uri: string | null;
  error: string | null;
}

/** By name; none when there is no such table yet. Only reads. Connection errors are passed on unchanged. */
export async function readStoredPools(url: string, secrets: SecretBox): Promise<StoredPool[]> {
  const connections = openConnections({ url, connections: 1, applicationName: "isimud look" });
  try {
    const { rows: tables } = await connections.query("SELECT 1 FROM pg_class WHERE oid = to_regclass('pools')");
    if (tables.length === 0) return [];
    const { rows } = await connections.query<{ name: string; sealed: string }>(
      "SELECT name, encrypted_uri AS sealed FROM pools ORDER BY name",
    );
    return rows.map(({ name, sealed }) => {
      try {
        return { name, uri: secrets.open(sealed, poolContext(name)), error: null };
      } catch (error) {
        return { name, uri: null, error: (error as Error).message };
      }
    });
  } finally {
    await connections.end();
  }
}
