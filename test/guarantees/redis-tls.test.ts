/**
 * Pools with a `rediss://` URI. They are used if the certificate is trusted. Otherwise they are refused, and the error
 * says what to do.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openRedisDataDriver } from "../../server/storage/redis/data-driver.ts";
import { type Authority, anAuthority, describeWithOpenssl } from "../support/certificates.ts";
import { createTestDatabase } from "../support/database.ts";
import { openPooled } from "../support/pooled.ts";
import { freePort } from "../support/process.ts";
import { describeWithRedis, startRedis, startRedisCluster, type TestRedis } from "../support/redis.ts";

const run = promisify(execFile);
const POSTER = fileURLToPath(new URL("random-poster.ts", import.meta.url));

const tls = () => {
  let authority: Authority;
  let server: TestRedis;
  /** The TLS port of the same server. */
  let port: number;
  const encrypted = (...subjects: string[]) => {
    const { certificate, key } = authority.certify(...subjects);
    const files = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", authority.file];
    return [...files, "--tls-auth-clients", "no"];
  };
  beforeAll(async () => {
    authority = anAuthority();
    port = await freePort();
    server = await startRedis(["--tls-port", `${port}`, ...encrypted("DNS:localhost", "IP:127.0.0.1")]);
  });
  afterAll(async () => {
    await server.stop();
    authority.remove();
  });

  const opening = (uri: string) =>
    openRedisDataDriver({ uri }).then(
      () => "opened",
      (error: { code: string; message: string }) => `${error.code} ${error.message}`,
    );
  /** Posts to the queues q0 to q3 from a process that trusts the authority. */
  async function postTrusting(uri: string): Promise<string> {
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: authority.file };
    return (await run(process.execPath, [POSTER, uri, "4", "50"], { env })).stdout.trim();
  }
  async function postedTo(url: string, uri: string): Promise<number> {
    const driver = await openRedisDataDriver({ uri: url });
    try {
      const queues = [0, 1, 2, 3].map((index) => ({ project: "p", name: `q${index}` }));
      for (const queue of queues) await driver.attachQueue({ ...queue, epoch: 1 });
      expect(await postTrusting(uri)).toBe("50");
      const stats = await driver.messages.stats(queues);
      return stats.reduce((sum, one) => sum + (one?.total ?? 0), 0);
    } finally {
      await driver.close();
    }
  }

  it.each(["localhost", "127.0.0.1"])(
    "a server whose certificate authority the process trusts can be used by the name %s",
    async (host) => {
      const prefix = host.replaceAll(".", "-");
      expect(await postedTo(`${server.url}/${prefix}`, `rediss://${host}:${port}/${prefix}`)).toBe(50);
    },
  );

  it("each server of a cluster can be used when its certificate authority is trusted", async () => {
    const cluster = await startRedisCluster(3, false, encrypted("IP:127.0.0.1"), true);
    try {
      expect(await postedTo(cluster.url, `rediss://127.0.0.1:${cluster.tlsPort}/?cluster=true`)).toBe(50);
    } finally {
      await cluster.stop();
    }
  });

  it("an unknown certificate authority is named as the reason, with the variable that adds it", async () => {
    const refusal = await opening(`rediss://localhost:${port}`);
    expect(refusal).toContain("STORAGE_UNAVAILABLE");
    expect(refusal).toContain("NODE_EXTRA_CA_CERTS");
  });

  it("a certificate for another host is refused, even when its authority is trusted", async () => {
    const other = await freePort();
    const stranger = await startRedis(["--tls-port", `${other}`, ...encrypted("DNS:elsewhere.example")]);
    try {
      const uri = `rediss://localhost:${other}`;
      const failure = (await postTrusting(uri).catch((error: { stderr: string }) => error.stderr)) as string;
      expect(failure).toContain("certificate is for another host");
    } finally {
      await stranger.stop();
    }
  });

  it("a rediss:// URI with a port without TLS is refused with that reason, and a redis:// URI with a TLS port is unavailable", async () => {
    expect(await opening(`rediss://localhost:${server.port}`)).toContain("its port is one without TLS");
    expect(await opening(`redis://localhost:${port}`)).toContain("STORAGE_UNAVAILABLE");
  });

  it("inspecting a pool's URI shows the reason, without the pool's secrets", async () => {
    const database = await createTestDatabase();
    const pooled = await openPooled({ url: database.url });
    try {
      const uri = `rediss://user:secret-word@localhost:${port}`;
      const refusal: Error = await pooled.data.inspect(uri).catch((error) => error);
      expect(refusal).toMatchObject({
        code: "POOL_NOT_REACHABLE",
        message: expect.stringContaining("NODE_EXTRA_CA_CERTS"),
      });
      expect(refusal.message).not.toContain("secret-word");
    } finally {
      await pooled.close();
      await database.drop();
    }
  });
};

describeWithRedis(() => describeWithOpenssl(tls));
