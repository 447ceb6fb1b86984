import { afterAll, beforeAll, expect, it } from "vitest";
import { paths } from "../../components/paths.ts";
import { createEmptyDatabase, type TestDatabase } from "../support/database.ts";
import { START_DEADLINE_MS } from "../support/process.ts";
import { violations } from "./axe.ts";
import { type Dashboard, openDashboard } from "./service.ts";

const SLOW = 120_000;

let dashboard: Dashboard;
const databases: TestDatabase[] = [];
beforeAll(async () => {
  dashboard = await openDashboard({ demo: false, settings: { HEALTH_INTERVAL: "10" } });
  for (const [name, weight] of [
    ["north", 1],
    ["south", 3],
  ] as const) {
    const database = await createEmptyDatabase();
    databases.push(database);
    await createPool({ pool: name, uri: database.url, weight });
  }
  await createPool({ pool: "down", uri: "postgres://user:secret@127.0.0.1:1/d", weight: 0, verify: false });
}, START_DEADLINE_MS);
afterAll(async () => {
  await dashboard?.close();
  for (const database of databases) await database.drop();
});

const createPool = (input: object) =>
  dashboard.call("mutation ($input: CreatePoolInput!) { createPool(input: $input) { created } }", { input });

async function samplesOf(pool: string): Promise<number> {
  const { pool: found } = (await dashboard.call(
    "query ($name: String!) { pool(pool: $name) { healthLastHour { samples } } }",
    { name: pool },
  )) as { pool: { healthLastHour: { samples: number }[] } };
  return found.healthLastHour.reduce((sum, { samples }) => sum + samples, 0);
}

// What comes next needs no samples: meanwhile the first ones are taken.
it(
  "a pool that was just created says when its first sample comes",
  async () => {
    const database = await createEmptyDatabase();
    databases.push(database);
    await createPool({ pool: "new", uri: database.url, weight: 0, flavor: "fresh" });
    const { page, end } = await dashboard.visit();
    await page.goto(dashboard.url + paths.pool("new"), { waitUntil: "networkidle" });
    await page
      .getByText(/A sample is taken every 10 s\. Next:|Healthy in 100 %/)
      .first()
      .waitFor();
    await end();
  },
  SLOW,
);

it(
  "weights are tried with the keyboard before they are saved",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    await page.goto(dashboard.url + paths.pools(), { waitUntil: "networkidle" });
    await page.getByRole("button", { name: "Try weights" }).focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "Try other weights" });
    await dialog.waitFor();
    const status = dialog.getByRole("status");
    const flavor = dialog.getByLabel("Flavor");
    if ((await flavor.count()) > 0) await flavor.selectOption("none");
    await status.getByText("New queues: down 0 %, north 25 %, south 75 %.").waitFor();
    const save = dialog.getByRole("button", { name: "Save weights" });
    expect(await save.getAttribute("aria-disabled")).toBe("true");

    const north = dialog.getByLabel("Weight of north");
    await north.focus();
    await page.keyboard.press("ControlOrMeta+A");
    await page.keyboard.type("x");
    await status.getByText("A weight is not a whole number.").waitFor();
    await page.keyboard.press("Backspace");
    await page.keyboard.type("9");
    await status.getByText("New queues: down 0 %, north 75 %, south 25 %.").waitFor();
    expect(await north.evaluate((element) => element === document.activeElement)).toBe(true);
    // A prediction changes nothing.
    const weightOf = async (name: string) =>
      (
        (await dashboard.call("query ($name: String!) { pool(pool: $name) { weight } }", { name })) as {
          pool: { weight: number };
        }
      ).pool.weight;
    expect(await weightOf("north")).toBe(1);
    expect(await violations(page, "[role=dialog]")).toEqual([]);
    await page.setViewportSize({ width: 375, height: 800 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(375);
    expect(await violations(page, "[role=dialog]")).toEqual([]);

    await north.focus();
    await page.keyboard.press("Enter");
    await page.getByText("The weight of north is saved.").waitFor();
    await dialog.waitFor({ state: "hidden" });
    expect([await weightOf("north"), await weightOf("south")]).toEqual([9, 3]);
    await page.getByRole("row", { name: /^north .* 9 / }).waitFor();
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "with all weights 0 the dialog says that new queues go to the built-in pool",
  async () => {
    const { page, end } = await dashboard.visit();
    await page.goto(dashboard.url + paths.pools(), { waitUntil: "networkidle" });
    await page.getByRole("button", { name: "Try weights" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.waitFor();
    const flavor = dialog.getByLabel("Flavor");
    if ((await flavor.count()) > 0) await flavor.selectOption("none");
    await dialog.getByLabel("Weight of north").fill("0");
    await dialog.getByLabel("Weight of south").fill("0");
    await dialog.getByText("No registered pool would take new queues. The built-in pool would.").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("alertdialog").getByRole("button", { name: "Discard" }).click();
    await dialog.waitFor({ state: "hidden" });
    expect(
      await page.getByRole("button", { name: "Try weights" }).evaluate((one) => one === document.activeElement),
    ).toBe(true);
    await end();
  },
  SLOW,
);

it(
  "the history of a pool is drawn, with a table of the same numbers; at 375 pixels nothing scrolls sideways",
  async () => {
    for (const pool of ["down", "new"]) {
      await expect.poll(() => samplesOf(pool), { timeout: 60_000 }).toBeGreaterThan(0);
    }
    const { page, complaints, end } = await dashboard.visit();
    await page.goto(dashboard.url + paths.pool("default"), { waitUntil: "networkidle" });
    await page.getByRole("heading", { name: "Health over time" }).waitFor();
    await page
      .getByRole("img", { name: /^State: All operations of pool default .* Healthy in 100 % of the samples/ })
      .waitFor();
    await page.getByRole("img", { name: /^Time: All operations of pool default .* p50 [\d.]+ m?s/ }).waitFor();
    await page.getByText("As a table").click();
    const table = page.getByRole("table", { name: "All operations of pool default over time" });
    await table
      .getByRole("row", { name: /healthy \d+ [\d.]+ m?s [\d.]+ m?s/ })
      .first()
      .waitFor();
    expect(await violations(page)).toEqual([]);
    await page.setViewportSize({ width: 375, height: 800 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(375);
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.getByLabel("Operation", { exact: true }).selectOption("post messages");
    await page.waitForURL((url) => url.search === "?operation=post_messages");
    await page.getByLabel("Last", { exact: true }).selectOption("1 day");
    await page.waitForURL((url) => url.search === "?operation=post_messages&range=day");
    await page.getByRole("img", { name: /^Time: post messages of pool default/ }).waitFor();

    await page.goto(dashboard.url + paths.pool("down"), { waitUntil: "networkidle" });
    await page.getByText("It did not answer the last check,").waitFor();
    expect(await page.getByText("Checked with real operations").count()).toBe(0);
    await page.getByRole("img", { name: /^State: .* of pool down .* Healthy in 0 % of the samples/ }).waitFor();
    await page.getByText("As a table").click();
    await page
      .getByText(/unreachable.*STORAGE_UNAVAILABLE/)
      .first()
      .waitFor();
    expect(await violations(page, "main")).toEqual([]);

    await page.goto(dashboard.url + paths.pool("new"), { waitUntil: "networkidle" });
    await page.getByText("Healthy in").waitFor();

    await page.goto(dashboard.url + paths.pools(), { waitUntil: "networkidle" });
    await page.getByRole("row", { name: /^default .* 100 %/ }).waitFor();
    await page.getByRole("img", { name: "Pool down in the last hour, in steps of five minutes" }).waitFor();
    await page.goto(dashboard.url + paths.health(), { waitUntil: "networkidle" });
    await page.getByRole("img", { name: /^State: All operations of pool down/ }).waitFor();
    expect(await violations(page, "main")).toEqual([]);
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);
