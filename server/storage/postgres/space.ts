import type pg from "pg";
import { translatePostgresError } from "./sql/connection.ts";

/** CONFIGURATION_LIMIT_EXCEEDED: the server's temp_file_limit. */
const TEMPORARY_FILES_LIMITED = "53400";

/**
 * Writes as much as the largest post has, 1 MiB, to a temporary file on the disk that the tables are on, since it has
 * no memory for it. What is smaller fits into pages and log files that are there already, and would not notice that the
 * disk is full. The file is gone at once.
 */
const WRITE = `
  SET LOCAL work_mem = '64kB';
  SET LOCAL temp_tablespaces = '';
  WITH written AS MATERIALIZED (SELECT n || repeat('x', 1024) AS filler FROM generate_series(1, 1024) AS n)
  SELECT count(filler) FROM written`;

/** Is there space for more? STORAGE_UNAVAILABLE, as a write says it that finds none. */
export async function reserveSpace(connections: pg.Pool): Promise<void> {
  try {
    await connections.query(WRITE);
  } catch (error) {
    // Then nobody can tell before the next write.
    if ((error as { code?: unknown }).code === TEMPORARY_FILES_LIMITED) return;
    throw translatePostgresError(error);
  }
}
