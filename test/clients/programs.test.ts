/** The programs and examples in the documents do what they say: each is taken out of its document and run. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { ERROR_CODES, type ErrorFacts } from "../../server/errors.ts";
import { createQueue, postMessages, startApi } from "../graphql/api.ts";

const { api, server } = startApi();

const top = fileURLToPath(new URL("../..", import.meta.url));
const readDocument = (path: string) => readFileSync(join(top, path), "utf8");
const document = readDocument("docs/programs.md");
const FENCE = "```";

/** The blocks of a document that begin with this line. */
function blocksOf(path: string, heading: string): string[] {
  const [, ...blocks] = `\n${readDocument(path)}`.split(`\n${FENCE}${heading}\n`);
  return blocks.map((block) => block.split(`\n${FENCE}`)[0] ?? "");
}

const atThisServer = (text: string) => text.replaceAll("http://127.0.0.1:3000", server().url);

/** The block of docs/programs.md that begins with this line, with the address of this test's server. */
function programOf(heading: string): string {
  const [text] = blocksOf("docs/programs.md", heading);
  if (text === undefined) throw new Error(`docs/programs.md has no block "${heading}".`);
  expect(text).toContain("http://127.0.0.1:3000");
  return atThisServer(text);
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

/** Runs a program that lies one folder below the top, as the document does. */
function runScript(name: string, text: string, flags: string[] = []): Program {
  const folder = mkdtempSync(join(top, ".programs-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, name), text);
  return run(process.execPath, [...flags, join(folder, name)]);
}

const runTypeScript = (name: string) => runScript(name, programOf(`ts ${name}`));

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

test("the example of the TypeScript client's own document posts, works and stops", async () => {
  const [shown = ""] = blocksOf("clients/typescript/README.md", "ts");
  const text = atThisServer(shown).replace('"./client.ts"', JSON.stringify(join(top, "clients/typescript/client.ts")));
  const sendMail = 'const sendMail = async (body: unknown, _options: object) => console.log("sent", body);';
  const program = runScript("example.ts", `${text}\n${sendMail}\n`);
  await expect.poll(program.output).toContain("sent { to: 'ada@example.org' }");
  program.kill("SIGTERM");
  expect(await program.ended, program.output()).toBe(0);
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

/** The GraphQL documents that the blocks of a document send with `gq`. */
const sentBy = (path: string) =>
  blocksOf(path, "sh")
    .join("\n")
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .join("\n")
    .split(/^gq '/m)
    .slice(1)
    .map((text) => text.slice(0, text.indexOf("'\n")));

/** Sends them one after the other. MESSAGE, CLAIM, TOKEN, UNDO and PROBLEM are what earlier answers gave. Returns the answers. */
async function sendAll(path: string, change: (text: string) => string = (text) => text): Promise<object[]> {
  const answers: object[] = [];
  const messages: string[] = [];
  let claim = "";
  let token = "";
  let problem = "";
  let undo = "";
  for (const sent of sentBy(path)) {
    const text = change(sent)
      .replace(/MESSAGE(?=")/, () => messages.shift() ?? "")
      .replace(/CLAIM(?=")/, claim)
      .replace(/TOKEN(?=")/, token)
      .replace(/UNDO(?=")/, undo)
      .replace(/PROBLEM(?=")/, problem);
    const { data, errors } = await api.send(text);
    expect({ text, errors }).toEqual({ text, errors: undefined });
    // That of a paused queue is empty.
    if (data.createClaim?.claim) {
      claim = data.createClaim.claim.id;
      messages.push(...data.createClaim.messages.map(({ id }: { id: string }) => id));
    }
    token = data.acquireKeyValueLock?.lockToken ?? data.dryRun?.dryRun.token ?? token;
    undo = data.purgeQueue?.undo?.token ?? undo;
    problem = data.problems?.nodes[0]?.id ?? problem;
    answers.push(data);
  }
  return answers;
}

test("the README's examples work, with the function that it shows", async () => {
  const [shown = ""] = blocksOf("README.md", "sh").filter((block) => block.includes("gq()"));
  const [gq = ""] = atThisServer(shown).split("\n\n");
  const program = run("sh", ["-c", `${gq}\ngq '{ viewer { actor } }'`]);
  expect(await program.ended, program.output()).toBe(0);
  expect(program.output().trim()).toBe('{"data":{"viewer":{"actor":"local"}}}');
  expect(await sendAll("README.md")).toEqual([
    { createQueue: { created: true } },
    { postMessages: { ids: [expect.any(String)] } },
    { createClaim: expect.anything() },
    { deleteMessages: { deleted: 1 } },
    { queue: { stats: { ready: 0, claimed: 0, delayed: 0, exhausted: 0, total: 0 } } },
  ]);
});

test("the examples of docs/api.md work", async () => {
  await postMessages(api, "shop", "mails", ["so that there is such a queue"]);
  // A claim whose messages are all deleted or given back ends before the example renews it.
  await postMessages(api, "shop", "orders", ["one", "two", "three"]);
  await postMessages(api, "shop", "orders-dead", ["a dead letter"]);
  // Problems are looked for once a minute where samples are taken.
  await createQueue(api, "shop", "returns", { _max_claim_count: 1, _dead_letter_queue: "returns.dead" });
  await server().engine.operations.problemRounds.find(new AbortController().signal);
  const answers = await sendAll("docs/api.md");
  expect(answers.length).toBeGreaterThan(20);
  expect(JSON.stringify(answers)).not.toContain('"error":{');
  expect(answers).toContainEqual({ deleteMessages: { deleted: 1 } });
  expect(answers).toContainEqual({ releaseMessages: { released: 1 } });
  expect(answers).toContainEqual({ releaseKeyValueLock: { released: true } });
  const problem = { snoozedUntil: expect.any(String), snoozedBy: "local" };
  expect(answers).toContainEqual({ snoozeProblem: { problem } });
});

test("the examples of docs/pools.md work, with PostgreSQL in place of Redis", async () => {
  const uri = new URL(server().engine.config.DATABASE_URL as string);
  uri.searchParams.set("schema", "fast");
  const answers = await sendAll("docs/pools.md", (text) =>
    text.replace("redis://127.0.0.1:6379/isimud", uri.toString()),
  );
  expect(answers.length).toBeGreaterThan(4);
});

test("the example of an answer in docs/api.md has the shape of an error", async () => {
  const [example = ""] = blocksOf("docs/api.md", "json");
  const { errors } = JSON.parse(example);
  expect(errors.map(({ extensions }: { extensions: { code: string } }) => extensions.code)).toEqual([
    expect.toSatisfy((code: string) => code in ERROR_CODES),
  ]);
});

test("curl follows a queue, as docs/api.md shows", async () => {
  const [follow = ""] = blocksOf("docs/api.md", "sh").filter((block) => block.startsWith("curl -N"));
  await postMessages(api, "shop", "orders", ["before"]);
  const program = run("sh", ["-c", `exec ${atThisServer(follow)}`]);
  await expect
    .poll(async () => {
      await postMessages(api, "shop", "orders", ["for curl"]);
      return program.output();
    })
    .toContain('"body":"for curl"');
});

test("an EventSource follows a queue, as docs/api.md shows", async () => {
  const [shown = ""] = blocksOf("docs/api.md", "js");
  // A browser's addresses are below its page.
  const text = shown.replace("`/api/graphql", `\`${server().url}/api/graphql`);
  expect(text).not.toBe(shown);
  await postMessages(api, "shop", "orders", ["before"]);
  const program = runScript("follow.mjs", text, ["--experimental-eventsource"]);
  await expect
    .poll(async () => {
      await postMessages(api, "shop", "orders", ["for EventSource"]);
      return program.output();
    })
    .toContain("for EventSource");
});

test("every script of npm that the documents name is one", () => {
  const { scripts } = JSON.parse(readDocument("package.json"));
  const paths = ["README.md", "CONTRIBUTING.md", ...readdirSync(join(top, "docs")).map((name) => `docs/${name}`)];
  const named = paths
    .filter((path) => path.endsWith(".md"))
    .flatMap((path) =>
      [...readDocument(path).matchAll(/npm run (?:--silent )?(\w[\w:-]*)/g)].map(([, script = ""]) => script),
    );
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((script) => !(script in scripts))).toEqual([]);
});
