/** The compose file, with the secrets that docs/deploying.md makes. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { requireStrongPassword } from "../../../server/access/accounts/passwords.ts";
import { readConfig } from "../../../server/config.ts";
import { asAccount, binary } from "../../../server/embedded-postgres/cluster.ts";
import { findInstallation } from "../../../server/embedded-postgres/installation.ts";
import { endWithTests } from "../../support/end-with-tests.ts";
import { freePort, removeDataDir, temporaryDataDir } from "../../support/process.ts";
import { has } from "../../support/programs.ts";
import { REDIS_PROGRAM, startRedis } from "../../support/redis.ts";

const top = fileURLToPath(new URL("../../..", import.meta.url));
const ADMIN = "admin@example.org";

interface Service {
  image: string;
  environment?: Record<string, string>;
  secrets: { source: string }[];
  networks: Record<string, unknown>;
  ports?: string[];
  command?: string[];
  [more: string]: unknown;
}
interface Composed {
  services: Record<string, Service>;
  secrets: Record<string, { file: string }>;
  networks: Record<string, { internal?: boolean }>;
}

/** What Compose makes of the file. */
function compose(environment: Record<string, string>): Composed {
  const argv = ["--file", join(top, "compose.yaml"), "--profile", "redis", "config"];
  const env = { PATH: process.env.PATH, NODE_ENV: "test" as const, ...environment };
  return parse(execFileSync("docker-compose", argv, { encoding: "utf8", stdio: "pipe", env })) as Composed;
}

let folder: string;
const secretsAt = () => join(folder, "secrets");
const secret = (name: string) => readFileSync(join(secretsAt(), name), "utf8").trim();

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "isimud-compose-"));
  const [, commands = ""] = /```sh\n( *mkdir -m 700 secrets\n[\s\S]*?)```/.exec(
    readFileSync(join(top, "docs/deploying.md"), "utf8"),
  ) as RegExpExecArray;
  execFileSync("sh", ["-e", "-c", commands], { cwd: folder, stdio: "pipe" });
});
afterAll(() => rmSync(folder, { recursive: true }));

describe.runIf(has("docker-compose"))("the compose file", () => {
  let composed: Composed;
  beforeAll(() => {
    composed = compose({ ADMIN_EMAIL: ADMIN });
  });

  test("gives the service settings that it takes", () => {
    const { environment = {} } = composed.services.isimud as Service;
    const settings = Object.entries(environment).map(([name, value]) => [
      name,
      value.replace(/^\/run\/secrets\//, `${secretsAt()}/`),
    ]);
    // As the image has them.
    const image = { HOST: "0.0.0.0", AUTH: "accounts", DATA_DIR: "/data" };
    expect(readConfig({ ...image, ...Object.fromEntries(settings) })).toMatchObject({
      PUBLIC_URL: "http://localhost:3000",
      ADMIN_EMAIL: ADMIN,
      ALLOWED_HOSTS: ["isimud"],
      DATABASE_URL: secret("database-url"),
      SECRET_KEY: secret("secret-key"),
    });
    expect(composed.services.isimud?.ports).toEqual(["127.0.0.1:3000:3000/tcp"]);
  });

  test("takes the address and the proxy from outside, and wants the first admin's", () => {
    const public_ = { PUBLIC_URL: "https://queues.example.org", TRUST_PROXY: "1" };
    expect(compose({ ADMIN_EMAIL: ADMIN, ...public_ }).services.isimud?.environment).toMatchObject(public_);
    expect(() => compose({})).toThrow("It is the address of the first admin");
  });

  test("gives no container rights, or a root that it could write on", () => {
    expect(Object.keys(composed.services).sort()).toEqual(["database", "isimud", "redis"]);
    for (const service of Object.values(composed.services)) {
      expect(service).toMatchObject({
        read_only: true,
        cap_drop: ["ALL"],
        security_opt: ["no-new-privileges:true"],
        tmpfs: expect.arrayContaining(["/tmp"]),
      });
    }
  });

  test("lets nobody but the service reach the storages", () => {
    const { database, redis, isimud } = composed.services;
    expect(composed.networks.storages?.internal).toBe(true);
    for (const storage of [database, redis]) {
      expect(Object.keys(storage?.networks ?? {})).toEqual(["storages"]);
      expect(storage?.ports).toBeUndefined();
    }
    expect(Object.keys(isimud?.networks ?? {}).sort()).toEqual(["outside", "storages"]);
  });

  test("uses those secrets that the document makes, from files", () => {
    const made = readdirSync(secretsAt()).sort();
    expect(Object.keys(composed.secrets).sort()).toEqual(made);
    for (const [name, { file }] of Object.entries(composed.secrets)) expect(file).toBe(join(top, "secrets", name));
    const used = Object.values(composed.services).flatMap(({ secrets }) => secrets.map(({ source }) => source));
    expect([...new Set(used)].sort()).toEqual(made);
    const text = readFileSync(join(top, "compose.yaml"), "utf8");
    for (const name of made) expect(text).not.toContain(secret(name));
  });

  test.runIf(REDIS_PROGRAM !== undefined)("starts a Redis in which the service reaches its own keys only", async () => {
    const [program, ...argv] = composed.services.redis?.command ?? [];
    expect(program).toBe("redis-server");
    const options = argv.map((one) => one.replace(/^\/run\/secrets\//, `${secretsAt()}/`));
    const redis = await startRedis(options);
    const [, password = ""] = /isimud on >(\S+)/.exec(secret("redis-users")) ?? [];
    const stranger = createClient({ socket: { port: redis.port, host: "127.0.0.1" } });
    const service = createClient({ url: `redis://isimud:${password}@127.0.0.1:${redis.port}` });
    try {
      await Promise.all([stranger.connect(), service.connect()]);
      expect(await stranger.ping()).toBe("PONG");
      await expect(stranger.get("isimud:one")).rejects.toThrow("NOPERM");
      expect(await service.set("isimud:one", "1")).toBe("OK");
      await expect(service.set("other", "1")).rejects.toThrow("NOPERM");
      await expect(service.flushAll()).rejects.toThrow("NOPERM");
    } finally {
      for (const client of [stranger, service]) client.destroy();
      await redis.stop();
    }
  });
});

test("the password of the first admin is strong enough", async () => {
  await expect(requireStrongPassword(secret("admin-password"), { email: ADMIN, name: ADMIN })).resolves.toBeUndefined();
});

test.runIf(has("psql"))(
  "the database's own script makes a role without rights, and a database that is its own",
  async () => {
    const cluster = await startCluster();
    const clients: pg.Client[] = [];
    const as = async (user: string, password: string, database: string) => {
      const client = new pg.Client({ host: "127.0.0.1", port: cluster.port, user, password, database });
      clients.push(client);
      await client.connect();
      return client;
    };
    try {
      const superuser = await vi.waitFor(() => as("postgres", secret("superuser-password"), "postgres"), 20_000);
      execFileSync(join(top, "deploy/compose/create-database.sh"), {
        stdio: "pipe",
        env: {
          PATH: process.env.PATH,
          NODE_ENV: "test",
          DATABASE_URL_FILE: join(secretsAt(), "database-url"),
          PGPASSWORD: secret("superuser-password"),
          PGHOST: "127.0.0.1",
          PGPORT: String(cluster.port),
        },
      });
      const isimud = await as("isimud", new URL(secret("database-url")).password, "isimud");
      await isimud.query("CREATE TABLE t (n int)");
      const { rows } = await isimud.query(
        "SELECT rolsuper OR rolcreaterole OR rolcreatedb AS rights FROM pg_roles WHERE rolname = current_user",
      );
      expect(rows).toEqual([{ rights: false }]);
      await superuser.query("CREATE ROLE stranger LOGIN PASSWORD 'stranger'");
      await expect(as("stranger", "stranger", "isimud")).rejects.toThrow("permission denied for database");
    } finally {
      for (const client of clients) await client.end().catch(() => undefined);
      await cluster.stop();
    }
  },
  60_000,
);

/** A cluster as the image of PostgreSQL has it at first: with a superuser, and nothing else. */
async function startCluster(): Promise<{ port: number; stop(): Promise<void> }> {
  const dataDir = temporaryDataDir();
  const installation = findInstallation(dataDir);
  const { home } = installation;
  const passwordFile = join(dataDir, "password");
  writeFileSync(passwordFile, secret("superuser-password"), { mode: 0o644 });
  const cluster = join(home, "cluster");
  execFileSync(
    binary(installation, "initdb"),
    ["-D", cluster, "--username=postgres", `--pwfile=${passwordFile}`, "--auth=scram-sha-256", "--no-sync"],
    { ...asAccount(installation), stdio: "pipe" },
  );
  const port = await freePort();
  const settings = ["listen_addresses=127.0.0.1", `port=${port}`, "unix_socket_directories=", "fsync=off"];
  const server = spawn(
    binary(installation, "postgres"),
    ["-D", cluster, ...settings.flatMap((setting) => ["-c", setting])],
    { ...asAccount(installation), stdio: "ignore" },
  );
  endWithTests(server);
  return {
    port,
    stop: async () => {
      const ended = once(server, "exit");
      server.kill("SIGINT");
      await ended;
      removeDataDir(dataDir);
      rmSync(home, { recursive: true, force: true });
    },
  };
}
