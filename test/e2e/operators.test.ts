/**
 * What an operator wants to know at night, each at most three clicks from the overview. The samples, problems and
 * consumers are written by the test, and the service takes none: so nothing changes them meanwhile.
 */
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { paths } from "../../components/paths.ts";
import { START_DEADLINE_MS } from "../support/process.ts";
import { violations } from "./axe.ts";
import { type OwnDashboard, openDashboard } from "./service.ts";

const SLOW = 120_000;

let dashboard: OwnDashboard;
beforeAll(async () => {
  dashboard = await openDashboard({ demo: false, settings: { QUEUE_SAMPLES: "off" } });
  const send = (mutation: string, type: string, input: object) =>
    dashboard.call(`mutation ($input: ${type}!) { ${mutation}(input: $input) { __typename } }`, { input });
  for (const queue of ["orders", "payments"]) {
    await send("createQueue", "CreateQueueInput", { project: "shop", queue });
    const messages = [1, 2, 3].map((json) => ({ body: { json } }));
    await send("postMessages", "PostMessagesInput", { project: "shop", queue, messages });
  }
  const held = { project: "shop", queue: "payments", limit: 2, ttlSeconds: 3600, clientId: "bank-b" };
  await send("createClaim", "CreateClaimInput", held);
  await writeSamples(dashboard.databaseUrl);
}, START_DEADLINE_MS);
afterAll(() => dashboard?.close());

async function writeSamples(url: string): Promise<void> {
  const database = new pg.Client({ connectionString: url });
  await database.connect();
  try {
    await database.query(`
      INSERT INTO queue_samples (project, name, taken_at, pool, epoch, ready, claimed, total, oldest_ready_at, rate, rates)
      VALUES ('shop', 'orders', now(), 'default', 1, 84120, 50, 84170, now() - interval '12 min', 260, NULL),
        ('shop', 'payments', now(), 'default', 1, 1, 2, 3, now() - interval '20 min', 0, NULL)
      ON CONFLICT (project, name) DO UPDATE SET taken_at = excluded.taken_at, pool = excluded.pool,
        epoch = excluded.epoch, ready = excluded.ready, claimed = excluded.claimed, total = excluded.total,
        oldest_ready_at = excluded.oldest_ready_at, rate = excluded.rate`);
    await database.query(`
      INSERT INTO problems (kind, project, queue, severity, since, seen_at, numbers)
      SELECT kind, 'shop', queue, severity, now() - interval '12 min', now(), numbers
      FROM (VALUES
        ('growing', 'orders', 2, '{"depth": 84120, "from": 1000, "postedRate": 186, "deliveredRate": 74}'),
        ('stuck', 'payments', 1, json_build_object('ready', 1, 'claimed', 2, 'givenAt', NULL,
          'oldestReadyAt', floor(1000 * extract(epoch FROM now() - interval '20 min')))::text)
      ) AS made (kind, queue, severity, numbers)`);
    // Each called every ten seconds, worker-2 until twelve minutes ago.
    await database.query(`
      INSERT INTO queue_consumers (queue_id, name, actor, first_at, last_claim_at, claimed, last_slot, busy,
        last_minute, minutes)
      SELECT s.id, c.name, 'tester', now() - interval '1 hour', c.at, 5000, floor(extract(epoch FROM c.at) / 10)::int,
        (1::bigint << 59) - 1, floor(extract(epoch FROM c.at) / 60)::int, array_fill(70, ARRAY[40])
      FROM queue_samples s, (VALUES ('worker-1', now()), ('worker-2', now() - interval '12 min')) AS c (name, at)
      WHERE s.project = 'shop' AND s.name = 'orders'`);
  } finally {
    await database.end();
  }
}

it(
  "find the stuck queue and see who holds its messages",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    await page.goto(dashboard.url, { waitUntil: "networkidle" });
    await page.getByRole("heading", { name: /^2 problems, the oldest since/ }).waitFor();
    expect(await violations(page, "main")).toEqual([]);
    // One click.
    await page.getByRole("link", { name: /payments.*is stuck: nothing took its 1 message/ }).click();
    await page.waitForURL(`**${paths.queue("shop", "payments")}`);
    const why = page.getByRole("region", { name: "Why messages wait" });
    await why.getByText(/is stuck/).waitFor();
    expect(await violations(page, "main")).toEqual([]);
    // Two clicks.
    await page.getByRole("navigation", { name: "Parts of the queue" }).getByRole("link", { name: "Claims" }).click();
    await page.getByRole("table").getByText("bank-b").filter({ visible: true }).first().waitFor();
    await page.goBack();
    await why.getByRole("link", { name: "What to do" }).click();
    await page.waitForURL("**/runbook#stuck");
    await page.locator("#stuck").getByText("Start them again.").waitFor();
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "see since when orders grows and which worker stopped",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    await page.goto(dashboard.url, { waitUntil: "networkidle" });
    const row = page.getByRole("link", { name: /orders.*grows: it has 84,120 messages/ });
    await page.getByText("12 min", { exact: true }).first().waitFor();
    await row.click();
    await page.waitForURL(`**${paths.queue("shop", "orders")}`);
    const deck = page.getByRole("region", { name: "Last hour" });
    await deck
      .getByRole("list", { name: "Events" })
      .getByText(/worker-2/)
      .waitFor();
    await deck.getByRole("img", { name: "Messages that worker-2 got, until it stopped" }).waitFor();
    await deck.getByRole("img", { name: "Messages that worker-1 got, up to now" }).waitFor();
    // The ruler is a slider: its line is over all rows.
    await deck.getByRole("slider", { name: "Time" }).focus();
    await page.keyboard.press("ArrowLeft");
    expect(await deck.getByRole("slider", { name: "Time" }).getAttribute("aria-valuetext")).toMatch(/^\d\d:\d\d$/);
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "find from the palette what grows, wherever I am",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    await page.goto(dashboard.url + paths.pools(), { waitUntil: "networkidle" });
    await page.keyboard.press("Control+k");
    const palette = page.getByRole("dialog", { name: "Find a queue, page or action" });
    const problems = palette.getByRole("group", { name: "Problems" }).getByRole("option");
    await expect.poll(() => problems.count()).toBe(2);
    expect(await violations(page, "dialog")).toEqual([]);
    await page.keyboard.type("grows");
    await expect.poll(() => problems.allTextContents()).toEqual([expect.stringMatching(/^warning: .*orders.*grows/)]);
    await page.keyboard.press("Enter");
    await page.waitForURL(`**${paths.queue("shop", "orders")}`);
    await palette.waitFor({ state: "detached" });

    // Names of pages and queues come before problems.
    await page.keyboard.press("Control+k");
    await page.keyboard.type("queue");
    await palette.getByRole("option", { name: "Queues", selected: true }).waitFor();
    await problems.getByText(/is stuck/).waitFor();
    await palette.getByRole("combobox").fill("");
    await page.keyboard.type("payments");
    await palette.getByRole("option", { name: /^critical: payments shop · 1 ready/, selected: true }).waitFor();
    await problems.getByText(/is stuck/).waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(`**${paths.queue("shop", "payments")}`);
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "the queues with problems are a view of the list, and a problem can be silenced and told again",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    await page.goto(dashboard.url + paths.queues(null), { waitUntil: "networkidle" });
    await page.getByRole("row", { name: /orders.*grows since (\d\d-\d\d )?\d\d:\d\d/ }).waitFor();
    await page.getByLabel("Holding").selectOption("exhausted");
    await page.getByText("No queue matches").waitFor();
    await page.getByLabel("Holding").selectOption("ready");
    await page.getByLabel("Oldest ready").selectOption("300");
    await page
      .getByText(/^2 queues/)
      .first()
      .waitFor();
    const act = page.getByRole("link", { name: "Act on all that match…" });
    await expect.poll(() => act.getAttribute("href")).toMatch(/holds=ready&waits=300/);
    await page
      .getByRole("navigation", { name: "Views" })
      .getByRole("link", { name: /^Problems/ })
      .click();
    await page
      .getByRole("table", { name: "Problems" })
      .getByText(/payments.*is stuck/)
      .filter({ visible: true })
      .first()
      .waitFor();
    expect(await violations(page, "main")).toEqual([]);
    await page.getByRole("button", { name: /^Silence: .*payments/ }).click();
    await page.getByRole("dialog").getByLabel("Reason").fill("the bank knows");
    await page.getByRole("dialog").getByRole("button", { name: "Silence", exact: true }).click();
    await page.getByText("The problem is silent.").waitFor();
    await page.getByRole("button", { name: /^Silence: .*payments/ }).waitFor({ state: "detached" });
    await page.getByRole("link", { name: "With silent problems" }).click();
    await page
      .getByText(/^Silent until .*: the bank knows$/)
      .filter({ visible: true })
      .first()
      .waitFor();
    expect(await violations(page, "main")).toEqual([]);
    await page.getByRole("button", { name: /^End silence of: .*payments/ }).click();
    await page.getByText("The problem is told again.").waitFor();
    await page.getByRole("button", { name: /^Silence: .*payments/ }).waitFor();
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "purge the wrong queue and take it back, then delete it and take that back",
  async () => {
    const messages = [1, 2, 3].map((json) => ({ body: { json } }));
    const post = "mutation ($input: PostMessagesInput!) { postMessages(input: $input) { ids } }";
    await dashboard.call(post, { input: { project: "shop", queue: "mails", createQueue: true, messages } });
    const { page, complaints, end } = await dashboard.visit();
    const confirm = (name: string) => page.getByRole("alertdialog").getByRole("button", { name, exact: true }).click();
    const toast = page.getByRole("status");
    const rows = page.getByRole("table", { name: /^Messages/ }).getByRole("row");
    await page.goto(dashboard.url + paths.queue("shop", "mails"), { waitUntil: "networkidle" });
    await expect.poll(() => rows.count()).toBe(4);
    await page.getByRole("button", { name: "Purge…" }).click();
    await confirm("Purge messages");
    await toast.getByText("Queue mails is empty.").waitFor();
    await toast.getByText(/^[1-3]?\d s left$/).waitFor();
    await page.getByRole("region", { name: "Undo" }).getByText("3 messages of mails were purged.").waitFor();
    expect(await violations(page, "main")).toEqual([]);
    await toast.getByRole("button", { name: "Undo" }).click();
    await toast.getByText("Taken back: 3 messages are in mails again.").waitFor();
    await expect.poll(() => rows.count()).toBe(4);
    await page.getByRole("region", { name: "Undo" }).waitFor({ state: "detached" });

    await dashboard.call("mutation ($input: DeleteQueueInput!) { deleteQueue(input: $input) { deleted } }", {
      input: { project: "shop", queue: "mails" },
    });
    await page.goto(dashboard.url + paths.queue("shop", "mails"), { waitUntil: "networkidle" });
    await page.getByText("Queue mails was deleted.").waitFor();
    await page.getByRole("region", { name: "Undo" }).getByRole("button", { name: "Undo" }).click();
    await expect.poll(() => rows.count()).toBe(4);
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "the server restarts while I watch",
  async () => {
    const { page, context, end } = await dashboard.visit();
    await context.addInitScript(() => localStorage.setItem("isimud-refresh", "5"));
    await page.goto(dashboard.url, { waitUntil: "networkidle" });
    await page.getByRole("link", { name: /orders.*grows/ }).waitFor();
    await dashboard.stop();
    await page.getByText(/reconnecting/).waitFor();
    await page.getByRole("link", { name: /orders.*grows/ }).waitFor();
    await dashboard.start();
    await page.getByRole("button", { name: /as of \d\d:\d\d:\d\d/ }).waitFor();
    await end();
  },
  SLOW,
);

it(
  "stop a queue from giving out messages while its consumers are mended, and let it go on",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    await page.goto(dashboard.url + paths.queue("shop", "payments"), { waitUntil: "networkidle" });
    await page.getByRole("button", { name: "Pause…" }).click();
    const dialog = page.getByRole("dialog", { name: "Pause the queue payments" });
    await dialog.getByRole("button", { name: "Pause", exact: true }).click();
    await dialog.getByText("Say why. All who look at it see this.").waitFor();
    await dialog.getByLabel("Reason").fill("The bank refuses all transfers.");
    expect(await violations(page, "[role=dialog]")).toEqual([]);
    await dialog.getByRole("button", { name: "Pause", exact: true }).click();
    const notice = page.getByRole("status").filter({ hasText: /^The queue payments is paused by local/ });
    await notice.getByText("The bank refuses all transfers.").waitFor();
    expect(await violations(page, "main")).toEqual([]);
    const claim = () =>
      dashboard.call(
        `mutation { createClaim(input: { project: "shop", queue: "payments" }) { claim { id } pause { reason } } }`,
      );
    expect(await claim()).toEqual({
      createClaim: { claim: null, pause: { reason: "The bank refuses all transfers." } },
    });

    await page.goto(dashboard.url + paths.queues("shop"), { waitUntil: "networkidle" });
    await page
      .getByRole("row", { name: /payments/ })
      .getByText("Paused", { exact: true })
      .filter({ visible: true })
      .waitFor();

    await page.goto(dashboard.url + paths.queue("shop", "payments"), { waitUntil: "networkidle" });
    await page.getByRole("button", { name: "Resume the queue payments" }).click();
    await notice.waitFor({ state: "detached" });
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "stop everything, and see that on every page until it goes on",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    await page.goto(dashboard.url + paths.projects(), { waitUntil: "networkidle" });
    await page.getByRole("button", { name: "Pause everything…" }).click();
    const dialog = page.getByRole("dialog", { name: "Pause everything" });
    await dialog.getByLabel("Reason").fill("The data centre moves.");
    await dialog.getByRole("button", { name: "Pause", exact: true }).click();
    for (const path of [paths.projects(), paths.health(), paths.queue("shop", "orders")]) {
      await page.goto(dashboard.url + path, { waitUntil: "networkidle" });
      await page
        .getByRole("status")
        .filter({ hasText: /Everything is paused by local .*The data centre moves\./ })
        .waitFor();
    }
    await page.getByRole("button", { name: "Resume everything" }).click();
    await page.getByText("Everything is resumed.").waitFor();
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);
