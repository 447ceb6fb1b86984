/** Tables on a telephone: the most important columns come first, and a hint shows that others can be reached. */
import type { Locator } from "playwright";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { paths } from "../../components/paths.ts";
import { START_DEADLINE_MS } from "../support/process.ts";
import { violations } from "./axe.ts";
import { type Dashboard, openDemoDashboard, type Visit } from "./service.ts";

const SLOW = 60_000;

let dashboard: Dashboard;
beforeAll(async () => {
  dashboard = await openDemoDashboard();
  const run = (mutation: string, type: string, input: object) =>
    dashboard.call(`mutation ($input: ${type}!) { ${mutation}(input: $input) { __typename } }`, { input });
  const uri = "postgres://user:secret@127.0.0.1:1/d";
  await run("createPool", "CreatePoolInput", { pool: "archive", uri, weight: 0, flavor: "cold", verify: false });
  await run("drainPool", "DrainPoolInput", { pool: "archive" });
}, START_DEADLINE_MS);
afterAll(() => dashboard?.close());

/** Null when the part is completely between the left and right edge of the region. */
async function cutOff(region: Locator, part: Locator): Promise<string | null> {
  const [inner, outer] = [await part.boundingBox(), await region.boundingBox()];
  if (inner === null || outer === null) return "not shown";
  const fits = inner.x >= outer.x && inner.x + inner.width <= outer.x + outer.width;
  return fits ? null : `${inner.x} to ${inner.x + inner.width}`;
}

/** Address, name of the table, its most important columns, the start of a row, and the lines under its first cell. */
const TABLES: [string, string, string[], RegExp, string[]][] = [
  [
    paths.queues(null),
    "Queues",
    ["Queue", "Ready", "Total"],
    /^Select queue orders /,
    ["Project: shop", "Oldest ready: "],
  ],
  [paths.queues(null), "Queues", ["Queue"], /^Select queue parcels /, ["Exhausted: "]],
  [paths.queue("shop", "orders"), "Messages, newest first", ["Body"], /order/, []],
  [paths.pools(), "Pools", ["Pool", "State", "Queues"], /^archive /, ["Flavor: cold", "Weight: 0"]],
  [paths.queue("shop", "orders", "claims"), "Claims", ["Claim", "Time left"], /Release/, ["Holder: ", "Messages: "]],
  [paths.audit(), "Audit log", ["Time", "Action"], /drainPool/, ["Actor: local"]],
  [paths.jobs(), "Jobs", ["Target", "State"], /^archive /, ["Kind: Drain pool", "Progress: "]],
];

describe("at 375 pixels", () => {
  let visit: Visit;
  beforeAll(async () => {
    visit = await dashboard.visit({ theme: "dark", width: 375 });
  });
  afterAll(() => visit?.end());

  it.each(TABLES)(
    "%s shows names, states and counts without scrolling",
    async (path, label, headers, row, below) => {
      const { page } = visit;
      await page.goto(dashboard.url + path, { waitUntil: "networkidle" });
      const region = page.getByRole("region", { name: label, exact: true });
      for (const name of headers) {
        expect(await cutOff(region, region.getByRole("columnheader", { name, exact: true })), name).toBeNull();
      }
      for (const text of below) {
        const line = region.getByRole("row", { name: row }).first().locator("div", { hasText: text });
        expect(await cutOff(region, line.first()), text).toBeNull();
      }
      // The frame around them is the same, and what differs from a wide page is in two of them.
      if (label === "Queues" || label.startsWith("Messages")) {
        expect(await violations(page, label === "Queues" ? "html" : "main")).toEqual([]);
      }
    },
    SLOW,
  );
});

it(
  "a project's long name and numbers of eight digits leave the other columns in sight",
  async () => {
    const project = "p".repeat(256);
    await dashboard.call(`mutation ($input: CreateQueueInput!) { createQueue(input: $input) { created } }`, {
      input: { project, queue: "a-of-a-long-name" },
    });
    // Why parcels wait is a long text. Problems are looked for once a minute.
    const why = `{ queue(project: "shop", queue: "parcels") { problems { kind } } }`;
    const found = () => dashboard.call<{ queue: { problems: object[] } }>(why, {});
    await expect.poll(async () => (await found()).queue.problems, { timeout: 90_000 }).not.toEqual([]);
    const { page, end } = await dashboard.visit({ width: 1440 });
    await page.goto(dashboard.url + paths.queues(null), { waitUntil: "networkidle" });
    const region = page.getByRole("region", { name: "Queues", exact: true });
    const row = region.getByRole("row", { name: /^Select queue a-of-a-long-name / });
    await region.getByRole("row", { name: /^Select queue parcels .* since / }).waitFor();
    const headers = await region.getByRole("columnheader").allTextContents();
    for (const name of ["Ready", "Total"]) {
      const cell = row.locator("td").nth(headers.findIndex((text) => text.startsWith(name)));
      await cell.evaluate((it) => it.replaceChildren("84,120,000"));
    }
    for (const width of [768, 1024, 1280, 1408, 1440]) {
      await page.setViewportSize({ width, height: 900 });
      expect(await cutOff(region, row.getByRole("button", { name: "Delete a-of-a-long-name" })), `${width}`).toBeNull();
    }
    expect(await row.getByRole("link", { name: project }).getAttribute("title")).toBe(project);
    await end();
  },
  2 * SLOW,
);

it(
  "an edge with hidden columns has a shadow, and the arrow keys lead there",
  async () => {
    // At 375 pixels this table fits.
    const { page, complaints, end } = await dashboard.visit({ width: 300 });
    await page.goto(dashboard.url + paths.pools(), { waitUntil: "networkidle" });
    const region = page.getByRole("region", { name: "Pools", exact: true });
    const [left, right] = [0, 1].map((index) => region.locator("..").locator("> div").nth(index)) as [Locator, Locator];
    await right.waitFor();
    expect(await left.isVisible()).toBe(false);
    await page.getByRole("button", { name: "New pool" }).focus();
    await page.keyboard.press("Tab");
    expect(await region.evaluate((element) => element === document.activeElement)).toBe(true);
    await expect
      .poll(async () => {
        await page.keyboard.press("ArrowRight");
        return right.isVisible();
      })
      .toBe(false);
    await left.waitFor();
    expect(await cutOff(region, region.getByRole("button", { name: "Delete archive" }))).toBeNull();
    await page.setViewportSize({ width: 1280, height: 800 });
    await left.waitFor({ state: "hidden" });
    expect(await right.isVisible()).toBe(false);
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);
