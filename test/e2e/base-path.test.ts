/** The dashboard below a path of its host, as a proxy passes it on. */
import type { Browser } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchBrowser } from "../support/browser.ts";
import { createTestDatabase } from "../support/database.ts";
import { START_DEADLINE_MS, startWholeService, type WholeService } from "../support/process.ts";

const BASE_PATH = "/behind/a-proxy";

let service: WholeService;
let browser: Browser;

beforeAll(async () => {
  service = await startWholeService({ database: await createTestDatabase(), settings: { BASE_PATH } });
  browser = await launchBrowser();
}, START_DEADLINE_MS);

afterAll(async () => {
  await browser?.close();
  await service?.close();
});

test("every link of the navigation leads to a page, and every request stays below the path", async () => {
  const page = await browser.newPage();
  const astray: string[] = [];
  page.on("response", (response) => {
    const { pathname } = new URL(response.url());
    if (!pathname.startsWith(BASE_PATH) || response.status() >= 400) astray.push(`${response.status()} ${pathname}`);
  });
  await page.goto(service.url);
  const links = page.locator("nav a");
  await links.first().waitFor();
  const names = [...new Set(await links.allTextContents())];
  expect(names.length).toBeGreaterThan(4);
  for (const name of names) {
    const link = links.filter({ hasText: name }).first();
    const target = new URL((await link.getAttribute("href")) ?? "", service.url).pathname;
    expect(target.startsWith(BASE_PATH)).toBe(true);
    await link.click();
    await page.waitForURL((url) => url.pathname === target);
    await page.locator("h1").first().waitFor();
  }
  expect(astray).toEqual([]);
  await page.close();
});

test("the API is below the path too", async () => {
  expect(service.url.endsWith(BASE_PATH)).toBe(true);
  const response = await fetch(`${service.url}/api/graphql?query={__typename}`, {
    headers: { "apollo-require-preflight": "1" },
  });
  expect(await response.json()).toEqual({ data: { __typename: "Query" } });
  const opened = await fetch(`${service.url}/api/graphql`, { headers: { accept: "text/html" }, redirect: "manual" });
  expect(opened.headers.get("location")).toBe(`${BASE_PATH}/graphql`);
});
