import type pg from "pg";
import { translatePostgresError } from "./sql/connection.ts";

/** CONFIGURATION_LIMIT_EXCEEDED: the server's temp_file_limit. */
const TEMPORARY_FILES_LIMITED = "53400";

/**
 * Writes 1 MiB, as much as the largest post, to a temporary file on the disk of the tables, because `work_mem` is too
 * small for it. PostgreSQL deletes the file at once. Less than that would fit into pages and WAL files that exist
 * already, and would not notice a full disk.
 */
const WRITE = `
  SET LOCAL work_mem = '64kB';
  SET LOCAL temp_tablespaces = '';
  WITH written AS MATERIALIZED (SELECT n || repeat('x', 1024) AS filler FROM generate_series(1, 1024) AS n)
  SELECT count(filler) FROM written`;

/** Tries whether there is space for a post. STORAGE_UNAVAILABLE, with the error of a write that finds none. */
export async function reserveSpace(connections: pg.Pool): Promise<void> {
  try {
    await connections.query(WRITE);
  } catch (error) {
    // The limit says nothing about the disk.
    if ((error as { code?: unknown }).code === TEMPORARY_FILES_LIMITED) return;
    throw translatePostgresError(error);
  }
}
