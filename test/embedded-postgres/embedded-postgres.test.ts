import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import pg from "pg";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { asAccount, binary } from "../../server/embedded-postgres/cluster.ts";
import { findInstallation } from "../../server/embedded-postgres/installation.ts";
import { type EmbeddedPostgres, embeddedUrl, startEmbeddedPostgres } from "../../server/embedded-postgres/server.ts";

const folders: string[] = [];
let running: EmbeddedPostgres | undefined;

afterEach(async () => {
  await running?.stop();
  running = undefined;
});
afterAll(() => {
  for (const folder of folders) {
    const pointer = join(folder, "postgres-elsewhere");
    if (existsSync(pointer)) rmSync(dirname(readFileSync(pointer, "utf8").trim()), { recursive: true, force: true });
    rmSync(folder, { recursive: true, force: true });
  }
});

function dataFolder(mode: number): string {
  const folder = mkdtempSync(join(tmpdir(), "isimud-embedded-"));
  chmodSync(folder, mode);
  folders.push(folder);
  return folder;
}

async function start(dataDir: string): Promise<string[]> {
  const lines: string[] = [];
  running = await startEmbeddedPostgres({ dataDir, report: (line) => lines.push(line) });
  return lines;
}

async function query(sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: running?.url });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}

const isRoot = process.getuid?.() === 0;

describe("an embedded PostgreSQL", () => {
  const dataDir = dataFolder(0o755);

  test("is created once, in UTF8, with a password that only this user may read", async () => {
    expect(await start(dataDir)).toEqual(["Creating the database (once)..."]);
    const [row] = await query(
      "SELECT current_setting('server_encoding') AS encoding, current_setting('fsync') AS fsync, datlocprovider::text AS provider FROM pg_database WHERE datname = 'isimud'",
    );
    expect(row).toEqual({ encoding: "UTF8", fsync: "on", provider: "b" });
    expect(statSync(join(dataDir, "postgres-password")).mode & 0o777).toBe(0o600);
    expect(statSync(dataDir).mode & 0o777).toBe(isRoot ? 0o711 : 0o700);
    expect(await query("SELECT rolsuper AS super FROM pg_roles WHERE rolname = current_user")).toEqual([
      { super: false },
    ]);
    await query("CREATE TABLE kept (id integer)");
  });

  test("keeps its data, and is quiet the second time", async () => {
    expect(await start(dataDir)).toEqual([]);
    expect(await query("SELECT * FROM kept")).toEqual([]);
  });

  test("refuses everybody without the password", async () => {
    await start(dataDir);
    const url = new URL(running?.url ?? "");
    url.password = "wrong";
    const client = new pg.Client({ connectionString: url.toString() });
    await expect(client.connect()).rejects.toMatchObject({ code: "28P01" });
  });

  test.each([
    ["missing", null],
    ["empty, as a power cut may leave it", ""],
    ["that of another database", `${"x".repeat(32)}\n`],
  ])("gets a new password when its file is %s", async (_what, content) => {
    const file = join(dataDir, "postgres-password");
    if (content === null) rmSync(file);
    else writeFileSync(file, content);
    expect(await start(dataDir)).toEqual([expect.stringMatching(/postgres-password.*new/)]);
    expect(await query("SELECT * FROM kept")).toEqual([]);
    await running?.stop();
    expect(await start(dataDir)).toEqual([]);
    expect(readFileSync(file, "utf8").trim()).toHaveLength(32);
  });

  test("has an address for others even when its file was cut short", async () => {
    writeFileSync(join(dataDir, "database-url"), "");
    expect(embeddedUrl(dataDir)).toBeNull();
    await start(dataDir);
    expect(embeddedUrl(dataDir)).toBe(running?.url);
  });

  test("is stopped when its start is given up", async () => {
    const aborted = new AbortController();
    const starting = startEmbeddedPostgres({ dataDir, signal: aborted.signal });
    aborted.abort();
    await expect(starting).rejects.toThrow(/abort/);
    expect(existsSync(join(dataDir, "postgres", "data", "postmaster.pid"))).toBe(false);
  });

  test("is stopped when the end of its start fails", async () => {
    const blocked = join(dataDir, "database-url.new");
    mkdirSync(blocked);
    await expect(start(dataDir)).rejects.toThrow(/EISDIR|EEXIST/);
    rmSync(blocked, { recursive: true });
    expect(existsSync(join(dataDir, "postgres", "data", "postmaster.pid"))).toBe(false);
  });

  test("comes back by itself when its process is killed", async () => {
    await start(dataDir);
    const before = running?.pid();
    process.kill(before ?? 0, "SIGKILL");
    await expect.poll(() => query("SELECT 1 AS up").catch(() => []), { timeout: 20_000 }).toEqual([{ up: 1 }]);
    expect(running?.pid()).not.toBe(before);
  });

  test("that does not react is ended within the deadline of a stop", async () => {
    const stopDeadlineMs = 2000;
    const server = await startEmbeddedPostgres({ dataDir, stopDeadlineMs });
    process.kill(server.pid() ?? 0, "SIGSTOP");
    const began = performance.now();
    await server.stop();
    // Each of the two ways to stop used to have the whole deadline.
    expect(performance.now() - began).toBeLessThan(1.7 * stopDeadlineMs);
  });

  test("that a killed parent left behind is stopped, and nothing acknowledged is lost", async () => {
    const script = `
      import { startEmbeddedPostgres } from ${JSON.stringify(new URL("../../server/embedded-postgres/server.ts", import.meta.url).href)};
      import pg from "pg";
      const server = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)} });
      const client = new pg.Client({ connectionString: server.url });
      await client.connect();
      for (let id = 1; ; id++) {
        await client.query("INSERT INTO kept VALUES ($1)", [id]);
        console.log(id);
      }`;
    const parent = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], {
      cwd: new URL("../..", import.meta.url),
    });
    let acknowledged = 0;
    await new Promise<void>((resolve, reject) => {
      let errors = "";
      parent.stderr.on("data", (chunk) => {
        errors += chunk;
      });
      parent.stdout.on("data", (chunk) => {
        acknowledged = Number(String(chunk).trim().split("\n").at(-1));
        if (acknowledged >= 20) parent.kill("SIGKILL");
      });
      parent.once("exit", () => (acknowledged >= 20 ? resolve() : reject(new Error(errors))));
    });
    expect(await start(dataDir)).toEqual(["Stopping the PostgreSQL that an Isimud left behind when it was killed..."]);
    const [row] = await query("SELECT count(*)::int AS count FROM kept");
    expect(row?.count).toBeGreaterThanOrEqual(acknowledged);
  });

  test("is not confused by a pid file whose number belongs to somebody else by now", async () => {
    const file = join(dataDir, "postgres", "data", "postmaster.pid");
    // A negative one is from PostgreSQL's single-user mode.
    for (const number of [process.pid, -process.pid]) {
      writeFileSync(file, `${number}\n${join(dataDir, "postgres", "data")}\n0\n`);
      if (isRoot) chmodSync(file, 0o644);
      expect(await start(dataDir)).toEqual([]);
      await running?.stop();
    }
  });

  test("of another major version is named, with the way out", async () => {
    const file = join(dataDir, "postgres", "data", "PG_VERSION");
    const before = readFileSync(file, "utf8");
    writeFileSync(file, "17\n");
    await expect(start(dataDir)).rejects.toThrow(/created by PostgreSQL 17, and this Isimud brings 18.*pg_dump/);
    writeFileSync(file, "");
    await expect(start(dataDir)).rejects.toThrow(/PG_VERSION is missing or damaged.*backup/);
    writeFileSync(file, before);
  });
});

test("a cluster whose role was its superuser gives all that the role owns to one that is not", async () => {
  const dataDir = dataFolder(0o755);
  const installation = findInstallation(dataDir);
  const password = "p".repeat(32);
  writeFileSync(join(dataDir, "postgres-password"), `${password}\n`, { mode: 0o600 });
  mkdirSync(installation.home, { recursive: true });
  const passwordFile = join(installation.home, "pw");
  writeFileSync(passwordFile, password, { mode: 0o644 });
  const flags = [
    "--username=isimud",
    "--encoding=UTF8",
    "--locale=C",
    "--auth=scram-sha-256",
    `--pwfile=${passwordFile}`,
  ];
  const created = spawnSync(
    binary(installation, "initdb"),
    [`--pgdata=${join(installation.home, "data")}`, ...flags],
    asAccount(installation),
  );
  expect(created.status).toBe(0);
  const old = [
    "CREATE DATABASE isimud",
    "CREATE SCHEMA demo",
    "CREATE TABLE demo.kept (id bigserial PRIMARY KEY, at timestamptz DEFAULT now())",
    "CREATE TABLE demo.drawn (id bigint GENERATED ALWAYS AS IDENTITY)",
    "CREATE SEQUENCE demo.alone",
    "CREATE TYPE demo.mood AS ENUM ('fine')",
    "CREATE FUNCTION demo.twice(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n'",
    "INSERT INTO demo.kept DEFAULT VALUES",
  ];
  const outside = spawnSync(
    binary(installation, "postgres"),
    ["--single", "-D", join(installation.home, "data"), "-j", "postgres"],
    {
      ...asAccount(installation),
      input: `${old[0]};\n\n`,
    },
  );
  expect(outside.status).toBe(0);
  const inside = spawnSync(
    binary(installation, "postgres"),
    ["--single", "-D", join(installation.home, "data"), "-j", "isimud"],
    {
      ...asAccount(installation),
      input: old
        .slice(1)
        .map((statement) => `${statement};\n\n`)
        .join(""),
    },
  );
  expect(inside.status).toBe(0);

  await start(dataDir);
  expect(
    await query("SELECT rolname AS name, rolsuper AS super FROM pg_roles WHERE rolname NOT LIKE 'pg\\_%'"),
  ).toEqual(
    expect.arrayContaining([
      { name: "postgres", super: true },
      { name: "isimud", super: false },
    ]),
  );
  expect(await query("SELECT count(*)::int AS roles FROM pg_roles WHERE rolname NOT LIKE 'pg\\_%'")).toEqual([
    { roles: 2 },
  ]);
  await query("ALTER TABLE demo.kept ADD COLUMN more int; CREATE TABLE public.made (); CREATE SCHEMA another");
  await query(
    "ALTER SEQUENCE demo.alone RESTART; ALTER TYPE demo.mood ADD VALUE 'better'; DROP FUNCTION demo.twice; DROP TABLE demo.drawn",
  );
  await query("INSERT INTO demo.kept DEFAULT VALUES");
  expect(await query("SELECT id::int FROM demo.kept")).toEqual([{ id: 1 }, { id: 2 }]);
  await running?.stop();
  expect(await start(dataDir)).toEqual([]);
});

describe.runIf(isRoot)("as root, under a folder that only root can enter", () => {
  const dataDir = dataFolder(0o700);
  let home = "";

  test("the database is elsewhere, which is said, and found again", async () => {
    const lines = await start(dataDir);
    expect(lines[0]).toMatch(/cannot enter .*: the database is in \/var\/lib\/isimud\//);
    home = readFileSync(join(dataDir, "postgres-elsewhere"), "utf8").trim();
    await query("CREATE TABLE kept (id integer)");
    await running?.stop();
    expect(await start(dataDir)).toEqual([`The database is in ${home}.`]);
    expect(await query("SELECT * FROM kept")).toEqual([]);
  });

  test("a database that is missing there is an error, and no new one is created", async () => {
    renameSync(home, `${home}.away`);
    await expect(start(dataDir)).rejects.toThrow(/says that the database is at .*, but there is none/);
    expect(existsSync(home)).toBe(false);
    renameSync(`${home}.away`, home);
    await start(dataDir);
  });
});
