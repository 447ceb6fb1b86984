/** The programs in docs/programs.md do what they say: each is taken out of the document and run. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { ERROR_CODES, type ErrorFacts } from "../../server/errors.ts";
import { postMessages, startApi } from "../graphql/api.ts";

const { api, server } = startApi();

const top = fileURLToPath(new URL("../..", import.meta.url));
const document = readFileSync(join(top, "docs/programs.md"), "utf8");

/** The block that begins with this line, with the address of this test's server. */
function programOf(heading: string): string {
  const [, after] = document.split(`\n\`\`\`${heading}\n`);
  if (after === undefined) throw new Error(`docs/programs.md has no block "${heading}".`);
  const [text = ""] = after.split("\n```");
  expect(text).toContain("http://127.0.0.1:3000");
  return text.replaceAll("http://127.0.0.1:3000", server().url);
}

interface Program {
  output(): string;
  /** Its exit code. */
  ended: Promise<number | null>;
  kill: ChildProcess["kill"];
}

function run(command: string, args: string[]): Program {
  const child = spawn(command, args, { cwd: top, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended.catch(() => null);
  });
  return { output: () => output, ended, kill: (signal) => child.kill(signal) };
}

/** Runs a TypeScript program, which lies one folder below the top, as the document does. */
function runTypeScript(name: string): Program {
  const folder = mkdtempSync(join(top, ".programs-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, name), programOf(`ts ${name}`));
  return run(process.execPath, [join(folder, name)]);
}

async function stats(queue: string) {
  const query = `query S($queue: String!) { queue(project: "shop", queue: $queue) { stats { ready claimed total } } }`;
  return (await api.run(query, { queue })).queue?.stats;
}

test("the table of errors has each code once, with what server/errors.ts says of it", () => {
  const rows = [...document.matchAll(/^\| (`[A-Z_` ]+`) \| `([A-Z_]+)` \| (?:(\d+) s )?\|/gm)];
  const told = rows.flatMap(([, codes = "", retry, after]) =>
    [...codes.matchAll(/[A-Z_]+/g)].map(([code]) => [
      code,
      { retry, after: after === undefined ? null : Number(after) },
    ]),
  );
  const facts = Object.entries<ErrorFacts>(ERROR_CODES).map(([code, fact]) => [
    code,
    { retry: fact.retry, after: "retryAfterSeconds" in fact ? fact.retryAfterSeconds : null },
  ]);
  expect(told).toHaveLength(facts.length);
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(facts));
});

test("curl posts, claims and deletes", async () => {
  const program = run("sh", ["-c", programOf("sh")]);
  expect(await program.ended, program.output()).toBe(0);
  expect(program.output()).toMatch(/"ids":\["[^"]+"\].*"deleted":1/s);
  expect(await stats("curl")).toEqual({ ready: 0, claimed: 0, total: 0 });
});

test("a TypeScript worker handles what it posted, and stops in order", async () => {
  const program = runTypeScript("worker.ts");
  await expect.poll(program.output).toContain("sent");
  await expect.poll(() => stats("mails")).toMatchObject({ total: 0 });
  program.kill("SIGTERM");
  expect(await program.ended, program.output()).toBe(0);
  expect(program.output()).toBe('sent {"id":1001,"to":"ada@example.org"}\n');
});

test("a TypeScript program holds a lock and gives it back", async () => {
  const program = runTypeScript("lock.ts");
  expect(await program.ended, program.output()).toBe(0);
  expect(program.output()).toMatch(/^report with fence \d+\n$/);
  const { keyValueLocks } = await api.run('{ keyValueLocks(store: "leaders") { nodes { key } } }');
  expect(keyValueLocks.nodes).toEqual([]);
});

test("a tail begins at the start, and goes on with what is posted later", async () => {
  await postMessages(api, "shop", "mails", ["early"]);
  const program = runTypeScript("tail.ts");
  await expect.poll(program.output).toContain('tail "early"');
  await postMessages(api, "shop", "mails", ["late"]);
  await expect.poll(program.output).toContain('tail "late"');
});

test("Apollo Client reads a queue", async () => {
  await postMessages(api, "shop", "mails", ["for Apollo"]);
  const program = runTypeScript("apollo.ts");
  expect(await program.ended, program.output()).toBe(0);
  expect(program.output()).toMatch(/^ready [1-9]\d* no error\n$/);
});

test("Python posts, works, and stops after the message at hand", async ({ skip }) => {
  skip(process.env.CI !== "true" && spawnSync("python3", ["--version"]).status !== 0, "There is no python3 here.");
  const program = run("python3", ["-c", programOf("python")]);
  await expect.poll(program.output).toContain('done {"order":1001}');
  await expect.poll(() => stats("python")).toMatchObject({ total: 0 });
  program.kill("SIGTERM");
  // It waits for a message, and stops after this one.
  await postMessages(api, "shop", "python", ["last"]);
  expect(await program.ended, program.output()).toBe(0);
  expect(program.output()).toBe('done {"order":1001}\ndone "last"\n');
});
