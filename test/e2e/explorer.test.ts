import type { Page } from "playwright";
import { afterAll, beforeAll, expect, it } from "vitest";
import { paths } from "../../components/paths.ts";
import { START_DEADLINE_MS } from "../support/process.ts";
import { type Dashboard, openDemoDashboard } from "./service.ts";

const SLOW = 120_000;

let dashboard: Dashboard;
beforeAll(async () => {
  dashboard = await openDemoDashboard();
}, START_DEADLINE_MS);
afterAll(() => dashboard?.close());

/** Runs the query of the first visit. The button appears before the editors that it reads and writes. */
async function runFirstQuery(page: Page): Promise<void> {
  await page
    .locator(".view-line", { hasText: "projects" })
    .first()
    .waitFor({ timeout: SLOW / 2 });
  await page.locator(".result-window .monaco-editor").waitFor({ state: "attached", timeout: SLOW / 2 });
  // The schema is loaded too.
  await page.waitForLoadState("networkidle", { timeout: SLOW / 2 });
  await page.getByRole("button", { name: /Execute query/ }).click();
  // Whatever projects there are by now: only an answer without errors has this.
  await page.locator(".result-window").getByText('"nodes"').waitFor();
}

it(
  "the explorer runs a query with nothing but this machine to load from",
  async () => {
    const { page, complaints, end } = await dashboard.visit({ onlyLoopback: true });
    await page.goto(dashboard.url + paths.explorer());
    await runFirstQuery(page);
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "the explorer also runs when it is reached from another page, whose policy is stricter",
  async () => {
    const { page, complaints, end } = await dashboard.visit({ onlyLoopback: true });
    await page.goto(dashboard.url + paths.overview(), { waitUntil: "networkidle" });
    await page.getByRole("link", { name: "GraphQL", exact: true }).click();
    await runFirstQuery(page);
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "GET /api/graphql in a browser leads to the explorer",
  async () => {
    const { page, end } = await dashboard.visit();
    await page.goto(`${dashboard.url}/api/graphql`);
    expect(new URL(page.url()).pathname).toBe(paths.explorer());
    await end();
  },
  SLOW,
);
