/** The messages of a queue: found, walked through and followed, without consuming one. */
import type { Page } from "playwright";
import { afterAll, beforeAll, expect, it } from "vitest";
import { paths } from "../../components/paths.ts";
import { START_DEADLINE_MS } from "../support/process.ts";
import { violations } from "./axe.ts";
import { type Dashboard, openDemoDashboard } from "./service.ts";

const SLOW = 60_000;
const PROJECT = "browsing";
const COUNT = 120;

let dashboard: Dashboard;
beforeAll(async () => {
  dashboard = await openDemoDashboard();
  await post(
    "packets",
    Array.from({ length: COUNT }, (_, order) => ({ order, customer: `c-${order % 40}` })),
  );
}, START_DEADLINE_MS);
afterAll(() => dashboard?.close());

const post = (queue: string, bodies: unknown[]) =>
  dashboard.call(`mutation ($input: PostMessagesInput!) { postMessages(input: $input) { ids } }`, {
    input: { project: PROJECT, queue, createQueue: true, messages: bodies.map((json) => ({ body: { json } })) },
  });

const message = (page: Page) => page.getByRole("region", { name: /^Message / });
const order = (page: Page, number: number) => message(page).getByText(String(number), { exact: true }).waitFor();
const goTo = (page: Page, queue: string, query = {}) =>
  page.goto(dashboard.url + paths.queue(PROJECT, queue, "messages", query), { waitUntil: "networkidle" });

it(
  "finds the message with this order number, and says how much it searched; the address finds it again",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    await goTo(page, "packets");
    await page.getByRole("searchbox", { name: "Find in bodies" }).fill('"order":117,');
    await page.getByText(`Searched all ${COUNT}; 1 matches.`).waitFor();
    expect(await page.locator("mark").textContent()).toBe('"order":117,');
    expect(await violations(page)).toEqual([]);
    await page.getByRole("table").getByRole("link").click();
    await order(page, 117);
    const { href } = new URL(page.url());
    await page.goto(href, { waitUntil: "networkidle" });
    await order(page, 117);
    await page.getByText(`Searched all ${COUNT}; 1 matches.`).waitFor();
    await page.keyboard.press("Escape");
    await message(page).waitFor({ state: "hidden" });
    await page.getByLabel("State").selectOption("claimed");
    await page.getByText("No message matches").waitFor();
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "a search asks after 20,000 messages whether to go on, and then goes on until it finds some",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    // The newest are searched first.
    await post("haystack", [{ needle: 1 }]);
    for (let part = 0; part < 21; part += 1) {
      await post(
        "haystack",
        Array.from({ length: 1000 }, (_, straw) => ({ straw: part * 1000 + straw })),
      );
    }
    await goTo(page, "haystack");
    await page.getByRole("searchbox", { name: "Find in bodies" }).fill("needle");
    await page.getByText("None so far").waitFor();
    await page.getByText(/^Searched the newest 20,000 of 21,001, back to .*; 0 match\.$/).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Search until some are found" }).click();
    await page.getByText("Searched all 21,001; 1 matches.").waitFor();
    expect(await page.locator("mark").textContent()).toBe("needle");
    await page.getByRole("button", { name: "Search until some are found" }).waitFor({ state: "detached" });
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "the open message stays beside the list while j and k walk, over the edge of a page too, from either end",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    await goTo(page, "packets");
    await page.getByRole("table").getByRole("link").first().click();
    await order(page, COUNT - 1);
    expect(await message(page).getByRole("button", { name: "Previous" }).getAttribute("aria-disabled")).toBe("true");
    await page.keyboard.press("j");
    await order(page, COUNT - 2);
    await page.keyboard.press("k");
    await order(page, COUNT - 1);
    await page.keyboard.press("Escape");
    await message(page).waitFor({ state: "hidden" });
    await page.getByRole("table").getByRole("link").last().click();
    await order(page, COUNT - 50);
    await message(page).getByRole("button", { name: "Next" }).click();
    await order(page, COUNT - 51);
    await page.waitForURL((url) => url.searchParams.has("before") && url.searchParams.get("message") !== "first");
    await page.waitForLoadState("networkidle");
    expect(await page.locator("tr[aria-current]").textContent()).toContain(`"order":${COUNT - 51},`);
    await message(page).getByRole("button", { name: "Close" }).click();
    await page.getByRole("link", { name: "Last", exact: true }).click();
    await page.getByText('"order":0,').waitFor();
    await page.getByRole("link", { name: "Oldest first" }).click();
    await page.getByRole("table", { name: "Messages, oldest first" }).waitFor();
    expect(await page.getByRole("table").getByRole("link").first().textContent()).toContain('"order":0,');
    const { queue } = await dashboard.call<{ queue: { stats: { ready: number } } }>(
      `{ queue(project: "${PROJECT}", queue: "packets") { stats { ready } } }`,
      {},
    );
    expect(queue.stats.ready).toBe(COUNT);
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "goes to where the queue was at a time",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    await goTo(page, "packets");
    await page.getByRole("button", { name: "At a time…" }).click();
    await page.getByLabel("Time, in UTC").fill("2020-01-01T00:00:00");
    await page.getByRole("button", { name: "Go" }).click();
    await page.getByText("No messages here").waitFor();
    await page.getByRole("link", { name: "Oldest first" }).click();
    await page.getByText("Since 2020-01-01 00:00:00 UTC").waitFor();
    expect(await page.getByRole("table").getByRole("link").first().textContent()).toContain('"order":0,');
    await page.getByRole("link", { name: "Next page" }).click();
    await page.getByText('"order":50,').waitFor();
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "watches messages arrive, without a refresh",
  async () => {
    const { page, context, complaints, end } = await dashboard.visit();
    await context.addInitScript(() => localStorage.setItem("isimud-refresh", "0"));
    await post("arrivals", ["before"]);
    await goTo(page, "arrivals");
    const streaming = page.waitForResponse((response) =>
      (response.headers()["content-type"] ?? "").includes("event-stream"),
    );
    // It is checked at once, before the page has answered.
    await page.getByLabel("Follow live").check();
    await streaming;
    await post("arrivals", ["first", "second"]);
    await page.getByText("Following: 2 came in.").waitFor();
    const texts = await page.getByRole("table").getByRole("link").allTextContents();
    expect(texts).toEqual(['"second"', '"first"', '"before"']);
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "at 375 pixels a row has two lines, and a message opens over the list",
  async () => {
    const { page, complaints, end } = await dashboard.visit({ theme: "dark", width: 375 });
    await goTo(page, "packets");
    const row = page.getByRole("row", { name: /"order":119,/ });
    await row.getByText("Ready").first().waitFor();
    const region = page.getByRole("region", { name: "Messages, newest first" });
    expect(await region.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)).toBeLessThanOrEqual(0);
    await row.getByRole("link").click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("119", { exact: true }).waitFor();
    expect(await violations(page, "[role=dialog]")).toEqual([]);
    await page.keyboard.press("j");
    await dialog.getByText("118", { exact: true }).waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);
