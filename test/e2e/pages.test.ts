/** Every page, looked at by axe in both themes and at the width of a telephone. */
import type { Page } from "playwright";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { paths } from "../../components/paths.ts";
import { START_DEADLINE_MS } from "../support/process.ts";
import { paste } from "../support/shell.ts";
import { IS_THOROUGH } from "../support/thorough.ts";
import { violations } from "./axe.ts";
import { PAGES } from "./page-list.ts";
import { type Dashboard, openDemoDashboard } from "./service.ts";

const SLOW = 60_000;
/** What lies over a page, which was looked at by itself. */
const OVERLAY = "[role=dialog], [role=alertdialog], [role=menu]";
const DESKTOP = { width: 1280, height: 800 };
/** Buttons of pages, by what these show, and what they open. */
const OPENERS: Record<string, { button: string | RegExp; opens: "dialog" | "alertdialog" | "menu" }> = {
  "the overview": { button: /^You/, opens: "menu" },
  "queues of all projects": { button: "New queue", opens: "dialog" },
  "queues of a project": { button: "Delete orders", opens: "alertdialog" },
  messages: { button: "Post a message", opens: "dialog" },
  claims: { button: "Claim messages", opens: "dialog" },
  pools: { button: "New pool", opens: "dialog" },
};

/** The frame around the content is the same on all pages. */
const WITH_FRAME = "the overview";

/** The cURL lines of what the page asked: of the whole, of its parts and of its lists. */
async function linesOf(page: Page): Promise<string[]> {
  await page.getByRole("button", { name: "GraphQL", exact: true }).click();
  const sheet = page.getByRole("dialog", { name: "The same in GraphQL" });
  const choice = sheet.getByLabel("Show", { exact: true });
  await choice.waitFor();
  const queries = choice.locator("optgroup:not([label=Buttons]) option");
  const lines: string[] = [];
  for (const value of await queries.evaluateAll((all) => all.map((one) => (one as HTMLOptionElement).value))) {
    await choice.selectOption(value);
    lines.push((await sheet.getByRole("region", { name: "cURL" }).textContent()) ?? "");
  }
  await page.keyboard.press("Escape");
  return lines;
}

let dashboard: Dashboard;
beforeAll(async () => {
  dashboard = await openDemoDashboard();
}, START_DEADLINE_MS);
afterAll(() => dashboard?.close());

/**
 * One browser session for all tests of a suite, like a visitor's. Complaints of the browser belong to the current test.
 */
function oneVisit(options: Parameters<Dashboard["visit"]>[0]) {
  let visit: Awaited<ReturnType<Dashboard["visit"]>>;
  beforeAll(async () => {
    visit = await dashboard.visit(options);
  });
  beforeEach(() => {
    visit.complaints.length = 0;
  });
  afterAll(() => visit?.end());
  return () => visit;
}

describe("in either theme", () => {
  const visit = oneVisit({});

  it.each(PAGES)(
    "axe finds nothing on %s and in what it opens, and at 375 pixels it does not scroll sideways",
    async (name, path) => {
      const { page, complaints } = visit();
      await page.goto(dashboard.url + path, { waitUntil: "networkidle" });
      // Not by its role: under a dialog the content is hidden from readers.
      await page.locator("#content").waitFor();
      // With AUTH=none, which the demo has.
      await page.getByText("Access control is off. Everybody on this machine is admin.").waitFor();
      const turnOn = page.getByRole("link", { name: "Turn it on", exact: true });
      expect(await turnOn.getAttribute("href")).toBe(`${paths.access()}#turn-on`);
      expect(await violations(page, name === WITH_FRAME || IS_THOROUGH ? "html" : "#content")).toEqual([]);
      await page.setViewportSize({ ...DESKTOP, width: 375 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(375);
      await page.setViewportSize(DESKTOP);
      const opener = OPENERS[name];
      if (opener !== undefined) {
        await page.getByRole("button", { name: opener.button }).first().click();
        await page.getByRole(opener.opens).waitFor();
        expect(await violations(page, OVERLAY), opener.opens).toEqual([]);
      }
      // The browser reports the status of the page that is meant to be missing.
      expect(complaints.filter((text) => !text.includes("404 (Not Found)"))).toEqual([]);
    },
    SLOW,
  );

  it(
    "the cURL lines that a page shows, of the whole and of its lists, work when they are pasted",
    async () => {
      const { page } = visit();
      await page.goto(dashboard.url + paths.queues("shop"), { waitUntil: "networkidle" });
      const answers = await paste(await linesOf(page));
      expect(answers.length).toBeGreaterThan(1);
      expect(answers.flatMap(({ errors = [] }) => errors)).toEqual([]);
    },
    SLOW,
  );

  it("each page that is looked at for what it opens is one of the list", () => {
    expect(PAGES.map(([name]) => name)).toEqual(expect.arrayContaining(Object.keys(OPENERS)));
  });

  it(
    "axe finds nothing in an open message and its life",
    async () => {
      const { page, complaints } = visit();
      await page.goto(dashboard.url + paths.queue("shop", "exact-numbers"), { waitUntil: "networkidle" });
      await page.getByRole("table").getByRole("link").last().click();
      await page
        .getByRole("region", { name: /^Message / })
        .getByText("123456789012345678901234567890")
        .waitFor();
      expect(await violations(page, "#content"), "a message").toEqual([]);
      await page.goto(dashboard.url + paths.queue("shop", "invoices.dead"), { waitUntil: "networkidle" });
      await page.getByRole("table").getByRole("link").first().click();
      const life = page.getByRole("region", { name: "Life" });
      await life.getByText("to invoices.dead after 2 deliveries").waitFor();
      expect(await life.getByRole("listitem").first().textContent()).toMatch(/posted by demo$/);
      expect(await violations(page, "#content"), "the life of a message").toEqual([]);
      expect(complaints).toEqual([]);
    },
    SLOW,
  );
});

describe.each(PAGES)("%s", (_name, path) => {
  const ask = (headers: Record<string, string>) => fetch(dashboard.url + path, { headers, redirect: "manual" });
  let forAdmins: number;
  beforeAll(async () => {
    const answer = await ask({});
    await answer.text();
    forAdmins = answer.status;
  });

  it.each(["operator", "viewer", "nobody"])(
    "is answered to a caller who takes no more than X-Roles: %s as to an admin, and says that access control is off",
    async (roles) => {
      const theirs = await ask({ "x-roles": roles });
      const html = await theirs.text();
      expect(theirs.status).toBe(forAdmins);
      expect(html).toContain('data-auth="none"');
      expect(html).toContain("Access control is off.");
      // How Next marks a part that failed while it was rendered.
      expect(html).not.toContain("data-dgst");
    },
  );
});

it(
  "a page opens in the theme of the system",
  async () => {
    for (const theme of ["light", "dark"] as const) {
      const { page, end } = await dashboard.visit({ theme });
      await page.goto(dashboard.url + paths.overview());
      await page.locator("#content").waitFor();
      expect(await page.locator("html").getAttribute("data-theme")).toBe(theme);
      await end();
    }
  },
  SLOW,
);

it(
  "a chosen theme is there at the first paint of the next page, in this tab and in another, whatever the system's is",
  async () => {
    const { page, context, complaints, end } = await dashboard.visit({ theme: "light" });
    await page.goto(dashboard.url + paths.overview(), { waitUntil: "networkidle" });
    const other = await context.newPage();
    await other.goto(dashboard.url + paths.pools(), { waitUntil: "networkidle" });
    const you = page.getByRole("button", { name: /^You: / });
    await you.click();
    await page.getByRole("menuitemradio", { name: "Dark" }).click();
    await other.locator("html[data-theme=dark]").waitFor();
    // So only the document itself can have set it.
    await other.route("**/*.js", (route) => route.abort());
    await other.reload({ waitUntil: "commit" });
    await other.locator("html[data-theme=dark] body").waitFor();
    await other.close();
    await page.reload({ waitUntil: "networkidle" });
    await you.click();
    await page.getByRole("menuitemradio", { name: "Dark", checked: true }).waitFor();
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

describe("at 375 pixels", () => {
  const visit = oneVisit({ width: 375 });

  it(
    "the bar shows the environment's name, and as of when the page is",
    async () => {
      const { page } = visit();
      await page.goto(dashboard.url, { waitUntil: "networkidle" });
      await page.getByText("DEMO süd", { exact: true }).waitFor();
      await page.getByRole("button", { name: /as of \d\d:\d\d:\d\d/ }).waitFor();
    },
    SLOW,
  );

  it(
    "the drawer leads to every page and returns the focus when it closes",
    async () => {
      const { page } = visit();
      await page.goto(dashboard.url, { waitUntil: "networkidle" });
      const opener = page.getByRole("button", { name: "Open the navigation" });
      await opener.click();
      await page.getByRole("dialog").getByRole("link", { name: "Pools" }).waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "hidden" });
      expect(await opener.evaluate((element) => element === document.activeElement)).toBe(true);
      await opener.click();
      await page.getByRole("dialog").getByRole("link", { name: "Pools" }).click();
      await page.getByRole("heading", { name: "Pools", level: 1 }).waitFor();
      await page.getByRole("dialog").waitFor({ state: "hidden" });
    },
    SLOW,
  );
});

it(
  "a queue whose dead letter queue is missing says what nobody can claim and why, and creates that queue",
  async () => {
    // As the parcels of the demo, which other files look at.
    const queue = { project: "graveless", queue: "crates" };
    const run = (mutation: string, type: string, input: object, answer = "__typename") =>
      dashboard.call<Record<string, { claim?: { id: string } | null }>>(
        `mutation ($input: ${type}!) { ${mutation}(input: $input) { ${answer} } }`,
        { input: { ...queue, ...input } },
      );
    await run("createQueue", "CreateQueueInput", {
      metadata: { json: { _max_claim_count: 2, _dead_letter_queue: "crates.dead" } },
    });
    await run("postMessages", "PostMessagesInput", { messages: [1, 2, 3].map((json) => ({ body: { json } })) });
    for (;;) {
      const { createClaim } = await run("createClaim", "CreateClaimInput", { ttlSeconds: 60 }, "claim { id }");
      const claimId = createClaim?.claim?.id;
      if (claimId === undefined) break;
      await run("releaseClaim", "ReleaseClaimInput", { claimId });
    }
    const { page, complaints, end } = await dashboard.visit();
    await page.goto(dashboard.url + paths.queue(queue.project, queue.queue), { waitUntil: "networkidle" });
    // The strip below says the same as soon as the queue is sampled.
    const header = page.locator("#content header");
    await header.getByText("3 exhausted", { exact: true }).waitFor();
    await header.getByText("0 ready", { exact: true }).waitFor();
    expect(await page.getByRole("cell", { name: "Exhausted", exact: true }).count()).toBe(3);
    await page.getByLabel("State").selectOption("ready");
    await page.getByText("No ready messages").waitFor();
    // Here it is one of the reasons, on the other tabs a notice.
    const why = page.getByRole("region", { name: "Why messages wait" });
    await why.getByText("its dead letter queue crates.dead does not exist").waitFor();
    await why.getByRole("button", { name: "Create crates.dead" }).waitFor();
    const notice = page.getByRole("region", { name: "Missing dead letter queue" });
    expect(await notice.count()).toBe(0);
    await page.getByRole("navigation", { name: "Parts of the queue" }).getByRole("link", { name: "Claims" }).click();
    await notice.getByText("The dead letter queue crates.dead does not exist.").waitFor();
    expect(await violations(page, "main")).toEqual([]);
    await notice.getByRole("button", { name: "Create crates.dead" }).click();
    await header.getByText("3 ready", { exact: true }).waitFor();
    await notice.waitFor({ state: "hidden" });
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

describe("by keyboard", () => {
  const visit = oneVisit({});

  it(
    "the skip link is the first stop of the keyboard and leads to the content",
    async () => {
      const { page } = visit();
      await page.goto(dashboard.url, { waitUntil: "networkidle" });
      await page.keyboard.press("Tab");
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to the content");
      await page.keyboard.press("Enter");
      expect(await page.evaluate(() => document.activeElement?.id)).toBe("content");
    },
    SLOW,
  );

  it(
    "the palette finds queues by the beginning of their names, presses the page's buttons, and opens pages",
    async () => {
      const { page, complaints } = visit();
      await page.goto(dashboard.url + paths.queue("shop", "refunds"), { waitUntil: "networkidle" });
      await page.keyboard.press("Control+k");
      const palette = page.getByRole("dialog", { name: "Find a queue, page or action" });
      await palette.getByRole("option", { name: "Pools" }).waitFor();
      expect(await violations(page, "dialog")).toEqual([]);
      await page.keyboard.type("ord");
      await palette.getByRole("option", { name: /^orders shop · [\d,]+ ready/ }).waitFor();
      await page.keyboard.press("Enter");
      await page.waitForURL(`**${paths.queue("shop", "orders")}`);
      await palette.waitFor({ state: "detached" });

      await page.keyboard.press("Control+k");
      await page.keyboard.type("post a");
      await palette.getByRole("option", { name: "Post a message" }).waitFor();
      await page.keyboard.press("Enter");
      await page.getByRole("dialog", { name: "Post a message" }).waitFor();
      await page.keyboard.press("Escape");

      await page.getByRole("dialog").waitFor({ state: "hidden" });
      await page.keyboard.press("Control+k");
      await page.keyboard.type("nothing-has-this-name");
      await palette.getByText("Nothing is found.").waitFor();
      await page.keyboard.press("Escape");
      await palette.waitFor({ state: "detached" });
      expect(complaints).toEqual([]);
    },
    SLOW,
  );

  it(
    "what is typed while the palette is loaded for the first time stands in it",
    async () => {
      const { page, complaints, end } = await dashboard.visit();
      await page.goto(dashboard.url + paths.queues("shop"), { waitUntil: "networkidle" });
      const { promise: typed, resolve: goOn } = Promise.withResolvers<void>();
      await page.route("**/_next/static/**", async (route) => {
        await typed;
        await route.continue();
      });
      const asked = page.waitForRequest("**/_next/static/**");
      await page.keyboard.press("Control+k");
      await asked;
      await page.keyboard.type("ordrs");
      await page.keyboard.press("Backspace");
      await page.keyboard.press("Backspace");
      await page.keyboard.type("ers");
      goOn();
      const field = page.getByRole("combobox", { name: "Find a queue, page or action" });
      await field.waitFor();
      expect(await field.inputValue()).toBe("orders");
      await page.keyboard.press("Enter");
      await page.keyboard.press("Escape");
      expect(complaints).toEqual([]);
      await end();
    },
    SLOW,
  );

  it(
    "? shows the keys, / leads to the search, j and k to the rows, Enter opens one",
    async () => {
      const { page, complaints } = visit();
      await page.goto(dashboard.url + paths.queues("shop"), { waitUntil: "networkidle" });
      await page.keyboard.press("?");
      const keys = page.getByRole("dialog", { name: "Keys" });
      await keys.getByText("Next row").waitFor();
      expect(await violations(page, "dialog")).toEqual([]);
      await page.keyboard.press("Escape");
      await keys.waitFor({ state: "detached" });
      await page.keyboard.press("/");
      await page.keyboard.type("j");
      expect(await page.getByRole("searchbox").inputValue()).toBe("j");
      await page.getByRole("searchbox").fill("");
      await page.locator("tbody tr").nth(1).waitFor();
      await page.getByRole("searchbox").blur();
      const focused = () => page.evaluate(() => document.activeElement?.closest("tr")?.rowIndex);
      await page.keyboard.press("j");
      await page.keyboard.press("j");
      expect(await focused()).toBe(2);
      await page.keyboard.press("k");
      expect(await focused()).toBe(1);
      const name = await page.evaluate(() => document.activeElement?.textContent);
      await page.keyboard.press("Enter");
      await page.waitForURL(`**${paths.queue("shop", name ?? "")}`);
      expect(complaints).toEqual([]);
    },
    SLOW,
  );
});

it(
  "a view is an address: its filters, order and columns are saved by name, and its link shows another browser the same",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    await page.goto(dashboard.url + paths.queues(null), { waitUntil: "networkidle" });
    const header = (name: string) => page.getByRole("columnheader", { name, exact: true });
    await page.getByRole("button", { name: "Columns" }).click();
    await page.getByRole("checkbox", { name: "Delayed" }).uncheck();
    await header("Delayed").waitFor({ state: "detached" });
    await page.keyboard.press("Escape");
    await page.getByRole("link", { name: "Created" }).click();
    await page.waitForURL((url) => url.searchParams.get("sort") === "created");
    await page.getByRole("searchbox").fill("o");
    await page.waitForURL((url) => url.searchParams.get("search") === "o");
    await header("Delayed").waitFor({ state: "detached" });

    await page.getByRole("button", { name: "Views" }).click();
    const views = page.getByRole("dialog", { name: "Saved views" });
    await views.getByLabel("Name of this view").fill("mine");
    await views.getByRole("button", { name: "Save this view" }).click();
    await views.getByRole("link", { name: "mine" }).waitFor();
    expect(await violations(page, "dialog")).toEqual([]);
    await page.keyboard.press("Escape");
    const { search } = new URL(page.url());
    await page.goto(dashboard.url + paths.queues(null), { waitUntil: "networkidle" });
    await header("Delayed").waitFor();
    await page.getByRole("button", { name: "Views" }).click();
    await views.getByRole("link", { name: "mine" }).click();
    await page.waitForURL((url) => url.search === search);
    await header("Delayed").waitFor({ state: "detached" });

    const other = await dashboard.visit();
    await other.page.goto(page.url(), { waitUntil: "networkidle" });
    expect(await other.page.getByRole("columnheader", { name: "Delayed" }).count()).toBe(0);
    expect(await other.page.getByRole("searchbox").inputValue()).toBe("o");
    await other.end();
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "times are in UTC or in the browser's zone, as ages or as dates, on this page and the next",
  async () => {
    const { page, complaints, end } = await dashboard.visit({ timeZone: "Asia/Kolkata" });
    await page.goto(dashboard.url + paths.queues("shop"), { waitUntil: "networkidle" });
    const created = page.getByRole("table").locator("time", { hasText: "ago" }).first();
    expect(await created.getAttribute("title")).toMatch(/ UTC$/);
    const you = page.getByRole("button", { name: /^You: / });
    await you.click();
    await page.getByRole("menuitemradio", { name: "Local time, dates" }).click();
    await page
      .getByText(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+05:30$/)
      .first()
      .waitFor();
    await page.reload({ waitUntil: "networkidle" });
    await you.click();
    await page.getByRole("menuitemradio", { name: "Local time, dates", checked: true }).waitFor();
    await page.getByRole("button", { name: /as of [\d:]+ \+05:30/ }).waitFor();
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);
