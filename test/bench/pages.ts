import { request } from "node:http";
import { gunzipSync } from "node:zlib";
import { paths } from "../../components/paths.ts";
import { buildPages } from "../../server/cli/build.ts";
import { scriptBytesOfPages } from "../support/page-scripts.ts";
import { payload } from "./contender.ts";
import { BENCH_ACCESS, openBenchEngine } from "./engine.ts";
import { startServer } from "./graphql-server.ts";
import { createManyQueues } from "./many-queues.ts";
import { median } from "./rounds.ts";

const PROJECTS = 100;
const BIG = "pages-0";
const LONG = "q000000";
/** One queue in so many holds a few messages. */
const HOLDING = 50;
/** The budget of a page: milliseconds of the server, bytes of a refresh and of script, both compressed. */
const BUDGET = { milliseconds: 100, refresh: 20 * 1024, script: 170_000 };
const TIMES = 15;

interface Measured {
  name: string;
  milliseconds: number[];
  page: number;
  refresh: number;
  script: number;
}

/**
 * Every page of an installation with many queues and one long queue: how long the server takes, and what the browser
 * loads. Says which pages are over the budget.
 */
export async function pages(url: string, size: { queues: number; messages: number }): Promise<void> {
  await buildPages({ basePath: "", report: () => {} });
  const scripts = scriptBytesOfPages();
  const messageId = await fill(url, size);
  const server = await startServer(url, { pages: true });
  const numbers = `${size.queues.toLocaleString("en")} queues, one of ${size.messages.toLocaleString("en")} messages`;
  console.log(`\nPages of ${numbers}: milliseconds of the server; kilobytes of the page, of a refresh and of script`);
  const over: string[] = [];
  try {
    for (const [name, path, file] of pageList(messageId)) {
      const script = scripts.get(file);
      if (script === undefined) throw new Error(`No page is ${file}.`);
      const measured = { name, script, ...(await measure(server.url + path)) };
      over.push(...overBudget(measured).map((what) => `${name}: ${what}`));
      print(measured);
    }
  } finally {
    await server.stop();
  }
  console.log(over.length === 0 ? "  All are within the budget." : `  Over the budget:\n    ${over.join("\n    ")}`);
}

/** What each page shows, its address, and its name in the build. */
function pageList(messageId: string): [string, string, string][] {
  const queue = (tab: Parameters<typeof paths.queue>[2], query = {}) => paths.queue(BIG, LONG, tab, query);
  const ofQueue = (tab: string) => `/projects/[project]/queues/[name]/${tab}page`;
  return [
    ["overview", paths.overview(), "/page"],
    ["projects", paths.projects(), "/projects/page"],
    ["queues of all projects", paths.queues(null), "/queues/page"],
    ...["name", "-created", "-depth", "-rate", "oldest"].map((sort): [string, string, string] => [
      `queues of a project by ${sort}`,
      paths.queues(BIG, { sort }),
      "/projects/[project]/queues/page",
    ]),
    ["problem queues", paths.queues(null, { problems: "all" }), "/queues/page"],
    ["queues found by name", paths.queues(null, { search: "q0005" }), "/queues/page"],
    ["messages", queue("messages"), ofQueue("")],
    ["an open message", queue("messages", { message: messageId }), ofQueue("")],
    ["claims of a queue", queue("claims"), ofQueue("claims/")],
    ["claims of all queues", paths.claims(), "/claims/page"],
    ["subscriptions", queue("subscriptions"), ofQueue("subscriptions/")],
    ["statistics", queue("statistics"), ofQueue("statistics/")],
    ["settings", queue("settings"), ofQueue("settings/")],
    ["pools", paths.pools(), "/pools/page"],
    ["a pool", paths.pool("default"), "/pools/[name]/page"],
    ["flavors", paths.flavors(), "/flavors/page"],
    ["the catalogue", paths.catalogue(), "/catalogue/page"],
    ["jobs", paths.jobs(), "/jobs/page"],
    ["health", paths.health(), "/health/page"],
    ["keys", paths.keys(), "/keys/page"],
    ["the audit log", paths.audit(), "/audit/page"],
  ];
}

async function measure(url: string): Promise<Pick<Measured, "milliseconds" | "page" | "refresh">> {
  // The first compiles and fills caches, which no later visitor waits for.
  for (let time = 0; time < 3; time += 1) await load(url);
  const milliseconds: number[] = [];
  let page = 0;
  for (let time = 0; time < TIMES; time += 1) {
    const loaded = await load(url);
    milliseconds.push(loaded.milliseconds);
    page = loaded.bytes;
  }
  return { milliseconds, page, refresh: (await load(url, { rsc: "1" })).bytes };
}

/** The time until the last byte, and the size as it is sent. Not with fetch, which does not tell that size. */
function load(url: string, headers: Record<string, string> = {}): Promise<{ milliseconds: number; bytes: number }> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const sent = request(url, { headers: { accept: "text/html", "accept-encoding": "gzip", ...headers } }, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("error", reject);
      answer.on("end", () => {
        const milliseconds = performance.now() - began;
        const body = Buffer.concat(parts);
        const isPacked = answer.headers["content-encoding"] === "gzip";
        const text = String(isPacked ? gunzipSync(body) : body);
        const { location } = answer.headers;
        // Next tells the address that a refresh has to have.
        if (answer.statusCode === 307 && location) resolve(load(new URL(location, url).href, headers));
        else if (answer.statusCode !== 200) reject(new Error(`${url} answered ${answer.statusCode}.`));
        else if (text.includes("could not be loaded")) reject(new Error(`${url} shows an error.`));
        else resolve({ milliseconds, bytes: body.length });
      });
    });
    sent.on("error", reject);
    sent.end();
  });
}

function overBudget({ milliseconds, refresh, script }: Measured): string[] {
  const took = median(milliseconds);
  return [
    took > BUDGET.milliseconds ? `${took.toFixed(0)} ms` : "",
    refresh > BUDGET.refresh ? `a refresh of ${(refresh / 1024).toFixed(1)} kB` : "",
    script > BUDGET.script ? `${(script / 1000).toFixed(1)} kB of script` : "",
  ].filter((what) => what !== "");
}

function print({ name, milliseconds, page, refresh, script }: Measured): void {
  const time = `${median(milliseconds).toFixed(0)} (at most ${Math.max(...milliseconds).toFixed(0)})`;
  const sizes = [page / 1024, refresh / 1024, script / 1000].map((value) => value.toFixed(1).padStart(7));
  console.log(`  ${name.padEnd(32)} ${time.padEnd(18)} ${sizes.join(" ")}`);
}

/** Returns the id of a message of the long queue. Queues are sampled, as if the service had run for some minutes. */
async function fill(url: string, { queues, messages }: { queues: number; messages: number }): Promise<string> {
  await createManyQueues(url, queues, {
    project: `CASE WHEN n % 2 = 0 THEN '${BIG}' ELSE 'pages-' || n % ${PROJECTS} END`,
    name: "'q' || lpad(n::text, 6, '0')",
    metadata: `CASE WHEN n % 10 = 0 THEN '{"_max_claim_count": 5, "_dead_letter_queue": "q000002"}' ELSE '{}' END`,
    deadLetterQueue: "CASE WHEN n % 10 = 0 THEN 'q000002' END",
  });
  const clock = { offsetMs: 0 };
  const engine = await openBenchEngine(url, clock);
  const { operations } = engine;
  const post = (queue: string, project: string, count: number) =>
    operations.messages.post(BENCH_ACCESS, {
      ...{ project, queue, clientId: "bench" },
      messages: Array.from({ length: count }, () => ({ bodyText: JSON.stringify(payload()), ttlSeconds: 86_400 })),
    });
  const { ids } = await post(LONG, BIG, 1000);
  for (let posted = 1000; posted < messages; posted += 4000) {
    await Promise.all([1, 2, 3, 4].map(() => post(LONG, BIG, 1000)));
  }
  const holding = Array.from({ length: Math.floor(queues / HOLDING) }, (_, index) => index * HOLDING + 1);
  for (let at = 0; at < holding.length; at += 50) {
    await Promise.all(holding.slice(at, at + 50).map((number) => post(nameOf(number), projectOf(number), 3)));
  }
  for (let claim = 0; claim < 200; claim += 1) {
    await operations.claims.create(BENCH_ACCESS, {
      project: BIG,
      queue: LONG,
      limit: 10,
      clientId: `worker-${claim % 7}`,
    });
  }
  await operations.gc.collect(BENCH_ACCESS, {});
  const { signal } = new AbortController();
  for (let minute = 0; minute < 5; minute += 1) {
    await post(LONG, BIG, 100);
    await operations.queueSampling.sample(signal);
    await operations.healthHistory.sample(signal);
    clock.offsetMs += 60_000;
  }
  await engine.close();
  return ids[0] as string;
}

const nameOf = (number: number) => `q${String(number).padStart(6, "0")}`;
/** One project has half of the queues. */
const projectOf = (number: number) => (number % 2 === 0 ? BIG : `pages-${number % PROJECTS}`);
