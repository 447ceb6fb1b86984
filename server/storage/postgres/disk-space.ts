/** How much room the disk of a server has, if the server runs on this machine. */
import { statfs } from "node:fs/promises";
import type pg from "pg";
import type { StorageSpace } from "../driver-health.ts";

/** No row for a server elsewhere. The folder is told to superusers and members of pg_read_all_settings. */
const FOLDER = `SELECT current_setting('data_directory') AS folder
  WHERE inet_client_addr() IS NULL OR inet_client_addr() = inet_server_addr()`;

/** Null when it is not known. Hazard: a tunnel makes a server look local; its folder is rarely here too. */
export async function localDiskSpace(connections: pg.Pool): Promise<StorageSpace | null> {
  const { rows } = await connections.query<{ folder: string }>(FOLDER);
  if (rows[0] === undefined) return null;
  const { bavail, blocks, bsize } = await statfs(rows[0].folder);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}
