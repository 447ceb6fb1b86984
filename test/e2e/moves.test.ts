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
  dashboard = await openDashboard({ demo: false });
  // South has weight 0: the queue is created in north.
  for (const [name, weight, flavor] of [
    ["north", 1, null],
    ["south", 0, null],
    ["quick", 1, "rapid"],
  ] as const) {
    const database = await createEmptyDatabase();
    databases.push(database);
    const input = { pool: name, uri: database.url, weight, flavor };
    await dashboard.call("mutation ($input: CreatePoolInput!) { createPool(input: $input) { created } }", { input });
  }
  const input = {
    project: "p",
    queue: "tea",
    messages: [{ body: { json: 1 } }, { body: { json: 2 } }, { body: { json: 3 } }],
    createQueue: true,
  };
  await dashboard.call("mutation ($input: PostMessagesInput!) { postMessages(input: $input) { ids } }", { input });
  await dashboard.call("mutation ($input: CreateFlavorInput!) { createFlavor(input: $input) { created } }", {
    input: { project: "p", flavor: "rapid", pools: ["quick"] },
  });
  await dashboard.call("mutation ($input: CreateQueueInput!) { createQueue(input: $input) { created } }", {
    input: { project: "p", queue: "espresso", metadata: { json: { _flavor: "rapid" } } },
  });
}, START_DEADLINE_MS);
afterAll(async () => {
  await dashboard?.close();
  for (const database of databases) await database.drop();
});

it(
  "a queue moves to another pool with its messages; that pool is drained, and can be deleted then",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    await page.goto(dashboard.url + paths.catalogue(), { waitUntil: "networkidle" });
    await page.getByRole("row", { name: /tea.*north/ }).waitFor();
    // Only matching pools are offered. Without any, the button says why.
    const stuck = page.getByRole("button", { name: "Move espresso" });
    expect(await stuck.getAttribute("aria-disabled")).toBe("true");
    await stuck.hover();
    const why = page.getByText("No other pool has the queue's flavor, rapid.").last();
    await why.waitFor();
    await page.mouse.move(0, 0);
    await why.waitFor({ state: "hidden" });
    await page.getByRole("button", { name: "Move tea" }).click();
    const choices = page.getByRole("dialog").getByLabel("Pool").getByRole("option");
    // The dialog is loaded at its first use.
    await expect.poll(() => choices.allTextContents()).toEqual(["default", "south"]);
    await page.getByRole("dialog").getByLabel("Pool").selectOption("south");
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Move", exact: true }).click();
    // A busy machine may need longer than the answer waits.
    await page.getByText(/^Queue tea is (in south now|moving to south)\./).waitFor();
    await page.getByRole("row", { name: /tea.*south/ }).waitFor();
    await page.goto(dashboard.url + paths.queue("p", "tea"), { waitUntil: "networkidle" });
    await page.getByText("3 ready", { exact: true }).waitFor();

    await page.goto(dashboard.url + paths.pool("south"), { waitUntil: "networkidle" });
    await page.getByText("100 % of the queues of its flavor; 0 % by weight").waitFor();
    expect(await page.getByRole("button", { name: "Delete south" }).getAttribute("aria-disabled")).toBe("true");
    await page.getByRole("button", { name: "Drain", exact: true }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Drain pool" }).click();
    await page.getByText(/Pool south is (being drained|empty)\./).waitFor();
    // The page follows the job by itself.
    await page.getByRole("heading", { name: "Last drain" }).waitFor();
    await page.getByText("No queues", { exact: true }).waitFor();
    expect(await violations(page)).toEqual([]);
    expect(await page.getByRole("button", { name: "Drain", exact: true }).getAttribute("aria-disabled")).toBe("true");

    await page.goto(dashboard.url + paths.jobs(), { waitUntil: "networkidle" });
    await page.getByRole("row", { name: /Drain pool.*south.*Done.*1 of 1/ }).waitFor();
    await page.getByRole("row", { name: /Move queue.*tea.*Done.*3 of 3/ }).waitFor();
    const cancel = page.getByRole("button", { name: /Cancel job/ }).first();
    expect(await cancel.getAttribute("aria-disabled")).toBe("true");
    expect(await violations(page)).toEqual([]);

    await page.goto(dashboard.url + paths.pool("south"), { waitUntil: "networkidle" });
    await page.getByRole("button", { name: "Delete south" }).click();
    await page.getByRole("alertdialog").getByRole("textbox", { name: /^Type/ }).fill("south");
    await page.getByRole("button", { name: "Delete pool" }).click();
    await page.getByText("Pool south is no longer registered.").waitFor();
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);
