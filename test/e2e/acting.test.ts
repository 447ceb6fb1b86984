/** What an operator does at night to many messages, as sentences. */
import pg from "pg";
import type { Page } from "playwright";
import { afterAll, beforeAll, expect, it } from "vitest";
import { paths } from "../../components/paths.ts";
import { createEmptyDatabase, type TestDatabase } from "../support/database.ts";
import { START_DEADLINE_MS } from "../support/process.ts";
import { violations } from "./axe.ts";
import { type OwnDashboard, openDashboard } from "./service.ts";

const SLOW = 120_000;
const DEAD = 500;

let dashboard: OwnDashboard;
let north: TestDatabase;
const send = <Answer = unknown>(mutation: string, type: string, input: object, fields = "__typename") =>
  dashboard.call(`mutation ($input: ${type}!) { ${mutation}(input: $input) { ${fields} } }`, {
    input,
  }) as Promise<Answer>;
const messages = (count: number) => Array.from({ length: count }, (_, number) => ({ body: { json: { number } } }));

beforeAll(async () => {
  // Problems are written by a test, and the service does not look for others.
  dashboard = await openDashboard({ demo: false, settings: { QUEUE_SAMPLES: "off" } });
  await deadLetters();
  for (const queue of ["mail", "sms"]) {
    await send("postMessages", "PostMessagesInput", {
      project: "old",
      queue,
      messages: messages(30),
      createQueue: true,
    });
  }
  await age("mail", 20);
  await age("sms", 5);
  // A queue whose dead letter queue is missing.
  const metadata = { json: { _max_claim_count: 3, _dead_letter_queue: "refunds.dead" } };
  await send("createQueue", "CreateQueueInput", { project: "shop", queue: "refunds", metadata });
  // With weight it would get the queues of the other tests.
  north = await createEmptyDatabase();
  await send("createPool", "CreatePoolInput", { pool: "north", uri: north.url, weight: 1 });
  await send("postMessages", "PostMessagesInput", {
    project: "shop",
    queue: "parcels",
    messages: messages(3),
    createQueue: true,
  });
}, START_DEADLINE_MS);
afterAll(async () => {
  await dashboard?.close();
  await north?.drop();
});

/** Of invoices, which a consumer gave up. */
async function deadLetters(): Promise<void> {
  const metadata = { json: { _max_claim_count: 1, _dead_letter_queue: "invoices.dead" } };
  await send("createQueue", "CreateQueueInput", { project: "shop", queue: "invoices.dead" });
  await send("createQueue", "CreateQueueInput", { project: "shop", queue: "invoices", metadata });
  await send("postMessages", "PostMessagesInput", { project: "shop", queue: "invoices", messages: messages(DEAD) });
  const claim = { project: "shop", queue: "invoices", limit: 100, ttlSeconds: 600, clientId: "invoice-worker" };
  for (let claimed = 0; claimed < DEAD; claimed += 100) {
    const { createClaim } = await send<{ createClaim: { claim: { id: string } } }>(
      "createClaim",
      "CreateClaimInput",
      claim,
      "claim { id }",
    );
    const input = { project: "shop", queue: "invoices", claimId: createClaim.claim.id };
    await send("releaseClaim", "ReleaseClaimInput", input);
  }
  // A claim moves what was delivered often enough, some at a time.
  for (let tries = 0; tries < 50 && (await countOf("shop", "invoices.dead")) < DEAD; tries += 1) {
    await send("createClaim", "CreateClaimInput", claim);
  }
}

async function countOf(project: string, queue: string): Promise<number> {
  const answer = await dashboard.call(
    "query ($project: String, $queue: String!) { queue(project: $project, queue: $queue) { stats { total } } }",
    {
      project,
      queue,
    },
  );
  return (answer as { queue: { stats: { total: number } } }).queue.stats.total;
}

async function sql(text: string, values: unknown[] = []): Promise<void> {
  const database = new pg.Client({ connectionString: dashboard.databaseUrl });
  await database.connect();
  try {
    await database.query(text, values);
  } finally {
    await database.end();
  }
}

/** The oldest so many of a queue were posted two days ago. */
function age(queue: string, count: number): Promise<void> {
  return sql(
    `UPDATE messages SET created_at = created_at - interval '2 days' WHERE (queue_id, marker) IN (
      SELECT m.queue_id, m.marker FROM messages m JOIN pool_queues q ON q.id = m.queue_id
      WHERE q.project = 'old' AND q.name = $1 ORDER BY m.marker LIMIT $2)`,
    [queue, count],
  );
}

const panel = (page: Page, name: string) =>
  page.locator("section").filter({ has: page.getByRole("heading", { name }) });

it(
  "redrive 500 dead letters and watch it finish",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    await page.goto(dashboard.url + paths.queue("shop", "invoices.dead"), { waitUntil: "networkidle" });
    // Each says where it came from, and who had it last.
    await page
      .getByRole("row", { name: /"number":.*invoices.*invoice-worker/ })
      .first()
      .waitFor();
    await page.getByRole("link", { name: `Redrive ${DEAD}…` }).click();
    const dryRun = panel(page, "Dry run");
    await dryRun.getByText(`${DEAD} to invoices.`).waitFor();
    expect(await violations(page, "main")).toEqual([]);
    const start = dryRun.getByRole("button", { name: `Redrive ${DEAD}` });
    expect(await start.getAttribute("aria-disabled")).toBe("true");
    await page.getByLabel("Reason").fill("the tax service works again");
    await page.getByLabel("Messages a second", { exact: true }).fill("400");
    await start.click();
    const job = panel(page, "Job");
    await job.getByText("Done", { exact: true }).waitFor();
    await job.getByText(`of ${DEAD} messages`).waitFor();
    expect(await violations(page, "main")).toEqual([]);
    // The address has all of it.
    await page.reload({ waitUntil: "networkidle" });
    await panel(page, "Job").getByText("Done", { exact: true }).waitFor();
    await panel(page, "Job").getByRole("link", { name: /^job / }).click();
    await page.getByText("the tax service works again").waitFor();
    await panel(page, "Progress").getByText(`of ${DEAD} messages`).waitFor();
    expect(await violations(page, "main")).toEqual([]);
    expect([await countOf("shop", "invoices.dead"), await countOf("shop", "invoices")]).toEqual([0, DEAD]);
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "delete what is older than yesterday in all queues of a project",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    await page.goto(dashboard.url + paths.queues(null), { waitUntil: "networkidle" });
    await page.getByRole("link", { name: "Act on all…" }).click();
    // Nobody acts on all queues of all projects without saying so.
    const asks = panel(page, "Dry run").getByText("Choose a project, or say which queues.");
    await asks.filter({ visible: true }).waitFor();
    await page.getByLabel("Queues of").selectOption({ label: "old" });
    await page.getByRole("radio", { name: "Those that match" }).check();
    // Without a condition there is nothing to run.
    const run = panel(page, "Dry run").getByRole("button", { name: /^Run/ });
    expect(await run.getAttribute("aria-disabled")).toBe("true");
    const before = page.getByLabel("Posted before").locator("..");
    await before.getByRole("button", { name: "yesterday" }).click();
    await run.click();
    await panel(page, "Dry run").getByText("In 2 queues: mail 20, sms 5.").waitFor();
    expect(await violations(page, "main")).toEqual([]);
    await page.getByLabel("Reason").fill("old news");
    await panel(page, "Dry run").getByRole("button", { name: "Delete 25" }).click();
    await panel(page, "Job").getByText("Done", { exact: true }).waitFor();
    expect([await countOf("old", "mail"), await countOf("old", "sms")]).toEqual([10, 25]);
    const back = page.getByRole("region", { name: "Undo in mail" });
    await back.getByText("20 messages of mail were deleted.").waitFor();
    await back.getByRole("button", { name: "Undo" }).click();
    await page.getByRole("status").getByText("Taken back: 20 messages are in mail again.").waitFor();
    await back.waitFor({ state: "detached" });
    await page.getByRole("region", { name: "Undo in sms" }).waitFor();
    expect([await countOf("old", "mail"), await countOf("old", "sms")]).toEqual([30, 25]);
    expect(await violations(page, "main")).toEqual([]);
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "look at what a purge of two selected queues would remove",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    await page.goto(dashboard.url + paths.queues("old"), { waitUntil: "networkidle" });
    for (const queue of ["mail", "sms"]) await page.getByRole("checkbox", { name: `Select queue ${queue}` }).check();
    expect(await violations(page, "main")).toEqual([]);
    await page.getByRole("region", { name: "Selected rows" }).getByRole("link", { name: "Act on them…" }).click();
    await page.getByRole("list", { name: "Selected queues" }).getByRole("link", { name: "sms" }).waitFor();
    await page.getByRole("link", { name: "Purge", exact: true }).click();
    await panel(page, "Dry run")
      .getByText(/^In 2 queues: mail \d+, sms \d+\.$/)
      .waitFor();
    expect(await violations(page, "main")).toEqual([]);
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "move three selected messages to another queue",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    const [sms, mail] = [await countOf("old", "sms"), await countOf("old", "mail")];
    await page.goto(dashboard.url + paths.queue("old", "sms"), { waitUntil: "networkidle" });
    const boxes = page.getByRole("checkbox", { name: /^Select message / });
    for (const index of [0, 1, 2]) await boxes.nth(index).check();
    expect(await violations(page, "main")).toEqual([]);
    await page.getByRole("region", { name: "Selected rows" }).getByRole("link", { name: "Move 3…" }).click();
    await page.getByLabel("Queue", { exact: true }).fill("mail");
    await panel(page, "Dry run").getByRole("button", { name: "Run" }).click();
    await panel(page, "Dry run").getByText("3 to mail.").waitFor();
    await page.getByLabel("Reason").fill("the wrong channel");
    await panel(page, "Dry run").getByRole("button", { name: "Move 3", exact: true }).click();
    await panel(page, "Job").getByText("Done", { exact: true }).waitFor();
    expect([await countOf("old", "sms"), await countOf("old", "mail")]).toEqual([sms - 3, mail + 3]);
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "move a queue off a sick pool from its own page",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    await sql(
      `INSERT INTO problems (kind, pool, severity, since, seen_at, numbers)
      VALUES ('poolUnhealthy', 'north', 1, now(), now(), $1) ON CONFLICT DO NOTHING`,
      [JSON.stringify({ reachable: true, failed: ["post_messages"], sameAs: null, healthySince: null })],
    );
    await page.goto(dashboard.url + paths.queue("shop", "parcels"), { waitUntil: "networkidle" });
    await page.getByRole("main").getByRole("link", { name: "north" }).first().waitFor();
    await page.getByRole("button", { name: "Move…" }).click();
    await page.getByRole("dialog").getByLabel("Pool").selectOption("default");
    await page.getByRole("dialog").getByRole("button", { name: "Move", exact: true }).click();
    await page.getByText(/^Queue parcels is (in default now|moving to default)\./).waitFor();
    await page.getByRole("main").getByRole("link", { name: "default", exact: true }).waitFor();
    await page.getByText("3 ready", { exact: true }).waitFor();
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

/** The job that was to move two messages of parcels to a queue that was deleted meanwhile, and is there again. */
async function failedMove(queue: string): Promise<string> {
  const to = { project: "shop", queue };
  const parcels = { queue: { project: "shop", queue: "parcels" } };
  await send("createQueue", "CreateQueueInput", to);
  const { dryRun } = await send<{ dryRun: { dryRun: { token: string } } }>(
    "dryRun",
    "DryRunInput",
    { action: { move: to }, queues: parcels, all: true, limit: 2 },
    "dryRun { token }",
  );
  await send("deleteQueue", "DeleteQueueInput", to);
  const { token } = dryRun.dryRun;
  const { startJob } = await send<{ startJob: { job: { id: string } } }>(
    "startJob",
    "StartJobInput",
    { token, reason: "a safer place" },
    "job { id }",
  );
  await send("createQueue", "CreateQueueInput", to);
  return startJob.job.id;
}

it(
  "see on the page of health what failed, be silent about it, and tell it again",
  async () => {
    const id = await failedMove("cellar");
    const { page, complaints, end } = await dashboard.visit();
    await page.goto(dashboard.url + paths.job(id), { waitUntil: "networkidle" });
    await page.getByText("Failed", { exact: true }).waitFor();
    // As the next round would find it.
    await sql(
      `INSERT INTO problems (kind, project, queue, job, severity, since, seen_at, numbers)
      VALUES ('jobFailed', 'shop', 'parcels', $1, 2, now(), now(), $2) ON CONFLICT DO NOTHING`,
      [id.replace("Job:", ""), JSON.stringify({ kind: "moveMessages", target: "parcels", error: "No cellar." })],
    );
    await page.goto(dashboard.url + paths.health(), { waitUntil: "networkidle" });
    const problem = page.getByRole("row", { name: /^parcels .*cellar/ });
    await problem.getByRole("link", { name: "New dry run" }).waitFor();
    expect(await violations(page, "main")).toEqual([]);
    await problem.getByRole("button", { name: /^Silence:/ }).click();
    await page.getByRole("dialog").getByLabel("Reason").fill("known until Monday");
    await page.getByRole("dialog").getByRole("button", { name: "Silence", exact: true }).click();
    await problem.waitFor({ state: "detached" });
    await page.getByRole("link", { name: "With silent problems" }).click();
    await problem
      .getByText(/Silent until .* known until Monday/)
      .filter({ visible: true })
      .waitFor();
    expect(await violations(page, "main")).toEqual([]);
    await problem.getByRole("button", { name: /^End silence/ }).click();
    await problem.getByRole("button", { name: /^Silence:/ }).waitFor();
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "start what failed again, with all that was asked for",
  async () => {
    const id = await failedMove("vault");
    const { page, complaints, end } = await dashboard.visit();
    await page.goto(dashboard.url + paths.job(id), { waitUntil: "networkidle" });
    await page.getByText("Failed", { exact: true }).waitFor();
    expect(await violations(page, "main")).toEqual([]);
    await page.getByRole("link", { name: "New dry run" }).click();
    await panel(page, "Dry run").getByText("2 to vault.").waitFor();
    expect(await page.getByLabel("Reason").inputValue()).toBe("a safer place");
    expect(await page.getByLabel("Only the oldest so many").inputValue()).toBe("2");
    await panel(page, "Dry run").getByRole("button", { name: "Move 2", exact: true }).click();
    await panel(page, "Job").getByText("Done", { exact: true }).waitFor();
    expect(await countOf("shop", "vault")).toBe(2);
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "fix what can be fixed from the overview, with one reason",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    await sql(
      `INSERT INTO problems (kind, project, queue, severity, since, seen_at, numbers)
      VALUES ('deadLetterQueueMissing', 'shop', 'refunds', 1, now(), now(), $1) ON CONFLICT DO NOTHING`,
      [JSON.stringify({ deadLetterQueue: "refunds.dead", exhausted: 0 })],
    );
    await page.goto(dashboard.url, { waitUntil: "networkidle" });
    await page.getByRole("button", { name: /^Fix 1 of \d…$/ }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText(/^Creates refunds\.dead\./).waitFor();
    expect(await violations(page)).toEqual([]);
    await dialog.getByLabel("Reason").fill("it was forgotten");
    await dialog.getByRole("button", { name: "Fix 1", exact: true }).click();
    await dialog.getByText("Done.", { exact: true }).waitFor();
    expect(await countOf("shop", "refunds.dead")).toBe(0);
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);
