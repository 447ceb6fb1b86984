/** What an operator does, step by step, in a browser, on a service without data. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HISTORY_RANGES } from "../../components/history-ranges.ts";
import { paths } from "../../components/paths.ts";
import { START_DEADLINE_MS } from "../support/process.ts";
import { type Dashboard, openDashboard } from "./service.ts";

const SLOW = 120_000;

let dashboard: Dashboard;
beforeAll(async () => {
  dashboard = await openDashboard({ demo: false });
}, START_DEADLINE_MS);
afterAll(() => dashboard?.close());

it(
  "a queue from creation to deletion: create, post, peek, claim, release, delete, purge, delete the queue",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    await page.goto(dashboard.url, { waitUntil: "networkidle" });
    await page.getByText("No queues yet").waitFor();

    await page.getByRole("button", { name: "New queue" }).first().click();
    await page.getByRole("button", { name: "Create queue" }).click();
    await page.getByText("Enter a name.").waitFor();
    await page.getByLabel("Name", { exact: true }).fill("not a name!");
    await page.getByText("Only letters, digits, _, - and . are allowed.").waitFor();
    await page.getByLabel("Name", { exact: true }).fill("tea.orders");
    await page.getByLabel("Project").fill("~");
    await page.getByRole("button", { name: "Create queue" }).click();
    await page.waitForURL(`**${paths.queue("~", "tea.orders")}`);
    await page.getByText("No messages", { exact: true }).waitFor();

    const body = '{"big":12345678901234567890123,"one":1.0,"text":"Grüße <b>&</b> 📮"}';
    await page.getByRole("button", { name: "Post a message" }).click();
    await page.getByLabel("Body").fill("{oops");
    await page.getByRole("button", { name: "Post", exact: true }).click();
    await page.getByText("This is not valid JSON.").waitFor();
    await page.getByLabel("Body").fill(body);
    await page.getByLabel("Copies").fill("3");
    await page.getByRole("button", { name: "Post", exact: true }).click();
    await page.getByText("3 messages are posted.").waitFor();
    await page.getByText("3 ready", { exact: true }).waitFor();

    // Peeking consumes nothing, however often; the body is shown with every digit.
    // The oldest, which the claim below gets.
    const openOldest = () => page.getByRole("table").getByRole("link").last().click();
    await openOldest();
    const message = page.getByRole("region", { name: /^Message / });
    await message.getByText("12345678901234567890123").waitFor();
    await message.getByText('"Grüße <b>&</b> 📮"').waitFor();
    await page.reload({ waitUntil: "networkidle" });
    await message.getByText("12345678901234567890123").waitFor();
    // Another time of the deck keeps the message open, and stays when the message closes.
    await page.getByRole("navigation", { name: "Time" }).getByRole("link", { name: HISTORY_RANGES.day.label }).click();
    await page.waitForURL(/range=day/);
    await message.getByText("12345678901234567890123").waitFor();
    await page.keyboard.press("Escape");
    await message.waitFor({ state: "hidden" });
    expect(new URL(page.url()).search).toBe("?range=day");
    await page.getByText("3 ready", { exact: true }).waitFor();

    const show = async (tab: "messages" | "claims") => {
      const parts = page.getByRole("navigation", { name: "Parts of the queue" });
      await parts.getByRole("link", { name: new RegExp(`^${tab}`, "i") }).click();
      await page.waitForURL(`**${paths.queue("~", "tea.orders", tab)}`);
    };
    await show("claims");
    await page.getByText("No claims").waitFor();
    await page.getByRole("button", { name: "Claim messages" }).click();
    await page.getByLabel("Messages", { exact: true }).fill("2");
    await page.getByRole("button", { name: "Claim", exact: true }).click();
    await page.getByText("2 claimed.").waitFor();
    await page.getByText("2 claimed", { exact: true }).waitFor();

    // A claimed message cannot be deleted, and the button says why.
    await show("messages");
    await openOldest();
    const held = message.getByRole("button", { name: "Delete" });
    expect(await held.getAttribute("aria-disabled")).toBe("true");
    expect(await held.textContent()).toContain("A claim holds this message");
    await message.getByRole("row").or(message.getByText("claimed,")).first().waitFor();

    await page.keyboard.press("Escape");
    await message.waitFor({ state: "hidden" });
    await show("claims");
    await page.getByRole("button", { name: "Renew" }).click();
    await page.getByText("The claim lasts 300 s from now.").waitFor();
    await page.getByRole("button", { name: "Release" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Release claim" }).click();
    await page.getByText("The claim is released.").waitFor();
    await page.getByText("3 ready", { exact: true }).waitFor();

    await show("messages");
    await openOldest();
    await message.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("button", { name: "Delete message" }).click();
    await page.getByText("The message is deleted.").waitFor();
    await page.getByText("2 ready", { exact: true }).waitFor();

    await page.getByRole("link", { name: "Settings", exact: true }).click();
    await page.getByRole("button", { name: "Change _default_message_ttl" }).click();
    await page.getByLabel("Value").fill("1");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("alert").filter({ hasText: "BAD_INPUT" }).waitFor();
    await page.getByLabel("Value").fill("120");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("row", { name: /_default_message_ttl.*120 s.*Set/ }).waitFor();
    await page.getByRole("button", { name: "Reset _default_message_ttl to its default" }).click();
    await page.getByRole("row", { name: /_default_message_ttl.*3600 s.*Default/ }).waitFor();

    await page.getByRole("button", { name: "Purge…" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Purge messages" }).click();
    await page.getByText("Queue tea.orders is empty.").waitFor();
    await page.getByText("0 ready", { exact: true }).waitFor();
    // What can be taken back stays offered, and covers neither the page's last button nor the navigation's last link.
    await page.getByRole("region", { name: "Notifications" }).getByRole("button", { name: "Undo" }).first().waitFor();
    await page.getByRole("navigation", { name: "Main" }).getByRole("link").last().click({ trial: true });
    for (const width of [375, 768]) {
      await page.setViewportSize({ width, height: 700 });
      await page.getByRole("button", { name: "Delete queue" }).click({ trial: true });
    }
    await page.getByRole("button", { name: "Delete queue" }).click();
    const last = page.getByRole("alertdialog");
    await last.getByRole("button", { name: "Cancel" }).click({ trial: true });
    await page.setViewportSize({ width: 1280, height: 800 });
    expect(await last.getByRole("button", { name: "Delete queue" }).getAttribute("aria-disabled")).toBe("true");
    await last.getByRole("textbox", { name: /^Type/ }).fill("tea.orders");
    await last.getByRole("button", { name: "Delete queue" }).click();
    await page.getByText("Queue tea.orders is deleted.").waitFor();
    await page.waitForURL(`**${paths.queues("~")}`);
    await page.getByText("No queues yet").waitFor();

    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

const LEASES = "leases";
const send = (mutation: string, type: string, input: object, wanted: string) =>
  dashboard.call(`mutation ($input: ${type}!) { ${mutation}(input: $input) { ${wanted} } }`, { input });

/** Gives the id of the mailer's claim. */
async function claimLeases(): Promise<string> {
  const messages = Array.from({ length: 8 }, () => ({ body: { json: {} } }));
  for (const queue of ["orders", "emails"]) {
    const input = { project: LEASES, queue, createQueue: true, messages };
    await send("postMessages", "PostMessagesInput", input, "ids");
  }
  const claim = async (queue: string, clientId: string, ttlSeconds: number) => {
    const input = { project: LEASES, queue, clientId, ttlSeconds, limit: 2 };
    const made = await send("createClaim", "CreateClaimInput", input, "claim { id }");
    return (made as { createClaim: { claim: { id: string } } }).createClaim.claim.id;
  };
  await claim("orders", "worker-1", 40_000);
  await claim("orders", "worker-1", 600);
  await claim("orders", "worker-2", 300);
  return claim("emails", "mailer", 600);
}

// All processes tell every ten seconds who has claimed. What needs no claims is tested meanwhile.
describe("claims that were made a while ago", () => {
  let mailer: string;
  beforeAll(async () => {
    mailer = await claimLeases();
  });

  it(
    "subscriptions: subscribe, confirm, delete",
    async () => {
      await dashboard.call(`mutation ($input: CreateQueueInput!) { createQueue(input: $input) { created } }`, {
        input: { project: "walk", queue: "heard" },
      });
      const { page, complaints, end } = await dashboard.visit();
      await page.goto(dashboard.url + paths.queue("walk", "heard", "subscriptions"), { waitUntil: "networkidle" });
      await page.getByText("No subscriptions").waitFor();
      await page.getByText("Nothing is delivered to subscribers yet.").waitFor();
      await page.getByRole("button", { name: "New subscription" }).first().click();
      await page.getByLabel("Subscriber").fill("ftp://example.org");
      await page.getByRole("button", { name: "Subscribe", exact: true }).click();
      await page.getByText("Begin with https:, http: or mailto:.").waitFor();
      await page.getByLabel("Subscriber").fill("https://hooks.example.org/walk");
      await page.getByRole("button", { name: "Subscribe", exact: true }).click();
      await page.getByRole("row", { name: /hooks\.example\.org.*Not confirmed/ }).waitFor();
      await page.getByRole("button", { name: "Confirm", exact: true }).click();
      await page.getByRole("button", { name: "Unconfirm" }).waitFor();
      await page.getByRole("button", { name: /Delete the subscription/ }).click();
      await page.getByRole("button", { name: "Delete subscription", exact: true }).click();
      await page.getByText("No subscriptions").waitFor();
      await page.getByText("Nothing is delivered to subscribers yet.").waitFor();
      expect(complaints).toEqual([]);
      await end();
    },
    SLOW,
  );

  it(
    "pools: a connection test that says what is wrong, register without connecting, edit, delete by name",
    async () => {
      const { page, complaints, end } = await dashboard.visit();
      await page.goto(dashboard.url + paths.pools(), { waitUntil: "networkidle" });
      const builtIn = page.getByRole("row", { name: /default/ });
      expect(await builtIn.getByRole("button", { name: "Delete default" }).getAttribute("aria-disabled")).toBe("true");

      await page.getByRole("button", { name: "New pool" }).click();
      await page.getByLabel("Name", { exact: true }).fill("cold-1");
      await page.getByLabel("URI").fill("postgres://u:canary-password@127.0.0.1:9/x?schema=cold");
      await page.getByRole("button", { name: "Test connection" }).click();
      await page.getByRole("dialog").getByRole("status").filter({ hasText: /\S/ }).waitFor();
      await page.getByRole("switch", { name: "Connect before saving" }).click();
      await page.getByLabel("Weight").fill("0");
      await page.getByRole("button", { name: "Register pool" }).click();
      await page.waitForURL(`**${paths.pool("cold-1")}`);
      await page.getByText("Unreachable").first().waitFor();
      expect(await page.content()).not.toContain("canary-password");

      await page.goto(dashboard.url + paths.pools(), { waitUntil: "networkidle" });
      await page.getByRole("button", { name: "Edit cold-1" }).click();
      await page.getByLabel("Weight").fill("70");
      await page.getByRole("switch", { name: "Connect before saving" }).click();
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByRole("row", { name: /cold-1.*70.*100 %/ }).waitFor();
      expect(await page.content()).not.toContain("canary-password");

      await page.getByRole("button", { name: "Delete cold-1" }).click();
      await page.getByRole("alertdialog").getByRole("textbox", { name: /^Type/ }).fill("cold-1");
      await page.getByRole("button", { name: "Delete pool" }).click();
      await page.getByText("Pool cold-1 is no longer registered.").waitFor();
      await page.getByRole("row", { name: /cold-1/ }).waitFor({ state: "detached" });
      expect(complaints).toEqual([]);
      await end();
    },
    SLOW,
  );

  it(
    "who holds what: leases over time, by holder and by end, renewed and released one by one and all of a holder",
    async () => {
      const project = LEASES;
      const renewed = { project, queue: "emails", claimId: mailer, ttlSeconds: 60 };
      await send("renewClaim", "RenewClaimInput", renewed, "__typename");
      const { page, complaints, end } = await dashboard.visit();
      await page.goto(dashboard.url, { waitUntil: "networkidle" });
      await page
        .getByRole("navigation", { name: "Main" })
        .getByRole("link", { name: /^Claims/ })
        .click();
      // All processes tell every ten seconds who has claimed.
      await expect
        .poll(
          async () => {
            await page.goto(dashboard.url + paths.claims({ project }), { waitUntil: "networkidle" });
            return page.getByRole("heading", { level: 1 }).textContent();
          },
          { timeout: 30_000, interval: 2000 },
        )
        .toMatch(/^4 claims hold 8 messages; 1 ends? in the next minute$/);
      await page.getByText("2 messages become ready again").waitFor();
      const leases = page.getByRole("region", { name: "Leases over time" });
      await leases.getByText("mailer").waitFor();
      await leases.getByText(/until \d\d:\d\d ›|until \d\d-\d\d \d\d:\d\d ›/).waitFor();
      await leases.getByRole("slider", { name: "Time" }).waitFor();

      await page.getByRole("link", { name: "by end" }).click();
      await page.waitForURL(/by=end/);
      const rows = page.getByRole("table", { name: "Claims" }).getByRole("row");
      await rows.nth(1).getByRole("link", { name: "mailer" }).waitFor();
      await rows.nth(4).getByRole("link", { name: "worker-1" }).waitFor();
      await page.getByLabel("Ends").selectOption("in 5 minutes");
      await page.waitForURL(/ends=300/);
      await page.getByRole("heading", { name: /^2 claims hold 4 messages/ }).waitFor();

      // A holder's own claims, and what can be done with them.
      await page
        .getByRole("row", { name: /worker-2/ })
        .getByRole("link", { name: "worker-2" })
        .click();
      await page.waitForURL(/holder=worker-2/);
      await page.goto(dashboard.url + paths.claims({ project, queue: "orders", holder: "worker-2" }));
      await page.getByRole("heading", { name: /^1 claim holds 2 messages/ }).waitFor();
      await page.getByRole("button", { name: "Renew" }).click();
      await page.getByText("The claim lasts 300 s from now.").waitFor();
      await page.getByRole("button", { name: "Release", exact: true }).click();
      await page.getByRole("button", { name: "Release claim" }).click();
      await page.getByText("No claim matches").waitFor();
      await page.goto(dashboard.url + paths.claims({ project, queue: "orders", holder: "worker-1" }));
      // All that match, with what the page lists filled in: nothing happens before it is started.
      await page.getByRole("link", { name: "Release all that match…" }).click();
      await page.waitForURL(/\/act\?/);
      await expect(page.getByLabel("Held by").inputValue()).resolves.toBe("worker-1");
      const would = page.getByRole("term").filter({ hasText: "would be released" });
      await would.locator("..").getByText("4", { exact: true }).waitFor();
      await page.goBack();
      await page.getByRole("button", { name: "Release 4 messages of worker-1…" }).click();
      await page.getByRole("button", { name: "Release 2 claims" }).click();
      await page.getByText("2 claims released. The messages are ready again.").waitFor();
      await page.getByText("No claim matches").waitFor();

      // On its own page the queue names its consumers.
      await page.goto(dashboard.url + paths.queue(project, "orders", "claims"), { waitUntil: "networkidle" });
      const consumers = page.getByRole("table", { name: "Consumers" });
      await consumers.getByRole("row", { name: /worker-1/ }).waitFor();
      await consumers.getByRole("row", { name: /worker-2/ }).waitFor();
      expect(complaints).toEqual([]);
      await end();
    },
    SLOW,
  );
});

it(
  "a list of queues is searched, sorted and paged by its address",
  async () => {
    const make = (name: string) =>
      dashboard.call(`mutation ($input: CreateQueueInput!) { createQueue(input: $input) { created } }`, {
        input: { project: "many", queue: name },
      });
    for (let index = 0; index < 120; index++) await make(`q-${String(index).padStart(3, "0")}`);
    await make("other");
    const { page, complaints, end } = await dashboard.visit();
    await page.goto(dashboard.url + paths.queues("many"), { waitUntil: "networkidle" });
    await page.getByText("121 queues").waitFor();
    await page.getByRole("searchbox").fill("q-");
    await page.waitForURL(/search=q-/);
    await page.getByText("120 queues").waitFor();
    await page.getByRole("link", { name: "Next page" }).click();
    await page.getByRole("link", { name: "q-050", exact: true }).waitFor();
    await page.getByRole("link", { name: "Next page" }).click();
    await page.getByRole("link", { name: "q-119", exact: true }).waitFor();
    expect(await page.getByRole("link", { name: "Next page" }).count()).toBe(0);
    await page.getByRole("link", { name: "Previous page" }).click();
    await page.getByRole("link", { name: "q-050", exact: true }).waitFor();
    await page.reload();
    await page.getByRole("link", { name: "q-099", exact: true }).waitFor();
    await page.getByRole("columnheader", { name: "Queue" }).getByRole("link").click();
    await page.waitForURL(/sort=-name/);
    await page.getByRole("link", { name: "q-119", exact: true }).waitFor();
    await page.getByLabel("Pool", { exact: true }).selectOption("default");
    await page.waitForURL(/pool=default/);
    await page.getByText("120 queues").waitFor();
    await page.getByLabel("Dead letter queues").click();
    await page.waitForURL(/deadLetters=1/);
    await page.getByText("No queue matches").waitFor();
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "a queue's retry policy is set on its settings page; a key shows its value, except in an internal store",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    await dashboard.call(
      `mutation { createQueue(input: { project: "p", queue: "notified" }) { created }
        createKeyValueStore(input: { store: "flags" }) { created }
        setKeyValue(input: { store: "flags", key: "beta", value: { text: "{\\"big\\": 12345678901234567890}" } }) { keys } }`,
    );
    await page.goto(dashboard.url + paths.queue("p", "notified", "settings"), { waitUntil: "networkidle" });
    await page.getByRole("row", { name: /_retry_policy none Default/ }).waitFor();
    await page.getByRole("button", { name: "Change _retry_policy" }).click();
    await page.getByRole("dialog").getByLabel("Value").fill('{"minimum_delay": 1, "maximum_delay": 5}');
    await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
    await page.getByText("maximum_delay (5) must be at least 10 more than minimum_delay (1)").waitFor();
    await page.getByRole("dialog").getByLabel("Value").fill('{"minimum_delay": 1, "maximum_delay": 50}');
    await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
    await page.getByText("_retry_policy is saved.").waitFor();
    await page.getByRole("row", { name: /_retry_policy .*"maximum_delay": 50.* Set/ }).waitFor();

    await page.goto(dashboard.url + paths.keys({ store: "flags" }), { waitUntil: "networkidle" });
    await page.getByRole("button", { name: "Show the value of beta" }).click();
    await page.getByRole("dialog", { name: "beta" }).getByText("12345678901234567890").waitFor();
    await page.goto(dashboard.url + paths.keys({ store: "isimud.turns" }), { waitUntil: "networkidle" });
    const hidden = page.getByRole("button", { name: "Show the value of health" });
    expect(await hidden.getAttribute("aria-disabled")).toBe("true");
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);
