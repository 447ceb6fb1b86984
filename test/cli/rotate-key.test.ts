import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openEngine } from "../../server/bootstrap.ts";
import { readConfig } from "../../server/config.ts";
import { createSecretBox } from "../../server/secret-box.ts";
import { createPostgresControlDriver } from "../../server/storage/postgres/control/control-driver.ts";
import { rotatePoolKeys } from "../../server/storage/postgres/control/reencrypt-pools.ts";
import { openConnections } from "../../server/storage/postgres/sql/connection.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const KEYS = ["the first key of all", "the second key of all", "the third key of all"] as const;
const CANARY = "canary-Zq81";

describe("a change of the secret key", () => {
  let database: TestDatabase;
  let connections: ReturnType<typeof openConnections>;
  beforeAll(async () => {
    database = await createTestDatabase();
    connections = openConnections({ url: database.url, connections: 4 });
    const { pools } = driver(KEYS[0]);
    for (const name of ["a", "b"]) {
      await pools.create({ name, uri: `postgresql://user:${CANARY}@${name}/db`, weight: 1 });
    }
  });
  afterAll(async () => {
    await connections.end();
    await database.drop();
  });

  const driver = (key: string) =>
    createPostgresControlDriver({ connections, schema: "public", secrets: createSecretBox(key) });
  const rotate = (from: string, to: string) =>
    rotatePoolKeys({ connections, schema: "public", from: createSecretBox(from), to: createSecretBox(to) });
  const run = (environment: Record<string, string>, ...words: string[]) =>
    promisify(execFile)(
      process.execPath,
      [fileURLToPath(new URL("../../server/cli/isimud.ts", import.meta.url)), "rotate-key", ...words],
      {
        env: { NODE_ENV: "test", PATH: "", DATABASE_URL: database.url, ...environment },
      },
    );

  it("encrypts the pools' URIs with the new key only, and they are still found by server and namespace", async () => {
    expect(await rotate(KEYS[0], KEYS[1])).toBe(2);
    const { pools } = driver(KEYS[1]);
    expect((await pools.get("a")).uri).toBe(`postgresql://user:${CANARY}@a/db`);
    await expect(driver(KEYS[0]).pools.get("a")).rejects.toMatchObject({ code: "INTERNAL" });
    await expect(pools.create({ name: "c", uri: "postgresql://A:5432/db", weight: 1 })).rejects.toMatchObject({
      code: "POOL_URI_IN_USE",
    });
  });

  it("lets the service start with the new key only", async () => {
    const config = (key: string) => readConfig({ DATABASE_URL: database.url, SECRET_KEY: key });
    const log = pino({ level: "silent" });
    await expect(openEngine(config(KEYS[0]), { log })).rejects.toThrow(/another SECRET_KEY/);
    await (await openEngine(config(KEYS[1]), { log })).close();
  });

  it("changes nothing when it is done already", async () => {
    expect(await rotate(KEYS[0], KEYS[1])).toBe(0);
    expect((await driver(KEYS[1]).pools.get("b")).uri).toContain(CANARY);
  });

  it("changes nothing when a single URI cannot be decrypted", async () => {
    await driver(KEYS[2]).pools.create({ name: "z", uri: "postgresql://z/db", weight: 1 });
    await expect(rotate(KEYS[1], "yet another key, the fourth")).rejects.toMatchObject({ code: "INTERNAL" });
    expect((await driver(KEYS[1]).pools.get("a")).uri).toContain(CANARY);
    await driver(KEYS[2]).pools.delete("z");
  });

  it("is a command that prints what it did", async () => {
    const { stdout } = await run({ OLD_SECRET_KEY: KEYS[1], SECRET_KEY: KEYS[2] });
    expect(stdout).toMatch(/again: 2\./);
    expect((await driver(KEYS[2]).pools.get("a")).uri).toContain(CANARY);
  });

  it("discards the URIs and nothing else when the key is lost, and updatePool sets them again", async () => {
    const { pools } = driver("a new key, since the former is lost");
    await expect(pools.get("a")).rejects.toMatchObject({ code: "INTERNAL" });
    const { stdout } = await run({ SECRET_KEY: "a new key, since the former is lost" }, "--lost");
    expect(stdout).toMatch(/again, by updatePool: 2\./);
    expect(await pools.get("a")).toMatchObject({
      name: "a",
      weight: 1,
      maskedUri: expect.stringContaining("lost.invalid"),
    });
    await pools.update("a", { uri: `postgresql://user:${CANARY}@a/db` });
    await pools.update("b", { uri: `postgresql://user:${CANARY}@b/db` });
    expect(await rotate("a new key, since the former is lost", KEYS[2])).toBe(2);
  });

  it("fails with what to do, and shows no secret", async () => {
    for (const [environment, code, reason] of [
      [{ SECRET_KEY: KEYS[1] }, 2, "OLD_SECRET_KEY must"],
      [{ OLD_SECRET_KEY: KEYS[0], SECRET_KEY: KEYS[1] }, 1, "another SECRET_KEY"],
    ] as const) {
      const error = await run(environment).catch((failure: unknown) => failure);
      expect(error).toMatchObject({ code, stderr: expect.stringContaining(reason) });
      expect(JSON.stringify(error)).not.toContain(CANARY);
    }
  });
});
