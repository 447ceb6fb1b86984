/** `npm run user`, as users run it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../support/command-line.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ AUTH: "accounts" });
});
afterAll(() => server.close());

const run = (args: string[], env: Record<string, string> = {}) => {
  const { DATABASE_URL = "", SECRET_KEY = "" } = server.engine.config;
  return runCommand(["user", ...args], { settings: { DATABASE_URL, SECRET_KEY, ...env } });
};

test("a person is made with a link that leads to the service, also where only the service knows its port", async () => {
  const role = ["--role", "viewer", "--project", "shop"];
  const [vera, olga] = await Promise.all([
    run(["add", "vera@example.com", ...role], { PORT: "4000" }),
    run(["add", "olga@example.com", ...role], { PORT: "0" }),
  ]);
  expect(vera).toMatchObject({
    code: 0,
    output: expect.stringMatching(/^http:\/\/127\.0\.0\.1:4000\/link#[\w-]{43}\n$/),
    errors: expect.stringMatching(
      /^vera@example\.com {2}vera {2}viewer in "shop" {2}never seen {2}no password yet\nTo choose.*:\n$/,
    ),
  });
  expect(olga.output).toMatch(/:0\/link#[\w-]{43}\n$/);
  expect(olga.errors).toMatch(/PORT is 0: write the port that the start has printed in place of :0\.\n$/);
});

test("a name cannot look like another person or another right", async () => {
  const name = "Eve\nroot@example.com  Root  admin in all projects";
  const added = await run(["add", "eve@example.com", "--role", "viewer", "--project", "all projects", "--name", name]);
  expect(added.errors.split("\n")[0]).toBe(
    'eve@example.com  Eve\\nroot@example.com \\u0020Root \\u0020admin in all projects  viewer in "all projects"  ' +
      "never seen  no password yet",
  );
});

test("with --json each change prints the person as JSON, and a link with it", async () => {
  const email = "jane@example.com";
  const json = async (...args: string[]) => JSON.parse((await run([...args, "--json"])).output);
  const link = expect.stringMatching(/\/link#[\w-]{43}$/);
  expect(await json("add", email, "--role", "operator")).toMatchObject({ email, link, disabledAt: null });
  const changed = { email, grants: [{ role: "viewer", projects: ["shop"] }] };
  expect(await json("role", email, "--role", "viewer", "--project", "shop")).toMatchObject(changed);
  expect(await json("disable", email)).toMatchObject({ email, disabledAt: expect.any(String) });
  expect(await json("remove", email)).toMatchObject({ email, removed: true });
});
