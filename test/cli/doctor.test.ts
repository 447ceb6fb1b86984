/** `isimud doctor`, as users run it. start.test.ts has it with the embedded database. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { createClient } from "redis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { migrate } from "../../prisma/migrate.ts";
import { misspeltSettings } from "../../server/cli/doctor/given-settings.ts";
import { createSecretBox } from "../../server/secret-box.ts";
import { createPostgresControlDriver } from "../../server/storage/postgres/control/control-driver.ts";
import { openConnections } from "../../server/storage/postgres/sql/connection.ts";
import { openRedisDataDriver } from "../../server/storage/redis/data-driver.ts";
import { runCommand } from "../support/command-line.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { freePort, removeDataDir, temporaryDataDir } from "../support/process.ts";
import { describeWithRedis, startRedis, type TestRedis } from "../support/redis.ts";

const SECRET_KEY = "a secret key for tests only";

interface Finding {
  check: string;
  state: string;
  message: string;
  advice: string | null;
}

test("variables that look like misspelt settings are found, and no others", () => {
  const others = { PATH: "/bin", PGPORT: "1", PGHOST: "h", HOSTNAME: "h", HOME: "/", LANG: "C", npm_config_port: "1" };
  expect(misspeltSettings({ ...others, PORT: "1", DATABASE_URL_FILE: "x" })).toEqual([]);
  expect(misspeltSettings({ OTEL_EXPORTER_OTLP_TIMEOUT: "1", OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "x" })).toEqual([]);
  expect(misspeltSettings({ DATABSE_URL: "x", LOGLEVEL: "x", ISIMUD_PORT: "1", ISIMUD_URL: "http://a" })).toEqual([
    { name: "DATABSE_URL", meant: "DATABASE_URL" },
    { name: "LOGLEVEL", meant: "LOG_LEVEL" },
    { name: "ISIMUD_PORT", meant: "PORT" },
  ]);
});

describeWithRedis(() => {
  let database: TestDatabase;
  let redis: TestRedis;
  let settings: Record<string, string>;
  let query: (sql: string) => Promise<unknown[]>;
  let close: () => Promise<void>;
  let addPool: (name: string, uri: string) => Promise<unknown>;
  /** A pool on PostgreSQL, in a schema of its own. */
  let addSchema: (name: string) => Promise<void>;

  beforeAll(async () => {
    [database, redis] = await Promise.all([
      createTestDatabase(),
      startRedis(["--appendonly", "yes", "--appendfsync", "always"]),
    ]);
    const connections = openConnections({ url: database.url, connections: 1 });
    const { pools } = createPostgresControlDriver({
      connections,
      schema: "public",
      secrets: createSecretBox(SECRET_KEY),
    });
    addPool = (name, uri) => pools.create({ name, uri, weight: 1 });
    addSchema = async (name) => {
      const url = new URL(database.url);
      url.searchParams.set("schema", name);
      await migrate({ url: url.toString(), only: "pool" });
      await addPool(name, url.toString());
    };
    await addSchema("near");
    await addPool("fast", redis.url);
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    query = async (sql) => (await client.query(sql)).rows;
    close = async () => {
      await Promise.all([client.end(), connections.end()]);
    };
    settings = { DATABASE_URL: database.url, SECRET_KEY, REDIS_URL: redis.url, PORT: String(await freePort()) };
  });
  afterAll(async () => {
    await close();
    await Promise.all([database.drop(), redis.stop()]);
  });

  const examine = async (more: Record<string, string> = {}) => {
    const { code, output } = await runCommand(["doctor", "--json"], { settings: { ...settings, ...more } });
    return { code, ...(JSON.parse(output) as { status: string; findings: Finding[] }) };
  };
  const brief = (findings: Finding[]) => findings.map(({ check, state, message }) => `${state} ${check}: ${message}`);

  test("what is well is told, and nothing is written", async () => {
    const schemas = await query("SELECT nspname FROM pg_namespace ORDER BY 1");
    const { code, output, errors } = await runCommand(["doctor"], { settings });
    expect({ code, errors }).toEqual({ code: 0, errors: "" });
    expect(output).not.toMatch(/^(failed|skipped) /m);
    for (const line of [
      /^ok +node +Node 24\./,
      /^ok +settings +Given: PORT, DATABASE_URL, REDIS_URL, SECRET_KEY\./,
      /^ok +service +It does not run at http:\/\/127\.0\.0\.1:\d+\./,
      /^ok +database +PostgreSQL \d+\.\d+ at .*, UTF8\./,
      /^ok +clock +The control database's clock agrees with this machine's\./,
      /^ok +tables +As the migrations make them\./,
      /^ok +keys +SECRET_KEY opens the URIs of all 2 pools\./,
      /^ok +pool near +PostgreSQL .*: FIFO, CLAIMS, AOD, HIGH_THROUGHPUT/,
      /^ok +pool near +As the migrations make them\./,
      /^ok +pool fast +Redis \d+\.\d+\.\d+ at redis:.*: FIFO, CLAIMS, AOD, HIGH_THROUGHPUT, DURABILITY\./,
      /^ok +accounts +AUTH=none/,
      /^ok +key-value stores +Redis \d/,
    ])
      expect(output).toMatch(new RegExp(line.source, "m"));
    expect(await query("SELECT nspname FROM pg_namespace ORDER BY 1")).toEqual(schemas);
    expect(await redis.keys()).toBe("*0\r\n");
  });

  test("what is wrong is told with what to do, and ends with 1", async () => {
    const indexes = await query(
      "SELECT indexname FROM pg_indexes WHERE schemaname = 'near' AND indexname LIKE '%idx' LIMIT 1",
    );
    const [{ indexname }] = indexes as [{ indexname: string }];
    await query(`DROP INDEX near.${indexname}`);
    const [last] = (await query(
      `DELETE FROM _prisma_migrations WHERE migration_name =
         (SELECT max(migration_name) FROM _prisma_migrations) RETURNING migration_name`,
    )) as [{ migration_name: string }];
    const { code, status, findings } = await examine({
      REDIS_URL: "redis://127.0.0.1:1",
      AUTH: "accounts",
      DATABSE_URL: "x",
    });
    expect({ code, status }).toEqual({ code: 1, status: "failed" });
    const found = findings.filter(({ state }) => state === "failed" || state === "warning");
    for (const { advice } of found) expect(advice).toMatch(/^.{10,}$/);
    expect(brief(found)).toEqual(
      expect.arrayContaining([
        "warning settings: DATABSE_URL is set, and is no setting: nothing reads it.",
        `warning tables: Migrations are missing: ${last.migration_name}.`,
        `failed pool near: They are not as the migrations make them: index ${indexname} is missing.`,
        "warning accounts: AUTH=accounts, and there is nobody yet.",
        expect.stringMatching(/^failed key-value stores: redis:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/),
      ]),
    );
  });

  test("two pools that are one store, or a copy of it, are told", async () => {
    // As the service does when it first uses the pool.
    const fast = await openRedisDataDriver({ uri: redis.url });
    await fast.close();
    const client = createClient({ url: redis.url });
    await client.connect();
    await client.set("slow:identity", fast.identity);
    client.destroy();
    await addPool("slow", `${redis.url}/slow`);
    for (const [copy, of] of [
      ["near_again", "near"],
      ["own", "public"],
    ] as const) {
      await addSchema(copy);
      await query(`UPDATE ${copy}.pool_identity SET seed = (SELECT seed FROM ${of}.pool_identity)`);
    }
    const { code, findings } = await examine();
    expect(code).toBe(1);
    const twins = brief(findings).filter((finding) => finding.includes("same server"));
    const same = (pool: string, first: string) =>
      `failed pool ${pool}: It is the same server and namespace as the pool ${first}, or a copy of it: both stores have one identity.`;
    expect(twins).toEqual([same("near_again", "near"), same("own", "default"), same("slow", "fast")]);
    await query("DELETE FROM pools WHERE name IN ('near_again', 'own', 'slow')");
  });

  test("a newer database, another key, and servers that lose messages", async () => {
    await query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at) VALUES ('x', 'x', '29990101', now())`,
    );
    await redis.stop();
    redis = await startRedis(["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru", "--appendonly", "no"]);
    const [other, lossy] = await Promise.all([
      examine({ SECRET_KEY: "another secret key altogether" }),
      examine({ REDIS_URL: redis.url }),
    ]);
    expect(brief(other.findings)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^failed keys: The URI of the pool fast cannot be read: .*another SECRET_KEY/),
        expect.stringMatching(/^failed tables: .*belongs to a newer Isimud.*29990101/),
      ]),
    );
    expect(brief(lossy.findings)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^failed pool fast: .*ECONNREFUSED/),
        expect.stringMatching(/^warning key-value stores: It drops entries and locks .*allkeys-lru/),
        expect.stringMatching(/^warning key-value stores: It writes nothing to its disk/),
      ]),
    );
    expect([other.code, lossy.code]).toEqual([1, 1]);
  });

  test("wrong settings, and a database that is not there, are told too", async () => {
    const parent = temporaryDataDir();
    const folder = join(parent, "none");
    const [wrong, away, fresh] = await Promise.all([
      examine({ WORKERS: "0" }),
      examine({ DATABASE_URL: "postgresql://u:secret-Zq81@127.0.0.1:1/none" }),
      examine({ DATABASE_URL: "", SECRET_KEY: "", REDIS_URL: "", DATA_DIR: folder }),
    ]);
    expect(wrong.code).toBe(1);
    expect(brief(wrong.findings)).toContainEqual(expect.stringMatching(/^failed settings: .*WORKERS: must be a whole/));
    expect(away.code).toBe(1);
    expect(brief(away.findings)).toContainEqual(expect.stringMatching(/^failed database: 127\.0\.0\.1:1, .*ECONNREF/));
    expect(JSON.stringify(away)).not.toContain("secret-Zq81");
    expect(fresh.code).toBe(0);
    expect(existsSync(folder)).toBe(false);
    removeDataDir(parent);
  });
});
