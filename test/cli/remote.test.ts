/** The commands that talk to a running service, as users run them: queues, post, tail and drain. */
import { spawn } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Access } from "../../server/access/access.ts";
import { storedJobId } from "../../server/graphql/jobs.ts";
import type { HeaderToPost } from "../../server/operations/input/message-headers.ts";
import { callerWith } from "../support/access.ts";
import { runCommand } from "../support/command-line.ts";
import { openDetour } from "../support/detour.ts";
import { type StartedProcess, startProcess } from "../support/process.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

const MESSAGES = 1200;
const project = "shop";
let server: TestServer;
let admin: Access;
let tokens: Record<"reader" | "producer" | "admin", string>;

beforeAll(async () => {
  server = await startTestServer({
    AUTH: "accounts",
    // Of all documents only those of the commands run.
    TRUSTED_DOCUMENTS: "on",
    // Through another port.
    ALLOWED_HOSTS: "127.0.0.1",
    MAX_MESSAGES_PER_POST: "500",
    MAX_PAGE_SIZE: "10",
  });
  admin = callerWith("admin", "all", "a");
  const { operations } = server.engine;
  const token = async (name: string, scopes: ("read" | "produce" | "administer")[]) =>
    (await operations.tokens.create(admin, { name, scopes, projects: null })).secret;
  tokens = {
    reader: await token("reader", ["read"]),
    producer: await token("producer", ["produce"]),
    admin: await token("admin", ["administer"]),
  };
  for (const name of ["left", "right"]) {
    const url = new URL(server.engine.config.DATABASE_URL as string);
    url.searchParams.set("schema", name);
    await operations.pools.create(admin, { pool: name, uri: url.toString(), weight: name === "left" ? 1 : 0 });
  }
  for (const queue of ["mails", "orders", "empty"]) await operations.queues.create(admin, { project, queue });
});
afterAll(() => server.close());

const settings = (token: keyof typeof tokens) => ({ ISIMUD_URL: server.url, TOKEN: tokens[token] });
const run = (args: string[], token: keyof typeof tokens = "admin", input?: string | Buffer) =>
  runCommand(args, { settings: settings(token), input });
const start = (args: readonly string[], more: Record<string, string> = {}): StartedProcess =>
  startProcess({ ...settings("admin"), ...more }, [process.execPath, "server/cli/isimud.ts", ...args]);

describe("post", () => {
  test("a body comes from the argument or the input, with headers, a life and a delay", async () => {
    const { messages } = server.engine.operations;
    const exact = '{"price": 1.10, "big": 12345678901234567890}';
    const [json, text] = await Promise.all([
      run(["post", "mails", exact, "--project", project, "--ttl", "600", "--header", "a=b=c"], "producer"),
      run(["post", "mails", "--text", "--project", project, "--delay", "60", "--json"], "producer", "two\nlines\n"),
    ]);
    expect(json).toMatchObject({ code: 0, errors: "" });
    const first = await messages.get(admin, { project, queue: "mails", id: json.output.trim() });
    expect(first).toMatchObject({ bodyText: exact, ttlSeconds: 600 });
    expect(first.headers).toEqual({ a: "b=c" });
    const { ids } = JSON.parse(text.output) as { ids: string[] };
    const second = await messages.get(admin, { project, queue: "mails", id: ids[0] as string });
    expect(second).toMatchObject({ bodyText: '"two\\nlines"', state: "delayed" });
  });

  test("each line of the input is a message, in order, in as few posts as there may be", async () => {
    const lines = Array.from({ length: MESSAGES }, (_, index) => `${index}\n`).join("");
    const posted = await run(["post", "orders", "--project", project, "--lines"], "producer", `\n${lines}`);
    expect(posted).toMatchObject({ code: 0, errors: "" });
    const ids = posted.output.trimEnd().split("\n");
    expect(new Set(ids).size).toBe(MESSAGES);
    const last = await server.engine.operations.messages.get(admin, {
      project,
      queue: "orders",
      id: ids.at(-1) as string,
    });
    expect(last.bodyText).toBe(String(MESSAGES - 1));
  });

  test("what cannot be posted says what to do, and how far it came", async () => {
    const to = ["--project", project];
    const [noJson, noLine, noQueue, both, noFile, folder] = await Promise.all([
      run(["post", "mails", "{a:1}", ...to]),
      run(["post", "mails", "--lines", ...to], "producer", '{"a": 1}\n{"a": \n'),
      run(["post", "none", "1", ...to]),
      run(["post", "mails", "1", "--file", "x", ...to]),
      run(["post", "mails", "--file", "/nowhere/x", "--lines", ...to]),
      run(["post", "mails", "--file", ".", ...to]),
    ]);
    expect(noJson).toMatchObject({ code: 2, output: "", errors: expect.stringMatching(/no JSON: .* With --text/) });
    expect(noLine).toMatchObject({
      code: 2,
      errors: expect.stringMatching(/^Posted before this: 1\.\nLine 2: The body is no JSON/),
    });
    expect(noQueue).toMatchObject({
      code: 1,
      errors: expect.stringMatching(/^QUEUE_DOES_NOT_EXIST: .* -- queues` lists .*\n$/),
    });
    expect(both).toMatchObject({ code: 2, errors: expect.stringContaining("not both") });
    expect(noFile).toMatchObject({
      code: 1,
      errors: "Posted before this: 0.\n/nowhere/x cannot be read: there is no such file (ENOENT).\n",
    });
    expect(folder).toEqual({ code: 1, output: "", errors: ". cannot be read: it is a folder (EISDIR).\n" });
  });
});

describe("queues", () => {
  test("are a table, or JSON, of one project or pool", async () => {
    const [table, json, elsewhere] = await Promise.all([
      run(["queues"], "reader"),
      run(["queues", "--project", project, "--search", "o", "--json"], "reader"),
      run(["queues", "--pool", "right", "--json"], "reader"),
    ]);
    expect(table).toMatchObject({ code: 0, errors: "" });
    expect(table.output.split("\n")).toEqual([
      "PROJECT  NAME    POOL  READY  CLAIMED  DELAYED  OLDEST READY",
      "shop     empty   left      0        0        0             -",
      "shop     mails   left      2        0        1             -",
      `shop     orders  left   ${MESSAGES}        0        0             -`,
      "",
    ]);
    expect(JSON.parse(json.output)).toEqual([
      expect.objectContaining({ project, name: "orders", pool: "left", ready: MESSAGES, claimed: 0, exhausted: 0 }),
    ]);
    expect(JSON.parse(elsewhere.output)).toEqual([]);
  });

  test("of no pool, or none of them, are refused", async () => {
    const [noPool, nothing] = await Promise.all([
      run(["queues", "--pool", "nopool", "--json"], "reader"),
      run(["queues", "--limit", "0"], "reader"),
    ]);
    expect(noPool).toEqual({ code: 1, output: "", errors: 'There is no pool named "nopool".\n' });
    expect(nothing).toMatchObject({ code: 2, output: "", errors: expect.stringContaining("at least 1") });
  });

  test("come page by page, no more than asked for, and a reader that ends ends the list", async () => {
    const { queues } = server.engine.operations;
    const names = Array.from({ length: 25 }, (_, index) => `q${String(index).padStart(3, "0")}`);
    for (const queue of names) await queues.create(admin, { project: "many", queue });
    const [all, some] = await Promise.all([
      run(["queues", "--project", "many", "--json"]),
      run(["queues", "--project", "many", "--limit", "12", "--json"]),
    ]);
    const named = (output: string) => (JSON.parse(output) as { name: string }[]).map(({ name }) => name);
    expect(named(all.output)).toEqual(names);
    expect(named(some.output)).toEqual(names.slice(0, 12));

    const cut = spawn(
      "/bin/sh",
      ["-c", '"$0" server/cli/isimud.ts queues --project many | head -n 1', process.execPath],
      {
        env: { ...process.env, ...settings("admin") },
      },
    );
    let said = "";
    for (const stream of [cut.stdout, cut.stderr]) stream.on("data", (part) => (said += part));
    await new Promise((resolve) => cut.once("close", resolve));
    expect(said).toMatch(/^PROJECT +NAME .*\n$/);
  });
});

describe("tail", () => {
  const post = (bodyText: string, headers: HeaderToPost[] = []) =>
    server.engine.operations.messages.post(admin, {
      project,
      queue: "empty",
      messages: [{ bodyText, headers }],
    });

  test("shows messages as they come, harmless for terminals, until Ctrl-C", async () => {
    const watching = start(["tail", "empty", "--project", project, "--after", "0"]);
    await post('{"n": 1.0,\n"evil": "\u009b31m \u202etxt\u007f"}', [{ name: "kind", value: "test" }]);
    await watching.printed(/kind="test"/);
    expect(watching.output()).toMatch(
      /^\d{4}-\S+Z {2}\d+ {2}\{"n": 1\.0, "evil": "\\u009b31m \\u202etxt\\u007f"\} {2}kind="test"\n$/,
    );
    watching.child.kill("SIGINT");
    expect(await watching.ended).toBe(0);
  });

  test("ends with an exit code, however often Ctrl-C comes", async () => {
    const watching = start(["tail", "empty", "--project", project, "--after", "0"]);
    await watching.printed(/kind="test"/);
    const pressing = setInterval(() => watching.child.kill("SIGINT"), 1);
    expect([0, 130]).toContain(await watching.ended);
    clearInterval(pressing);
  });

  test("prints one JSON a message, and goes on after the last one when the connection breaks, until its token ends", async () => {
    const { tokens } = server.engine.operations;
    const { secret: TOKEN } = await tokens.create(admin, {
      name: "tail",
      scopes: ["read", "administer"],
      projects: null,
    });
    const detour = await openDetour(Number(new URL(server.url).port));
    const through = { ISIMUD_URL: `http://127.0.0.1:${detour.port}`, TOKEN };
    const first = start(["tail", "empty", "--project", project, "--after", "0", "--json"], through);
    await first.printed(/"bodyVisibility"/);
    const [line = ""] = first.output().split("\n");
    expect(JSON.parse(line)).toMatchObject({ body: { n: 1 }, headers: [{ name: "kind", value: "test" }] });
    expect(line).toContain('"n": 1.0,');
    detour.cut();
    await first.printed(/The connection broke/);
    await post('"after"');
    await first.printed(/"after"/);
    expect(first.output().match(/"bodyVisibility"/g)).toHaveLength(2);
    await tokens.revoke(admin, { name: "tail" });
    detour.cut();
    expect(await first.ended).toBe(1);
    expect(first.output()).toMatch(/^UNAUTHENTICATED: .* -- token list` shows/m);
    detour.close();
  });

  test("refuses what cannot be watched", async () => {
    const [none, unnamed, producer, wrong, away, ...noMarkers] = await Promise.all([
      run(["tail", "none", "--project", project]),
      run(["tail", "empty"]),
      run(["tail", "empty", "--project", project], "producer"),
      runCommand(["tail", "empty"], { settings: { ISIMUD_URL: server.url, TOKEN: "isi_wrong" } }),
      runCommand(["tail", "empty"], { settings: { ISIMUD_URL: "http://127.0.0.1:9" } }),
      run(["tail", "empty", "--project", project, "--after", "x"]),
      run(["tail", "empty", "--project", project, "--after", "9223372036854775808"]),
    ]);
    for (const one of noMarkers) {
      expect(one).toMatchObject({ code: 2, output: "", errors: expect.stringContaining("the marker of a message") });
    }
    expect(none).toMatchObject({
      code: 1,
      output: "",
      errors: expect.stringMatching(/^QUEUE_DOES_NOT_EXIST: .* -- queues` lists .*\n$/),
    });
    expect(unnamed).toMatchObject({ code: 1, errors: expect.stringMatching(/^BAD_INPUT: .* give --project\..*\n$/) });
    expect(producer).toMatchObject({ code: 1, errors: expect.stringMatching(/^FORBIDDEN: .*\n$/) });
    expect(wrong).toMatchObject({
      code: 1,
      errors: expect.stringMatching(/^UNAUTHENTICATED: .* -- token list` shows/),
    });
    expect(away).toMatchObject({ code: 1, errors: expect.stringMatching(/^No service answers at .*ISIMUD_URL\.\n$/) });
  });
});

describe("drain", () => {
  beforeAll(() => server.engine.operations.pools.update(admin, { pool: "right", weight: 1 }));

  test("a dry run says what would go where, and changes nothing", async () => {
    const planned = await run(["drain", "left", "--dry-run"]);
    expect(planned).toEqual({
      code: 0,
      output: expect.stringMatching(/^\d+ queues without a flavor with \d+ messages would go to right \(100 %\)\.\n$/),
      errors: "",
    });
    expect((await server.engine.operations.pools.get(admin, { pool: "left" })).weight).toBe(1);
    const nobody = await run(["drain", "none", "--dry-run"]);
    expect(nobody).toMatchObject({ code: 1, errors: expect.stringContaining('no pool named "none"') });
  });

  test("is followed until it ends", async () => {
    const done = await run(["drain", "left", "--wait", "--json"]);
    expect(done.code).toBe(0);
    expect(JSON.parse(done.output)).toMatchObject({ state: "DONE", progress: 28, total: 28, error: null });
    expect(done.errors).toContain("28 of 28 queues moved.\nDone.\n");
    const { items } = await server.engine.operations.catalogue.list(admin, { pool: "left", allProjects: true });
    expect(items).toEqual([]);
    // No registered pool takes its queues now.
    const planned = await run(["drain", "right", "--dry-run", "--json"]);
    expect(JSON.parse(planned.output)).toMatchObject({
      flavors: [{ flavor: null, queues: 28, to: [{ pool: "default", share: 1 }] }],
    });
  });

  test("goes on after Ctrl-C, is found again, and ends with 1 when it is cancelled or refused", async () => {
    const { pools, jobs } = server.engine.operations;
    await pools.create(admin, { pool: "away", uri: "postgresql://u@127.0.0.1:1/none", weight: 1, verify: false });
    const followed = start(["drain", "right", "--wait"]);
    const [, id = ""] = await followed.printed(/^(\S+)\n(?:.*\n)*.*waiting for pool away/);
    followed.child.kill("SIGINT");
    expect(await followed.ended).toBe(0);
    expect(followed.output()).toMatch(/The job goes on\..*\n$/);
    const again = start(["drain", "right", "--wait"]);
    await again.printed(/waiting for/);
    expect(again.output()).toContain(`${id}\n`);
    await jobs.cancel(admin, { id: storedJobId(id) });
    expect(await again.ended).toBe(1);
    expect(again.output()).toMatch(/Cancelled\. What was moved stays moved\.\n$/);
    const refused = await run(["drain", "none"]);
    expect(refused).toMatchObject({
      code: 1,
      output: "",
      errors: expect.stringMatching(/^POOL_DOES_NOT_EXIST: .*\n$/),
    });
  });

  test("a name cannot look like another row", async () => {
    const { queues } = server.engine.operations;
    await queues.create(admin, { project: "forged\nshop\torders", queue: "own" });
    const table = await run(["queues", "--project", "forged\nshop\torders"], "reader");
    expect(table.output.split("\n").slice(1)).toEqual([expect.stringMatching(/^forged\\nshop\\torders +own +/), ""]);
  });

  test("a list lacks the numbers of a pool that does not answer, and says so", async () => {
    const { catalogue, queues } = server.engine.operations;
    await queues.create(admin, { project: "far", queue: "lost" });
    await catalogue.update(admin, { project: "far", queue: "lost", pool: "away", discardMessages: true });
    const table = await run(["queues", "--project", "far"], "reader");
    expect(table.output).toMatch(/^far +lost +away +\? +\? +\? +-$/m);
    expect(table).toMatchObject({ code: 0, errors: expect.stringMatching(/^Some numbers are not known\. STORAGE_/) });
  });
});

describe("what cannot be read or written", () => {
  const inShell = (command: string) =>
    startProcess(settings("admin"), ["/bin/sh", "-c", `"$0" server/cli/isimud.ts ${command}`, process.execPath]);

  test.each(["queues --project many", "export", "--help"])(
    "a full disk for the output of %s is told",
    async (command) => {
      const full = inShell(`${command} > /dev/full`);
      expect(await full.ended).toBe(1);
      expect(full.output()).toBe("The output cannot be written: the disk is full (ENOSPC).\n");
    },
  );

  test("a file that cannot be written is told, and no part of it is left", async () => {
    const [nowhere, folder] = await Promise.all([
      run(["export", "--out", "/nowhere/settings.json"]),
      run(["export", "--out", "/tmp"]),
    ]);
    expect(nowhere).toEqual({
      code: 1,
      output: "",
      errors: "/nowhere/settings.json cannot be written: there is no such folder (ENOENT).\n",
    });
    expect(folder).toEqual({ code: 1, output: "", errors: "/tmp cannot be written: it is a folder (EISDIR).\n" });
  });

  test("an import that is no text, or no file, is told", async () => {
    const [latin, folder] = await Promise.all([
      run(["import", "-"], "admin", Buffer.from("caf\u00e9", "latin1")),
      run(["import", "."]),
    ]);
    const advice = "The standard input is not UTF-8. Convert it first, such as with iconv.\n";
    expect(latin).toEqual({ code: 2, output: "", errors: advice });
    expect(folder).toMatchObject({ code: 1, errors: ". cannot be read: it is a folder (EISDIR).\n" });
  });

  test("what one command exports another one imports, however late it comes", async () => {
    const piped = inShell('export | "$0" server/cli/isimud.ts import - --dry-run');
    expect(await piped.ended).toBe(0);
    expect(piped.output()).toBe("Would be created: 0. Would be updated: 0. Failed: 0.\n");
  });

  test("the exit code is right when nobody reads why", async () => {
    const unread = start(["queues", "--limit", "0"]);
    unread.child.stderr?.destroy();
    expect(await unread.ended).toBe(2);
  });
});

test("a URL below which Isimud has no API is told", async () => {
  const where = { settings: { ISIMUD_URL: `${server.url}/nope`, TOKEN: tokens.admin } };
  const all = await Promise.all(
    [["queues"], ["tail", "mails"], ["post", "mails", "1"]].map((args) => runCommand(args, where)),
  );
  for (const one of all) {
    const errors = expect.stringMatching(/^Isimud has no API below http\S+\/nope\. Say .* BASE_PATH, .*\n$/);
    expect(one).toEqual({ code: 1, output: "", errors });
  }
});

describe("what post reads", () => {
  test("what is before a line that is refused is posted, and nothing after it", async () => {
    const { messages, queues } = server.engine.operations;
    await queues.create(admin, { project: "lines", queue: "some" });
    const to = ["some", "--lines", "--project", "lines"];
    const half = await run(["post", ...to, "--json"], "producer", '1\n\n2\n{"a": \n3\n');
    expect(half).toMatchObject({
      code: 2,
      errors: expect.stringMatching(/^Posted before this: 2\.\nLine 4: The body is no JSON: .*\n$/),
    });
    expect(JSON.parse(half.output)).toEqual({ ids: [expect.any(String), expect.any(String)] });
    const stored = await messages.list(admin, { project: "lines", queue: "some" });
    expect(stored.items.map(({ bodyText }) => bodyText)).toEqual(["1", "2"]);
  });

  test("a body is taken byte by byte, up to the most that a post may have, and no further", async () => {
    const most = server.engine.config.MAX_MESSAGES_POST_SIZE;
    const [to, where] = [["mails", "--project", "limits"], { project: "limits", queue: "mails" }];
    await server.engine.operations.queues.create(admin, where);
    const body = (bytes: number) => `"${"a".repeat(bytes - 2)}"`;
    const [full, over, line, latin, marked, markedText] = await Promise.all([
      run(["post", ...to], "producer", `${body(most)}\r\n`),
      run(["post", ...to], "producer", `${body(most + 1)}\n`),
      run(["post", ...to, "--lines"], "producer", `1\n${"a".repeat(4 * most)}`),
      run(["post", ...to, "--text"], "producer", Buffer.from("caf\u00e9", "latin1")),
      run(["post", ...to], "producer", "\ufeff1"),
      run(["post", ...to, "--text"], "producer", "\ufeffcaf\u00e9"),
    ]);
    const tooLarge = `The body is larger than ${most} bytes, the most of one post.\n`;
    expect(full).toMatchObject({ code: 0, errors: "" });
    expect(over).toEqual({ code: 1, output: "", errors: tooLarge });
    expect(line).toMatchObject({ code: 1, errors: `Posted before this: 1.\nLine 2: ${tooLarge}` });
    expect(latin).toMatchObject({
      code: 2,
      output: "",
      errors: expect.stringMatching(/^The body is not UTF-8\..*\n$/),
    });
    expect(marked).toMatchObject({ code: 2, output: "", errors: expect.stringContaining("byte order mark") });
    const kept = await server.engine.operations.messages.get(admin, {
      ...where,
      id: markedText.output.trim(),
    });
    expect(kept.bodyText).toBe('"\ufeffcaf\u00e9"');
  });

  test("an input without an end is left once it is too large", async () => {
    const endless = startProcess(settings("admin"), [
      "/bin/sh",
      "-c",
      'yes | tr -d "\\n" | "$0" server/cli/isimud.ts post mails',
      process.execPath,
    ]);
    expect(await endless.ended).toBe(1);
    expect(endless.output()).toMatch(/^The body is larger than \d+ bytes, the most of one post\.\n$/);
  });

  test("Ctrl-C ends lines with what was posted", async () => {
    const to = { project: "broken-off", queue: "some" };
    await server.engine.operations.queues.create(admin, to);
    const posting = spawn(
      process.execPath,
      ["server/cli/isimud.ts", "post", to.queue, "--project", to.project, "--lines", "--json"],
      { env: { ...process.env, ...settings("admin") } },
    );
    let [output, errors] = ["", ""];
    posting.stdout.on("data", (part) => (output += part));
    posting.stderr.on("data", (part) => (errors += part));
    const ended = new Promise((resolve) => posting.once("close", resolve));
    posting.stdin.write("1\n2\n3");
    const ids: string[] = [];
    const { signal } = new AbortController();
    for await (const { id } of server.engine.operations.messages.watch(admin, { ...to, after: "0", signal })) {
      if (ids.push(id) === 2) break;
    }
    posting.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(errors).toBe("Posted before this: 2.\nInterrupted.\n");
    expect(JSON.parse(output)).toEqual({ ids });
  });
});
