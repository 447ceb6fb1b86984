import { afterAll, beforeAll, expect, it } from "vitest";
import { paths } from "../../components/paths.ts";
import { createEmptyDatabase, type TestDatabase } from "../support/database.ts";
import { postgresByDetour } from "../support/detour.ts";
import { START_DEADLINE_MS } from "../support/process.ts";
import { type SlowNetwork, slowNetwork } from "../support/slow-network.ts";
import { violations } from "./axe.ts";
import { type Dashboard, openDashboard } from "./service.ts";

const SLOW = 120_000;

let dashboard: Dashboard;
let database: TestDatabase;
beforeAll(async () => {
  dashboard = await openDashboard({ demo: false });
  database = await createEmptyDatabase();
  const detour = await postgresByDetour(database.url);
  const run = (mutation: string, type: string, input: object) =>
    dashboard.call(`mutation ($input: ${type}!) { ${mutation}(input: $input) { __typename } }`, { input });
  await run("createPool", "CreatePoolInput", { pool: "lost", uri: detour.uri, weight: 1 });
  await run("createFlavor", "CreateFlavorInput", { project: "p", flavor: "far", pools: ["lost"] });
  const metadata = { _flavor: "far", owner: "the tea house" };
  await run("createQueue", "CreateQueueInput", { project: "p", queue: "tea", metadata: { json: metadata } });
  await run("postMessages", "PostMessagesInput", { project: "p", queue: "tea", messages: [{ body: { json: 1 } }] });
  const { pool } = (await dashboard.call('{ pool(pool: "lost") { health { storageReachable } } }', {})) as {
    pool: { health: { storageReachable: boolean } };
  };
  expect(pool.health.storageReachable).toBe(true);
  detour.close();
}, START_DEADLINE_MS);
afterAll(async () => {
  await dashboard?.close();
  await database?.drop();
});

it(
  "its queue shows what is known without the pool, and which pool is unreachable, on a telephone too",
  async () => {
    const width = 375;
    const { page, complaints, end } = await dashboard.visit({ theme: "dark", width });
    for (const tab of ["messages", "claims", "subscriptions", "statistics"] as const) {
      await page.goto(dashboard.url + paths.queue("p", "tea", tab), { waitUntil: "networkidle" });
      await page.getByRole("heading", { name: "tea", level: 1 }).waitFor();
      const failed = page.locator("#content").getByRole("alert");
      await failed.getByText("Pool lost is unreachable", { exact: true }).waitFor();
      expect(await failed.getByRole("link", { name: "Pool lost" }).getAttribute("href")).toBe(paths.pool("lost"));
      const known = page.locator("section", { has: page.getByRole("heading", { name: "Known without its pool" }) });
      expect(await known.getByRole("link", { name: "lost" }).getAttribute("href")).toBe(paths.pool("lost"));
      await known.getByText("far", { exact: true }).waitFor();
      await known.getByText("the tea house").waitFor();
      // What stands around it is the same on each tab.
      expect(await violations(page, tab === "messages" ? "html" : "#content"), tab).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    }
    await page.goto(dashboard.url + paths.queue("p", "tea", "settings"), { waitUntil: "networkidle" });
    await page.getByRole("heading", { name: "Reserved attributes" }).waitFor();
    expect(await page.locator("#content").getByRole("alert").count()).toBe(0);
    // A list of only such queues is still a list.
    await page.goto(dashboard.url + paths.queues("p"), { waitUntil: "networkidle" });
    await page.getByRole("row", { name: /^Select queue tea .*Pool unreachable/ }).waitFor();
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "a queue that is not in the catalogue says so, and how to go on",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    const run = (mutation: string, type: string, input: object) =>
      dashboard.call(`mutation ($input: ${type}!) { ${mutation}(input: $input) { __typename } }`, { input });
    await run("createQueue", "CreateQueueInput", { project: "p", queue: "loose" });
    await run("deleteCatalogueEntry", "DeleteCatalogueEntryInput", { project: "p", queue: "loose" });
    await page.goto(dashboard.url + paths.queues("p"), { waitUntil: "networkidle" });
    await page.getByRole("row", { name: /^Select queue loose .*Not in the catalogue/ }).waitFor();
    await page.goto(dashboard.url + paths.queue("p", "loose", "statistics"), { waitUntil: "networkidle" });
    const unmapped = page.locator("#content").getByRole("alert");
    await unmapped.getByText("This queue is not in the catalogue").waitFor();
    await page.goto(dashboard.url + paths.queue("p", "loose"), { waitUntil: "networkidle" });
    await unmapped.getByText("This queue is not in the catalogue").waitFor();
    expect(await violations(page)).toEqual([]);
    await unmapped.getByRole("button", { name: "Place it in a pool" }).click();
    await page.getByText("No messages", { exact: true }).waitFor();
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "the list of pools, the pool's own page and the health page show the same state",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    await page.goto(dashboard.url + paths.pools(), { waitUntil: "networkidle" });
    // The last check before it went away is remembered for a while, in which the tests before this one run.
    await expect
      .poll(
        async () => {
          await page.reload({ waitUntil: "networkidle" });
          return page.getByRole("row", { name: /^lost/ }).textContent();
        },
        { timeout: 30_000, interval: 2000 },
      )
      .toMatch(/Unreachable/);
    await page.getByRole("row", { name: /^default Built-in Healthy/ }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.goto(dashboard.url + paths.pool("lost"), { waitUntil: "networkidle" });
    await page.getByRole("heading", { name: "lost" }).locator("..").getByText("Unreachable").waitFor();
    await page.goto(dashboard.url + paths.health(), { waitUntil: "networkidle" });
    const panel = page.locator("section", { has: page.getByRole("heading", { name: "Pool lost" }) });
    await panel.getByText("Unreachable", { exact: true }).waitFor();
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "a slow pool delays no row: the counts follow",
  async () => {
    const another = await createEmptyDatabase();
    const slow: SlowNetwork = await slowNetwork(another.url);
    const run = (mutation: string, type: string, input: object) =>
      dashboard.call(`mutation ($input: ${type}!) { ${mutation}(input: $input) { __typename } }`, { input });
    await run("createPool", "CreatePoolInput", { pool: "slow", uri: slow.uri, weight: 1 });
    await run("createFlavor", "CreateFlavorInput", { project: "slow", flavor: "slowly", pools: ["slow"] });
    await run("createQueue", "CreateQueueInput", {
      project: "slow",
      queue: "snail",
      metadata: { json: { _flavor: "slowly" } },
    });
    await run("createQueue", "CreateQueueInput", { project: "slow", queue: "hare" });
    await run("postMessages", "PostMessagesInput", {
      project: "slow",
      queue: "snail",
      messages: [{ body: { json: 1 } }],
    });
    slow.delayMs = 300;
    const { page, complaints, end } = await dashboard.visit();
    // In the order of the answer: first the rows, later the counts.
    const sent = await (await fetch(dashboard.url + paths.queues("slow"))).text();
    const [rows, counts] = [sent.indexOf("Not every pool has answered yet."), sent.indexOf(String.raw`\"exhausted\":`)];
    expect(rows).toBeGreaterThan(0);
    expect(counts).toBeGreaterThan(rows);
    await page.goto(dashboard.url + paths.queues("slow"));
    await page.getByRole("row", { name: /^Select queue snail snail 1 / }).waitFor();
    expect(complaints).toEqual([]);
    await end();
    await slow.close();
    await another.drop();
  },
  SLOW,
);
