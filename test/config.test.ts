import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test, vi } from "vitest";
import { environmentForChild, isLoopback, readConfig } from "../server/config.ts";

describe("readConfig", () => {
  test("needs nothing, and gives Zaqar's limits", () => {
    const config = readConfig({});
    expect(config.HOST).toBe("127.0.0.1");
    expect(config.PORT).toBe(3000);
    expect(config.DATABASE_URL).toBeUndefined();
    expect(config.MAX_MESSAGE_TTL).toBe(1_209_600);
    expect(config.MAX_CLAIM_TTL).toBe(43_200);
  });

  test("takes an empty value as left out", () => {
    expect(readConfig({ PORT: "", DATABASE_URL: "" }).PORT).toBe(3000);
  });

  test.each([
    ["PORT", "http"],
    ["PORT", "70000"],
    ["PORT", "-1"],
    ["GC_INTERVAL", "0"],
    ["MAX_PAGE_SIZE", "1e3"],
    ["DATABASE_URL", "mysql://localhost/x"],
    ["DATABASE_URL", "postgres://me@localhost:99999/x"],
    ["DATABASE_URL", "postgres://me@localhost/x?sslrootcert=/dev/zero"],
    ["REDIS_URL", "redis://localhost?tls=true"],
    ["REDIS_URL", "http://localhost"],
    ["SECRET_KEY", "short"],
    ["PUBLIC_URL", "ftp://example.org"],
    ["TRUST_PROXY", "0"],
    ["TRUST_PROXY", "11"],
    ["TRUST_PROXY", "nginx"],
    ["TRUST_PROXY", "10.0.0.0/33"],
    ["CORS_ORIGINS", "*"],
    ["CORS_ORIGINS", "https://shop.example.org/"],
    ["MONITOR_ADDRESSES", "10.0.0.0/8, prometheus"],
    ["ALLOWED_HOSTS", "isimud:3000"],
    ["ALLOWED_HOSTS", "*"],
    ["LOG_LEVEL", "loud"],
    ["ENVIRONMENT_COLOR", "pink"],
    ["AUTH", "password"],
    ["BASE_PATH", "queues"],
    ["BASE_PATH", "/queues/"],
    ["BASE_PATH", "/.."],
    ["BASE_PATH", "/queues/./x"],
    ["BASE_PATH", `/${"x".repeat(300)}`],
    ["DRAIN_SECONDS", "60"],
    ["HEALTH_INTERVAL", "9"],
    ["HEALTH_INTERVAL", "301"],
    ["QUEUE_SAMPLES", "yes"],
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"],
    ["OTEL_TRACES_SAMPLER", "sometimes"],
    ["OTEL_TRACES_SAMPLER_ARG", "10"],
    ["OTEL_TRACES_SAMPLER_ARG", "few"],
  ])("names %s when it is %j", (name, value) => {
    expect(() => readConfig({ [name]: value })).toThrow(new RegExp(`^These settings are wrong[\\s\\S]*\\n  ${name}: `));
  });

  test.each([0, 10, 300])("takes a HEALTH_INTERVAL of %i", (seconds) => {
    expect(readConfig({ HEALTH_INTERVAL: String(seconds) }).HEALTH_INTERVAL).toBe(seconds);
  });

  test("names every wrong setting at once", () => {
    expect(() => readConfig({ PORT: "x", LOG_LEVEL: "x" })).toThrow(/PORT: [\s\S]*LOG_LEVEL: /);
  });

  test("wants a SECRET_KEY beside a DATABASE_URL", () => {
    expect(() => readConfig({ DATABASE_URL: "postgres://me@localhost/x" })).toThrow("SECRET_KEY is needed");
  });

  describe("a secret", () => {
    const folder = mkdtempSync(join(tmpdir(), "isimud-secrets-"));
    const holding = (text: string) => {
      const file = join(folder, `secret-${readdirSync(folder).length}`);
      writeFileSync(file, text);
      return file;
    };
    afterAll(() => rmSync(folder, { recursive: true }));

    test.each([
      ["DATABASE_URL", "postgres://me@localhost/x"],
      ["REDIS_URL", "redis://localhost"],
      ["SECRET_KEY", "sixteen letters!"],
      ["OLD_SECRET_KEY", "sixteen letters!"],
      ["OIDC_CLIENT_SECRET", "secret"],
    ])("%s may come from a file, but not twice", (name, value) => {
      const file = holding(`${value}\n`);
      const beside = { SECRET_KEY_FILE: holding("sixteen letters!") };
      expect(readConfig({ ...beside, [`${name}_FILE`]: file })).toMatchObject({ [name]: value });
      expect(() => readConfig({ [name]: value, [`${name}_FILE`]: file })).toThrow(
        `Set ${name} or ${name}_FILE, not both`,
      );
    });

    test("in a file is checked as in the environment", () => {
      expect(() => readConfig({ SECRET_KEY_FILE: holding("short") })).toThrow("SECRET_KEY: must have at least");
      expect(() => readConfig({ SECRET_KEY_FILE: holding("") })).toThrow(/^SECRET_KEY_FILE is .*, which is empty/);
      expect(() => readConfig({ SECRET_KEY_FILE: "/nowhere" })).toThrow(
        "SECRET_KEY_FILE is /nowhere, which cannot be read",
      );
    });

    test("that a child process is given counts before the parent's file", () => {
      vi.stubEnv("SECRET_KEY_FILE", "/nowhere");
      const environment = environmentForChild({ SECRET_KEY: "sixteen letters!" });
      vi.unstubAllEnvs();
      expect(
        readConfig({ SECRET_KEY: environment.SECRET_KEY, SECRET_KEY_FILE: environment.SECRET_KEY_FILE }),
      ).toMatchObject({
        SECRET_KEY: "sixteen letters!",
      });
    });
  });

  test.each(["0.0.0.0", "::", "192.168.1.2", "example.org", "127.0.0.1.example.org"])(
    "refuses to serve %s without accounts",
    (host) => {
      expect(() => readConfig({ HOST: host })).toThrow(`HOST is ${host}, but AUTH=none serves loopback only`);
    },
  );

  test.each([
    [{ TRUST_PROXY: "1", PUBLIC_URL: "https://queues.example.org" }, "whoever reaches the proxy would be admin"],
    [{ CORS_ORIGINS: "https://shop.example.org" }, "whoever opens those pages would be admin"],
    [{ ALLOWED_HOSTS: "isimud" }, "a page that uses such a name could act as admin"],
  ])("refuses %o without accounts", (settings, reason) => {
    expect(() => readConfig(settings)).toThrow(reason);
  });

  test("takes the path of PUBLIC_URL from BASE_PATH", () => {
    const at = (PUBLIC_URL: string, BASE_PATH = "") => readConfig({ PUBLIC_URL, BASE_PATH }).PUBLIC_URL;
    expect(at("https://example.org/")).toBe("https://example.org");
    expect(at("https://example.org", "/queues")).toBe("https://example.org/queues");
    expect(at("https://example.org/queues/", "/queues")).toBe("https://example.org/queues");
    expect(() => at("https://example.org/queues")).toThrow("A path comes from BASE_PATH");
    expect(() => at("https://me:secret@example.org")).toThrow("PUBLIC_URL");
  });

  test.each(["127.0.0.1", "127.8.9.10", "::1", "localhost"])("takes %s as loopback", (host) => {
    expect(isLoopback(host)).toBe(true);
  });
});
