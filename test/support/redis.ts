/** Redis or Valkey servers for one test file, on free ports, in temporary folders. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { it } from "vitest";
import { endWithTests } from "./end-with-tests.ts";
import { freePort } from "./process.ts";

export const REDIS_PROGRAM = ["redis-server", "valkey-server"].find((name) => {
  try {
    execFileSync(name, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
});

export const NO_REDIS = "There is no redis-server or valkey-server on the path: apt-get install redis-server";

/**
 * Runs the suites if there is a server program. Otherwise skips them and says what to install, or throws when CI is
 * true.
 */
export function describeWithRedis(suites: () => void): void {
  if (REDIS_PROGRAM !== undefined) {
    suites();
    return;
  }
  if (process.env.CI === "true") throw new Error(NO_REDIS);
  console.warn(NO_REDIS);
  // A skipped test whose name says what to install.
  it.skip(NO_REDIS);
}

export interface TestRedis {
  port: number;
  /** A pool's URI. No other test uses this server. */
  url: string;
  /** The server's process. Tests send signals to it. */
  child: ChildProcess;
  /** The names of all keys, as the raw reply. */
  keys(): Promise<string>;
  stop(): Promise<void>;
  /** Starts it again, with the data that it had written to its disk. */
  restart(): Promise<void>;
}

export async function startRedis(settings: readonly string[] = []): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), "isimud-redis-"));
  const port = await freePort();
  const begin = () => beginServer(folder, port, settings);
  const server: TestRedis = {
    port,
    url: `redis://127.0.0.1:${port}`,
    child: await begin(),
    keys: () => ask(port, "KEYS *"),
    async stop() {
      await end(server.child);
      rmSync(folder, { recursive: true, force: true });
    },
    async restart() {
      await end(server.child);
      server.child = await begin();
    },
  };
  return server;
}

export interface TestCluster {
  url: string;
  /** The TLS port of the first server. 0 without TLS. */
  tlsPort: number;
  servers: TestRedis[];
  stop(): Promise<void>;
}

const SLOTS = 16_384;

/**
 * Starts a cluster of masters. `withReplica`: the first one gets a replica. `tls`: each server also has a TLS port;
 * `settings` then name the certificates. The servers find one another through the cluster bus, on further ports.
 */
export async function startRedisCluster(
  masters = 3,
  withReplica = false,
  settings: readonly string[] = [],
  tls = false,
): Promise<TestCluster> {
  const servers: TestRedis[] = [];
  let firstTlsPort = 0;
  const size = masters + (withReplica ? 1 : 0);
  for (let index = 0; index < size; index += 1) {
    const bus = await freePort();
    const clustered = ["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-port", `${bus}`];
    const timeout = ["--cluster-node-timeout", withReplica ? "1000" : "15000"];
    const tlsPort = tls ? await freePort() : 0;
    const encrypted = tls ? ["--tls-port", `${tlsPort}`, "--tls-cluster", "yes"] : [];
    if (index === 0) firstTlsPort = tlsPort;
    const server = await startRedis([...clustered, ...timeout, ...encrypted, ...settings]);
    servers.push(Object.assign(server, { restart: restartWhole(server) }));
    if (index < masters) {
      await ask(server.port, `CLUSTER SET-CONFIG-EPOCH ${index + 1}`);
      const from = Math.floor((index * SLOTS) / masters);
      const to = Math.floor(((index + 1) * SLOTS) / masters) - 1;
      await ask(server.port, `CLUSTER ADDSLOTSRANGE ${from} ${to}`);
    }
    if (index > 0) await ask((servers[0] as TestRedis).port, `CLUSTER MEET 127.0.0.1 ${server.port} ${bus}`);
  }
  const stop = async () => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const states = await Promise.all(servers.map(({ port }) => ask(port, "CLUSTER INFO")));
    const whole = `cluster_known_nodes:${size}`;
    if (states.every((state) => state.includes("cluster_state:ok") && state.includes(whole))) {
      if (withReplica) await replicate(servers.at(-1) as TestRedis, servers[0] as TestRedis);
      return { url: `${servers[0]?.url}/?cluster=true`, tlsPort: firstTlsPort, servers, stop };
    }
    await sleep(100);
  }
  await stop();
  throw new Error("The servers did not become a cluster.");
}

/**
 * A restart of a cluster's server that waits until it takes writes. Each finds out by itself that the cluster is whole
 * again, seconds after it and the other servers answer, and refuses all until then.
 */
function restartWhole({ port, restart }: TestRedis): () => Promise<void> {
  return async () => {
    await restart();
    for (let attempt = 0; attempt < 300; attempt += 1) {
      if ((await ask(port, "CLUSTER INFO")).includes("cluster_state:ok")) return;
      await sleep(100);
    }
    throw new Error("The cluster did not become whole again.");
  };
}

async function replicate(replica: TestRedis, master: TestRedis): Promise<void> {
  const [, id] = /\r\n([0-9a-f]{40})/.exec(await ask(master.port, "CLUSTER MYID")) ?? [];
  await ask(replica.port, `CLUSTER REPLICATE ${id}`);
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if ((await ask(replica.port, "INFO replication")).includes("master_link_status:up")) return;
    await sleep(100);
  }
  throw new Error("The replica did not follow its master.");
}

async function beginServer(folder: string, port: number, settings: readonly string[]): Promise<ChildProcess> {
  const where = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
  const child = spawn(REDIS_PROGRAM as string, [...where, ...settings], { stdio: ["ignore", "pipe", "pipe"] });
  endWithTests(child);
  let output = "";
  child.stdout?.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr?.resume();
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`The server ended at once.\n${output}`);
    if ((await ask(port, "PING").catch(() => "")).startsWith("+PONG")) return child;
    await sleep(50);
  }
  child.kill("SIGKILL");
  throw new Error(`The server did not answer.\n${output}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  // A stopped process reacts to no other signal.
  child.kill("SIGKILL");
  await ended;
}

/** Sends one command on a connection of its own. Returns the first chunk of the reply; throws if it is an error. */
export function ask(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(`${command}\r\n`));
    socket.setTimeout(5000, () => socket.destroy(new Error("The server did not answer.")));
    socket.once("error", reject);
    socket.once("data", (data) => {
      const answer = String(data);
      socket.destroy();
      if (answer.startsWith("-")) reject(new Error(answer));
      else resolve(answer);
    });
  });
}
