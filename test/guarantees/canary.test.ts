/**
 * The password of a pool is found nowhere: two pools with a known password are used in every way, failures too, and
 * then everything is searched that the service has said, written or stored.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { paths } from "../../components/paths.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { type OwnPostgres, startOwnPostgres } from "../support/own-postgres.ts";
import { START_DEADLINE_MS, startProcess, startWholeService, type WholeService } from "../support/process.ts";
import { ask, NO_REDIS, REDIS_PROGRAM, startRedis, type TestRedis } from "../support/redis.ts";

/** Survives every escaping. */
const CANARY = "canary7f3q9zzkxw";
/** With all characters that URIs, JSON, HTML and SQL escape. */
const PASSWORD = `p@:/?#%+${CANARY}&='<ü`;
const ESCAPED = encodeURIComponent(PASSWORD);
const ANOTHER = `other-${CANARY}`;

let database: TestDatabase;
let postgres: OwnPostgres;
let redis: TestRedis;
let service: WholeService;
/** What the service answered, by request. */
const answered: { what: string; text: string }[] = [];

beforeAll(async () => {
  if (REDIS_PROGRAM === undefined) throw new Error(NO_REDIS);
  [database, postgres, redis] = await Promise.all([
    createTestDatabase(),
    startOwnPostgres(),
    // Its file on disk is searched.
    startRedis(["--rdbcompression", "no"]),
  ]);
  await setPostgresPassword(new URL(postgres.url).password, PASSWORD);
  await setRedisPassword(PASSWORD);
  const settings = { LOG_LEVEL: "trace", HEALTH_INTERVAL: "10", MAX_JOB_WAIT: "1" };
  service = await startWholeService({ database, settings });
}, START_DEADLINE_MS);

afterAll(async () => {
  await service?.close();
  await Promise.all([postgres?.stop(), redis?.stop()]);
});

async function setPostgresPassword(present: string, next: string): Promise<void> {
  const client = new pg.Client({ connectionString: postgresUri(encodeURIComponent(present)) });
  await client.connect();
  await client.query(`ALTER ROLE CURRENT_USER PASSWORD ${pg.escapeLiteral(next)}`);
  await client.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'isimud%'");
  await client.end();
}

async function setRedisPassword(password: string): Promise<void> {
  const quoted = JSON.stringify(`>${password}`);
  await ask(redis.port, `ACL SETUSER ida on resetpass ${quoted} ~* &* +@all`);
  await ask(redis.port, "CLIENT KILL USER ida").catch(() => undefined);
}

/** By Unix socket or TCP, as the server listens. */
function postgresUri(password = ESCAPED, changes: Record<string, string> = {}): string {
  const url = new URL(postgres.url);
  url.searchParams.set("port", url.searchParams.get("port") ?? url.port);
  for (const [name, value] of Object.entries(changes)) url.searchParams.set(name, value);
  return url.href.replace(url.password, password);
}

const redisUri = (password = ESCAPED, port = redis.port) => `redis://ida:${password}@127.0.0.1:${port}/canary`;

async function get(path: string, headers: Record<string, string> = {}): Promise<string> {
  const answer = await fetch(`${service.url}${path}`, { headers });
  const text = await answer.text();
  answered.push({ what: `GET ${path.split("?")[0]}`, text: JSON.stringify([...answer.headers]) + text });
  return text;
}

interface GraphQLAnswer<Data> {
  data: Data | null;
  errors?: { message: string; extensions: { code: string } }[];
}

/** Sends any text as a body. */
async function send<Data = unknown>(body: string): Promise<GraphQLAnswer<Data>> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${service.url}/api/graphql`, { method: "POST", headers, body });
  const text = await answer.text();
  answered.push({ what: body.slice(0, 100), text: JSON.stringify([...answer.headers]) + text });
  return JSON.parse(text);
}

/** Runs one field with its input, and returns the codes of its errors. */
async function call(field: string, type: string, input: unknown, selection = "{ __typename }"): Promise<string[]> {
  const query = `mutation($input: ${type}!) { ${field}(input: $input) ${selection} }`;
  const { errors = [] } = await send(JSON.stringify({ query, variables: { input } }));
  return errors.map(({ extensions }) => extensions.code);
}

const verify = (uri: unknown) => call("verifyPool", "VerifyPoolInput", { uri });
const createPool = (pool: string, uri: unknown, more: object = {}) =>
  call("createPool", "CreatePoolInput", { pool, uri, weight: 1, ...more }, "{ pool { uri } }");

async function workOnQueues(): Promise<string[][]> {
  return Promise.all(
    ["pg", "redis"].map(async (queue) => {
      const messages = [{ body: { json: 1 } }];
      return [
        ...(await call("postMessages", "PostMessagesInput", { project: "p", queue, messages })),
        ...(await call("createClaim", "CreateClaimInput", { project: "p", queue })),
      ];
    }),
  );
}

/** Starts a job and waits for its end. Returns its state then. */
async function job(field: string, type: string, input: unknown): Promise<string> {
  const query = `mutation($input: ${type}!) { ${field}(input: $input) { job { id state } } }`;
  const started = await send<{ [field: string]: { job: { id: string } } }>(
    JSON.stringify({ query, variables: { input } }),
  );
  const look = `query($id: ID!) { job(id: $id) { state inputText resultText waitingFor error { message } } }`;
  expect(started.errors).toBeUndefined();
  const asked = JSON.stringify({ query: look, variables: { id: started.data?.[field]?.job.id } });
  const state = async () => (await send<{ job: { state: string } }>(asked)).data?.job.state;
  await expect.poll(state, { interval: 100 }).toMatch(/DONE|FAILED|CANCELLED/);
  return String(await state());
}

test("pools are tried, registered, changed, imported and refused", async () => {
  expect(await verify(postgresUri())).toEqual([]);
  expect(await verify(redisUri())).toEqual([]);
  expect(await verify(postgresUri(ANOTHER))).toEqual(["POOL_NOT_REACHABLE"]);
  expect(await verify(redisUri(ANOTHER))).toEqual(["POOL_NOT_REACHABLE"]);
  expect(await verify(postgresUri(ESCAPED, { port: "1" }))).toEqual(["POOL_NOT_REACHABLE"]);
  expect(await verify(redisUri(ESCAPED, 1))).toEqual(["POOL_NOT_REACHABLE"]);
  const wrong = [
    postgresUri(PASSWORD),
    redisUri(PASSWORD),
    postgresUri(ESCAPED, { port: "port" }),
    postgresUri(ESCAPED, { password: PASSWORD }),
    postgresUri(ESCAPED, { sslmode: PASSWORD }),
    postgresUri(ESCAPED, { schema: PASSWORD }),
    `mysql://ida:${ESCAPED}@127.0.0.1/db`,
    `ida:${ESCAPED}@127.0.0.1/db`,
    PASSWORD,
  ];
  for (const uri of wrong) {
    expect(await verify(uri)).toHaveLength(1);
    expect(await createPool("wrong", uri)).toHaveLength(1);
  }
  for (const uri of [{ secret: PASSWORD }, [PASSWORD, PASSWORD], { [CANARY]: 1 }])
    expect(await verify(uri)).toHaveLength(1);

  expect(await createPool("pg", postgresUri())).toEqual([]);
  expect(await createPool("redis", redisUri())).toEqual([]);
  const pools = ["redis", "pg"];
  expect(await call("createFlavor", "CreateFlavorInput", { project: "p", flavor: "f", pools })).toEqual([]);
  expect(await createPool("twin", redisUri())).toEqual(["POOL_URI_IN_USE"]);
  expect(await createPool("away", redisUri(ESCAPED, 1), { verify: false })).toEqual([]);
  expect(await call("updatePool", "UpdatePoolInput", { pool: "away", uri: redisUri(ANOTHER, 1) })).toHaveLength(1);
  expect(await call("updatePool", "UpdatePoolInput", { pool: "redis", uri: redisUri() })).toEqual([]);
  const file = {
    version: 1,
    pools: [
      { name: "redis", uri: redisUri(), weight: 2 },
      { name: "imported", uri: redisUri(ANOTHER), weight: 1 },
      { name: "damaged", uri: PASSWORD, weight: PASSWORD },
    ],
  };
  const changes = "{ changes { afterText beforeText error { message } } }";
  for (const dryRun of [true, false]) {
    await call("importSettings", "ImportSettingsInput", { file: { json: file }, dryRun }, changes);
    await call(
      "importSettings",
      "ImportSettingsInput",
      { file: { json: { pools: [{ uri: PASSWORD }] } }, dryRun },
      changes,
    );
  }
});

test("requests that hold it are malformed", async () => {
  const literal = JSON.stringify(postgresUri());
  const documents = [
    `mutation { verifyPool(input: { uri: ${literal} }) { nothing } }`,
    `mutation { verifyPool(input: { uri: ${literal}, more: ${literal} }) { __typename } }`,
    `mutation { verifyPool(input: { uri: ${literal} { __typename } }`,
    `mutation { verifyPool(input: { uri: [${literal}, 1] }) { __typename } }`,
    `mutation { verifyPool(uri: ${literal}) { __typename } }`,
    `mutation { verifyPool(input: ${literal}) { __typename } }`,
    `mutation { createPool(input: { pool: "x", weight: ${literal}, uri: ${literal} }) { __typename } }`,
  ];
  for (const query of documents) {
    expect((await send(JSON.stringify({ query }))).errors?.length).toBeGreaterThan(0);
    await get(`/api/graphql?query=${encodeURIComponent(query)}`, { "apollo-require-preflight": "1" });
  }
  await send(`{"query": "mutation { __typename }", "variables": ${literal}}`);
  await send(`{"query": "mutation { __typename }", "variables": {"x": ${literal}`);
  await get(`/api/nothing?uri=${encodeURIComponent(postgresUri())}`);
});

test("queues in them are used and moved, while they work and when they have failed", async () => {
  for (const queue of ["pg", "redis"]) {
    const metadata = { json: { _flavor: "f" } };
    expect(await call("createQueue", "CreateQueueInput", { project: "p", queue, metadata })).toEqual([]);
    const entry = { project: "p", queue, pool: queue };
    expect(await call("insertCatalogueEntry", "InsertCatalogueEntryInput", entry)).toEqual([]);
  }
  expect(await workOnQueues()).toEqual([[], []]);
  expect(await job("moveQueue", "MoveQueueInput", { project: "p", queue: "pg", pool: "redis" })).toBe("DONE");
  expect(await job("moveQueue", "MoveQueueInput", { project: "p", queue: "pg", pool: "pg" })).toBe("DONE");

  // The servers take another password now, as after a rotation that nobody told Isimud of.
  await Promise.all([setPostgresPassword(PASSWORD, ANOTHER), setRedisPassword(ANOTHER)]);
  for (const codes of await workOnQueues()) expect(codes.length).toBeGreaterThan(0);
  await call("collectGarbage", "CollectGarbageInput", {});
  expect(await job("moveQueue", "MoveQueueInput", { project: "p", queue: "pg", pool: "redis" })).toBe("FAILED");
  await lookAtEverything();

  // Otherwise it could not be killed.
  await setPostgresPassword(ANOTHER, new URL(postgres.url).password);
  await postgres.kill();
  await ask(redis.port, "SAVE");
  redis.child.kill("SIGSTOP");
  await workOnQueues();
  await lookAtEverything();
  redis.child.kill("SIGCONT");
  await postgres.restart();
});

async function lookAtEverything(): Promise<void> {
  const { audit, catalogue, flavors, health, job: jobPage, jobs, overview, pool, pools, queue, settings } = paths;
  const pages = [overview(), pools(), catalogue(), flavors(), health(), jobs(), audit(), settings(), jobPage("Job:1")];
  const named = ["pg", "redis", "away"].flatMap((name) => [pool(name), queue("p", name)]);
  await Promise.all([...pages, ...named].map((path) => get(path)));
  const lists = ["queues", "pools", "flavors", "catalogue", "jobs", "problems", "audit"];
  for (const list of lists) await Promise.all([get(`/api/export/${list}.csv`), get(`/api/export/${list}.ndjson`)]);
  await Promise.all(["settings.json", "claims.csv"].map((file) => get(`/api/export/${file}`)));
  await Promise.all(["health", "health/ready", "metrics"].map((path) => get(`/api/${path}`)));
  const query = `{
    pools { nodes { name uri optionsText capabilities problems { text evidence advice } health { __typename } } }
    problems { nodes { text evidence advice } }
    auditEntries(first: 100) { nodes { action target reason detailsText } }
    jobs { nodes { inputText resultText targetName error { message } } }
    settingsFile { fileText }
  }`;
  const { errors } = await send(JSON.stringify({ query }));
  expect(errors).toBeUndefined();
}

test("a control database that refuses it says nothing of it", async () => {
  const settings = { DATABASE_URL: postgresUri(`wrong-${CANARY}`), SECRET_KEY: "a secret key for tests only" };
  const failed = startProcess({ ...settings, PORT: "0", LOG_LEVEL: "trace" });
  expect(await failed.ended).toBe(1);
  answered.push({ what: "a start that fails", text: failed.output() });
});

test("it is found in no answer, page, export, metric, log line, column, key or file", async () => {
  expect(answered.length).toBeGreaterThan(100);
  expect(answered.filter(({ text }) => holds(text)).map(({ what }) => what)).toEqual([]);
  expect(service.output()).toContain('"level"');
  expect(linesWith(service.output())).toEqual([]);
  for (const url of [database.url, postgres.url]) {
    const { tables, found } = await searchDatabase(url);
    expect(tables).toBeGreaterThan(5);
    expect(found).toEqual([]);
  }
  const [, folder = ""] = /dir\r\n\$\d+\r\n(.*)\r\n/.exec(await ask(redis.port, "CONFIG GET dir")) ?? [];
  const file = readFileSync(join(folder, "dump.rdb"), "latin1");
  expect(file).toContain("canary:");
  expect(holds(file)).toBe(false);
});

test("the search finds it in each form that a text may have", () => {
  const texts = [PASSWORD, ESCAPED, PASSWORD.toUpperCase(), JSON.stringify(PASSWORD)];
  const bytes = ["", "a", "ab"].map((before) => Buffer.from(before + PASSWORD));
  const encoded = bytes.flatMap((of) => (["base64", "base64url", "hex"] as const).map((form) => of.toString(form)));
  expect([...texts, ...encoded].map(holds)).not.toContain(false);
  expect(holds("can4ry")).toBe(false);
});

/** As text and in hex; and in base64, where the bytes before it shift it by nothing, one or two. */
function forms(): string[] {
  const inBase64 = [0, 1, 2].map((shift) => {
    const text = Buffer.from("x".repeat(shift) + CANARY).toString("base64url");
    // The first and the last characters depend on what stands beside it.
    return text.slice(4, Math.floor(((shift + CANARY.length) * 4) / 3) - 1);
  });
  return [CANARY, Buffer.from(CANARY).toString("hex"), ...inBase64].map((form) => form.toLowerCase());
}

const FORMS = forms();

function holds(text: string): boolean {
  const lower = text.toLowerCase();
  return FORMS.some((form) => lower.includes(form));
}

const linesWith = (text: string) => text.split("\n").filter(holds);

/** Searches each row of each table as text. Bytes are in hex there. */
async function searchDatabase(url: string): Promise<{ tables: number; found: string[] }> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    const found: string[] = [];
    for (const { name } of rows) {
      const table = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
      if (table.rows.some(({ row }) => holds(row))) found.push(name);
    }
    return { tables: rows.length, found };
  } finally {
    await client.end();
  }
}
