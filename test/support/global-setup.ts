/**
 * What a whole `vitest run` shares: one PostgreSQL with migrated template databases, of which each test file's
 * databases are copies, and a service with the demo's data for tests that look at its pages.
 */
import { chmodSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import pg from "pg";
import type { TestProject } from "vitest/node";
import { migrate } from "../../prisma/migrate.ts";
import { startEmbeddedPostgres } from "../../server/embedded-postgres/server.ts";
import type { TestDatabase } from "./database.ts";
import { offerDemoService } from "./demo-service.ts";
import { dropDatabase } from "./drop-database.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The URL of a database whose user may create databases. */
    postgresUrl: string;
    templateDatabase: string;
    /** With the tables of a pool alone. */
    templatePool: string;
    /** Where to ask for the URL of the service with the demo's data. */
    demoServiceAt: string;
  }
}

/**
 * Processes that tests start compile the same hundreds of files: half of the processor's time of such a start. They
 * share the result in this folder.
 */
function shareCompiledCode(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "isimud-compiled-"));
  process.env.NODE_COMPILE_CACHE = folder;
  return () => {
    // Vitest's workers end at the same time, and write theirs: a file that changes its name while it is removed would
    // end the removal without a word. In a folder that has another name they write nothing.
    const gone = `${folder}-gone`;
    renameSync(folder, gone);
    rmSync(gone, { recursive: true });
  };
}

/**
 * If TEST_POSTGRES_URL is set, the tests use that server. Its user must be allowed to create databases. What cannot be
 * ended fails the run, after the rest was ended.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await using started = new AsyncDisposableStack();
  started.defer(shareCompiledCode());
  const given = process.env.TEST_POSTGRES_URL;
  const server = given === undefined ? await startOwnServer() : { url: given, stop: async () => {} };
  started.defer(server.stop);
  if (given === undefined) await hashOnce(server.url);
  const createTemplate = async (name: string, only: "all" | "pool") => {
    await execute(server.url, `CREATE DATABASE ${name}`);
    if (given !== undefined) started.defer(async () => void (await execute(given, `DROP DATABASE ${name}`)));
    await migrate({ url: withDatabase(server.url, name), only });
  };
  const template = `isimud_template_${process.pid}`;
  const pool = `isimud_pool_template_${process.pid}`;
  await createTemplate(template, "all");
  await createTemplate(pool, "pool");
  const demo = await offerDemoService(() => createDemoDatabase(server.url, template));
  started.defer(demo.close);
  project.provide("postgresUrl", server.url);
  project.provide("templateDatabase", template);
  project.provide("templatePool", pool);
  project.provide("demoServiceAt", demo.askAt);
  const all = started.move();
  return () => all.disposeAsync();
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

/** By default each of thousands of connections hashes the password 4096 times, to prove that it knows it. */
async function hashOnce(url: string): Promise<void> {
  const { username, password } = new URL(url);
  await execute(url, `SET scram_iterations = 1; ALTER ROLE ${username} PASSWORD '${password}'`);
}

async function createDemoDatabase(url: string, template: string): Promise<TestDatabase> {
  const name = `isimud_demo_${process.pid}`;
  await execute(url, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  return { url: withDatabase(url, name), drop: () => dropDatabase((sql) => execute(url, sql), name) };
}

async function execute(url: string, sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return await client.query(sql).finally(() => client.end());
}

function withDatabase(url: string, name: string): string {
  const result = new URL(url);
  result.pathname = `/${name}`;
  return result.toString();
}
