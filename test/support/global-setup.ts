/**
 * One PostgreSQL for a whole `vitest run`, and a migrated template database. Each test file's database is a copy of it.
 */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import pg from "pg";
import type { TestProject } from "vitest/node";
import { migrate } from "../../prisma/migrate.ts";
import { startEmbeddedPostgres } from "../../server/embedded-postgres/server.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The URL of a database whose user may create databases. */
    postgresUrl: string;
    templateDatabase: string;
  }
}

/**
 * Processes that tests start compile the same hundreds of files: half of the processor's time of such a start. They
 * share the result in this folder.
 */
function shareCompiledCode(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "isimud-compiled-"));
  process.env.NODE_COMPILE_CACHE = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}

/** If TEST_POSTGRES_URL is set, the tests use that server. Its user must be allowed to create databases. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const forget = shareCompiledCode();
  const given = process.env.TEST_POSTGRES_URL;
  const server = given === undefined ? await startOwnServer() : { url: given, stop: async () => {} };
  const template = `isimud_template_${process.pid}`;
  try {
    await execute(server.url, `CREATE DATABASE ${template}`);
    await migrate({ url: withDatabase(server.url, template), only: "all" });
  } catch (error) {
    await server.stop();
    throw error;
  }
  project.provide("postgresUrl", server.url);
  project.provide("templateDatabase", template);
  return async () => {
    if (given !== undefined) await execute(given, `DROP DATABASE ${template}`);
    await server.stop();
    forget();
  };
}

async function startOwnServer(): Promise<{ url: string; stop(): Promise<void> }> {
  const dataDir = mkdtempSync(join(tmpdir(), "isimud-test-"));
  // When root runs the tests, PostgreSQL runs as another account, which must be able to enter the folder.
  chmodSync(dataDir, 0o755);
  const server = await startEmbeddedPostgres({
    dataDir,
    // The machine does not lose power during a test, so writes need not reach the disk.
    settings: { fsync: "off", full_page_writes: "off", max_connections: "400" },
  });
  return {
    url: server.url,
    stop: async () => {
      await server.stop();
      const pointer = join(dataDir, "postgres-elsewhere");
      if (existsSync(pointer)) rmSync(dirname(readFileSync(pointer, "utf8").trim()), { recursive: true });
      rmSync(dataDir, { recursive: true });
    },
  };
}

async function execute(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(sql).finally(() => client.end());
}

function withDatabase(url: string, name: string): string {
  const result = new URL(url);
  result.pathname = `/${name}`;
  return result.toString();
}
