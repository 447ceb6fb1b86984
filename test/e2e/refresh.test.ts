/**
 * What a page does while it is refreshed: one request, nothing is lost when the server is away, and no row moves under
 * the pointer.
 */
import { gzipSync } from "node:zlib";
import type { BrowserContext, Page } from "playwright";
import { afterAll, beforeAll, expect, it } from "vitest";
import { paths } from "../../components/paths.ts";
import { START_DEADLINE_MS } from "../support/process.ts";
import { type OwnDashboard, openDashboard, type Visit } from "./service.ts";

const SLOW = 120_000;

let dashboard: OwnDashboard;
beforeAll(async () => {
  dashboard = await openDashboard({ demo: true });
}, START_DEADLINE_MS);
afterAll(() => dashboard?.close());

const BETWEEN_REFRESHES = "00:05";
/** After that long a page without an answer asks whether there still is a server. */
const DOUBTS_AFTER = "00:05";
const ASKS_AGAIN_AFTER = "00:02";

type RealIdle = { realIdleCallback: typeof requestIdleCallback };

/** A page that refreshes by the clock, every five seconds. Its clock runs, and `pass` moves it on. */
async function visitRefreshing(path: string): Promise<Visit & { pass: (time: string) => Promise<void> }> {
  const visit = await dashboard.visit();
  // The clock's own calls back soon, even on a page that is busy.
  await visit.context.addInitScript(() => Object.assign(window, { realIdleCallback: requestIdleCallback }));
  await visit.context.clock.install();
  await visit.context.addInitScript(() => localStorage.setItem("isimud-refresh", "5"));
  await visit.page.goto(dashboard.url + path, { waitUntil: "networkidle" });
  return { ...visit, pass: (time) => visit.context.clock.fastForward(time) };
}

/** Opens a page that is live. Its stream never ends, so it is loaded when it has its stream. */
async function openLive(context: BrowserContext, path: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(dashboard.url + path);
  await connected(page);
  return page;
}

const connected = (page: Page) => page.locator("[data-live]").waitFor();

const createQueue = (project: string, queue: string) =>
  dashboard.call(`mutation ($input: CreateQueueInput!) { createQueue(input: $input) { created } }`, {
    input: { project, queue },
  });

/** Without a click, so that pointer and focus stay where they are. */
async function refresh(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Refresh now" }).dispatchEvent("click");
}

/** When a refresh that is under way is over: the next one is timed from then. */
const refreshed = (page: Page) =>
  page.getByRole("button", { name: "Refresh now" }).locator(".animate-spin").waitFor({ state: "detached" });

/** Creates claims of one message each, in the order of `holders`. */
async function claimAll(queue: string, holders: string[]): Promise<void> {
  await createQueue("hands", queue);
  await dashboard.call(`mutation ($input: PostMessagesInput!) { postMessages(input: $input) { ids } }`, {
    input: { project: "hands", queue, messages: holders.map((holder) => ({ body: { json: holder } })) },
  });
  for (const _ of holders) {
    await dashboard.call(`mutation ($input: CreateClaimInput!) { createClaim(input: $input) { claim { id } } }`, {
      input: { project: "hands", queue, limit: 1, ttlSeconds: 300 },
    });
  }
}

async function release(queue: string, id: string): Promise<void> {
  await dashboard.call(`mutation ($input: ReleaseClaimInput!) { releaseClaim(input: $input) { __typename } }`, {
    input: { project: "hands", queue, claimId: id },
  });
}

it(
  "a refresh is one request of the page, after a small one that asks whether there is a server",
  async () => {
    const { page, complaints, pass, end } = await visitRefreshing(paths.queues(null));
    const asked: string[] = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    // What the page loads after its start, it asks for before its first refresh.
    const firstRefresh = async () => {
      await pass(BETWEEN_REFRESHES);
      return asked.includes("/queues");
    };
    await expect.poll(firstRefresh).toBe(true);
    await refreshed(page);
    asked.length = 0;
    // All of the page, which is more than a refresh asks for.
    const whole = await page.request.get(dashboard.url + paths.queues(null), { headers: { rsc: "1" } });
    expect(whole.headers()["content-type"]).toContain("text/x-component");
    expect(gzipSync(await whole.body()).length).toBeLessThanOrEqual(20 * 1024);
    for (const refreshes of [1, 2]) {
      await pass(BETWEEN_REFRESHES);
      await expect.poll(() => asked.filter((path) => path === "/queues").length).toBeGreaterThanOrEqual(refreshes);
      await refreshed(page);
    }
    expect(new Set(asked)).toEqual(new Set(["/queues", "/api/health/ready"]));
    expect(asked.length).toBeLessThanOrEqual(6);
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "the server stops and starts: the page keeps its rows and what was typed, says so, and refreshes by itself",
  async () => {
    const { page, pass, end } = await visitRefreshing(paths.queues("shop"));
    const other = await visitRefreshing(paths.queue("shop", "refunds"));
    await other.page.getByRole("button", { name: "Post a message" }).click();
    await other.page.getByLabel("Body").fill('{"typed": "for an hour"}');
    await page.evaluate(() => Object.assign(window, { same: true }));
    const watching = await dashboard.visit();
    await watching.context.addInitScript(() => localStorage.setItem("isimud-refresh", "live"));
    await watching.page.goto(dashboard.url + paths.queues("shop"));
    await connected(watching.page);

    await dashboard.stop();
    await watching.page.getByRole("status").filter({ hasText: "reconnecting" }).waitFor();
    await pass(BETWEEN_REFRESHES);
    await page
      .getByRole("status")
      .filter({ hasText: /as of \d\d:\d\d:\d\d UTC, reconnecting/ })
      .waitFor();
    await page.getByRole("link", { name: "orders", exact: true }).waitFor();
    // A link that is followed meanwhile waits as well.
    await page.getByRole("link", { name: "Pools" }).click();
    await other.page.getByRole("button", { name: "Post", exact: true }).click();
    await other.page.getByRole("alert").filter({ hasText: "UNREACHABLE" }).waitFor();

    await dashboard.start();
    await page.getByRole("heading", { name: "Pools", level: 1 }).waitFor();
    await page.getByText("reconnecting").waitFor({ state: "detached" });
    expect(await page.evaluate(() => "same" in window)).toBe(true);
    await page.getByRole("row", { name: /^default/ }).waitFor();
    await other.page.getByRole("button", { name: "Post", exact: true }).click();
    await other.page.getByText("The message is posted.").waitFor();
    await other.page.getByText("for an hour").waitFor();
    await connected(watching.page);
    await createQueue("shop", "after-the-restart");
    await watching.page.getByRole("link", { name: "after-the-restart", exact: true }).waitFor();
    await watching.end();
    await other.end();
    await end();
  },
  SLOW,
);

it(
  "eight tabs that are live share one stream: each shows what changed, a mutation still answers, hidden ones leave",
  async () => {
    const { context, page: first, complaints, end } = await dashboard.visit();
    await context.addInitScript(() => localStorage.setItem("isimud-refresh", "live"));
    const open = new Set<unknown>();
    context.on("request", (request) => {
      if (request.headers().accept === "text/event-stream") open.add(request);
    });
    context.on("requestfailed", (request) => open.delete(request));
    context.on("requestfinished", (request) => open.delete(request));
    await first.goto(dashboard.url + paths.queues("watched"));
    await connected(first);
    const others = await Promise.all(Array.from({ length: 7 }, () => openLive(context, paths.queues("watched"))));
    expect(open.size).toBe(1);

    await createQueue("watched", "news");
    for (const page of [first, ...others]) await page.getByRole("link", { name: "news", exact: true }).waitFor();
    await first.getByRole("button", { name: "New queue" }).first().click();
    await first.getByLabel("Name", { exact: true }).fill("more");
    await first.getByRole("button", { name: "Create queue" }).click();
    await first.getByText("Queue more is created.").waitFor();
    for (const page of others) await page.getByRole("link", { name: "more", exact: true }).waitFor();

    for (const page of [first, ...others]) {
      await page.evaluate(() => {
        Object.defineProperty(document, "hidden", { get: () => true });
        document.dispatchEvent(new Event("visibilitychange"));
      });
    }
    await expect.poll(() => open.size).toBe(0);
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "a server with another build: the page stays, and offers to load it",
  async () => {
    const { page, complaints, pass, end } = await visitRefreshing(paths.queues("shop"));
    await page.evaluate(() => Object.assign(window, { same: true }));
    await page.route("**/api/health/ready", (route) =>
      route.fulfill({ status: 200, headers: { "x-isimud-build": "another" }, body: "{}" }),
    );
    await pass(BETWEEN_REFRESHES);
    await page.getByText("A new version is available").waitFor();
    await page.getByRole("link", { name: "orders", exact: true }).waitFor();
    expect(await page.evaluate(() => "same" in window)).toBe(true);
    await page.unroute("**/api/health/ready");
    await page.getByRole("button", { name: "Reload", exact: true }).click();
    await page.getByText("A new version is available").waitFor({ state: "detached" });
    expect(await page.evaluate(() => "same" in window)).toBe(false);
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "a truncated answer leads to the error page, which retries by itself",
  async () => {
    const { page, pass, end } = await visitRefreshing(paths.queues("shop"));
    await page.route("**/pools?_rsc=*", async (route) => {
      const answer = await route.fetch();
      const body = await answer.body();
      await route.fulfill({ response: answer, body: body.subarray(0, body.length / 2) });
    });
    await page.getByRole("link", { name: "Pools" }).click();
    await page.getByText("This page cannot be shown").waitFor();
    await page.unroute("**/pools?_rsc=*");
    await pass(BETWEEN_REFRESHES);
    await page.getByRole("row", { name: /^default/ }).waitFor();
    await end();
  },
  SLOW,
);

it(
  "a refresh that began before a dialog opened changes nothing in it, and is shown when it closes",
  async () => {
    const { page, pass, end } = await visitRefreshing(paths.queue("shop", "refunds"));
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    let broken = 0;
    await page.route("**/refunds?_rsc=*", async (route) => {
      const answer = await route.fetch();
      const body = await answer.body();
      await opened;
      await route.fulfill({ response: answer, body: body.subarray(0, body.length - 200) });
      broken += 1;
    });
    const asked = page.waitForRequest("**/refunds?_rsc=*");
    await pass(BETWEEN_REFRESHES);
    await asked;
    await page.getByRole("button", { name: "Post a message" }).click();
    await page.getByLabel("Body").fill('{"typed": "for an hour"}');
    open();
    await expect.poll(() => broken).toBe(1);
    // Until the page has nothing left to do.
    await page.evaluate(
      () => new Promise((resolve) => (window as unknown as RealIdle).realIdleCallback(() => resolve(null))),
    );
    expect(await page.getByLabel("Body").inputValue()).toBe('{"typed": "for an hour"}');
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByText("This page cannot be shown").waitFor();
    await page.unroute("**/refunds?_rsc=*");
    await pass(BETWEEN_REFRESHES);
    await page.getByRole("button", { name: "Post a message" }).waitFor();
    await end();
  },
  SLOW,
);

it(
  "a server that hangs during a refresh: the page says that it reconnects, and goes on when the server answers",
  async () => {
    const { page, pass, end } = await visitRefreshing(paths.queues("shop"));
    const { promise: moves, resolve: move } = Promise.withResolvers<void>();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    await page.route("**/queues?_rsc=*", async (route) => {
      await page.route("**/api/health/ready", (asked) => asked.abort());
      begin();
      await moves;
      await route.continue();
    });
    await pass(BETWEEN_REFRESHES);
    await begun;
    await pass(DOUBTS_AFTER);
    await page.getByText("reconnecting").waitFor();
    await page.getByRole("link", { name: "orders", exact: true }).waitFor();
    await page.unroute("**/api/health/ready");
    await pass(ASKS_AGAIN_AFTER);
    await page.getByText("reconnecting").waitFor({ state: "detached" });
    const answered = page.waitForResponse("**/queues?_rsc=*");
    move();
    await answered;
    await page.getByRole("link", { name: "orders", exact: true }).waitFor();
    await end();
  },
  SLOW,
);

it(
  "the row under the pointer stays there while rows are removed, and releasing asks",
  async () => {
    await claimAll("pointer", ["a", "b", "c", "d"]);
    const { page, complaints, end } = await dashboard.visit();
    await page.goto(dashboard.url + paths.queue("hands", "pointer", "claims"), { waitUntil: "networkidle" });
    const rows = page.getByRole("table", { name: "Claims" }).locator("tbody tr");
    const keys = () => rows.evaluateAll((all) => all.map((row) => row.getAttribute("data-key") as string));
    const [first = "", second = "", third = ""] = await keys();

    const button = rows.nth(1).getByRole("button", { name: "Release" });
    const { x, y, width, height } = (await button.boundingBox()) as NonNullable<
      Awaited<ReturnType<typeof button.boundingBox>>
    >;
    const spot: [number, number] = [x + width / 2, y + height / 2];
    await page.mouse.click(...spot);
    await page.getByRole("alertdialog").getByText("Release this claim?").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("alertdialog").waitFor({ state: "detached" });

    // Elsewhere two claims are released, also the one under the pointer. Then the page refreshes.
    await page.mouse.move(...spot);
    await release("pointer", first);
    await release("pointer", second);
    await refresh(page);
    await rows.nth(1).getByText("Removed").waitFor();
    expect((await keys()).slice(0, 3)).toEqual([first, second, third]);
    await page.mouse.dblclick(...spot);
    expect(await page.getByRole("alertdialog").count()).toBe(0);
    await page.mouse.move(5, 5);
    await expect.poll(() => rows.count()).toBe(2);
    expect((await keys())[0]).toBe(third);
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "the focus stays in its row when that row is removed",
  async () => {
    await claimAll("keyboard", ["a", "b"]);
    const { page, complaints, end } = await dashboard.visit();
    await page.goto(dashboard.url + paths.queue("hands", "keyboard", "claims"), { waitUntil: "networkidle" });
    const rows = page.getByRole("table", { name: "Claims" }).locator("tbody tr");
    const first = (await rows.first().getAttribute("data-key")) as string;
    await rows.first().getByRole("link").focus();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await release("keyboard", first);
    await refresh(page);
    await rows.first().getByText("Removed").waitFor();
    const focused = page.locator(":focus");
    expect(await focused.locator("xpath=ancestor::tr").getAttribute("data-key")).toBe(first);
    await page.keyboard.press("Enter");
    expect(await page.getByRole("alertdialog").count()).toBe(0);
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Shift+Tab");
    await expect.poll(() => rows.count()).toBe(1);
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);
