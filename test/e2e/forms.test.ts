/** Forms: nothing that is typed is lost, copies are complete, and no page violates its content security policy. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { paths } from "../../components/paths.ts";
import { START_DEADLINE_MS } from "../support/process.ts";
import { type Dashboard, openDemoDashboard } from "./service.ts";

const SLOW = 120_000;
/** A surrogate pair where a row cuts the text, and a character that reverses the text after it. */
const EMOJI_BODY = JSON.stringify(`${"x".repeat(198)}📮 and more`);
const TURNING_BODY = JSON.stringify("invoice\u202Efdp.exe");

let dashboard: Dashboard;
beforeAll(async () => {
  dashboard = await openDemoDashboard();
  await dashboard.call(
    `mutation { createQueue(input: { project: "forms", queue: "copied", metadata: { json: { _default_message_delay: 5 } } }) { created } }`,
  );
  await dashboard.call(`mutation ($input: PostMessagesInput!) { postMessages(input: $input) { ids } }`, {
    input: {
      project: "forms",
      queue: "copied",
      messages: [
        {
          body: { text: EMOJI_BODY },
          ttlSeconds: 1234,
          delaySeconds: 600,
          headers: [{ name: "type", value: "it: is" }],
        },
        { body: { text: TURNING_BODY }, delaySeconds: 0 },
      ],
    },
  });
}, START_DEADLINE_MS);
afterAll(() => dashboard?.close());

/** Runs in the page. */
function asksBeforeUnload(): boolean {
  const event = new Event("beforeunload", { cancelable: true });
  window.dispatchEvent(event);
  return event.defaultPrevented;
}

/** Pages with a form, or with buttons that open one. */
const WITH_FORMS = [
  paths.queues(null),
  paths.queue("shop", "orders"),
  paths.queue("shop", "orders", "claims"),
  paths.queue("shop", "orders", "subscriptions"),
  paths.queue("shop", "orders", "settings"),
  paths.pools(),
  paths.pool("default"),
  paths.flavors({ project: "shop" }),
  paths.catalogue(),
  paths.keys(),
];

it(
  "no page with a form violates the policy or complains",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => console.error("forbidden:", event.blockedURI));
    });
    for (const path of WITH_FORMS) {
      await page.goto(dashboard.url + path, { waitUntil: "networkidle" });
      await page.locator("#content").waitFor();
      expect(complaints, path).toEqual([]);
    }
    await end();
  },
  SLOW,
);

it(
  "an unreadable address shows a page that says so; below the API it is an error like any other",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    const answer = await page.goto(`${dashboard.url}/projects/%E0%A4%A/queues`, { waitUntil: "networkidle" });
    expect(answer?.status()).toBe(404);
    await page.getByText("Page not found").waitFor();
    await page
      .getByRole("link", { name: /^Queues/ })
      .first()
      .click();
    await page.getByRole("heading", { name: "Queues", level: 1 }).waitFor();
    expect(complaints.filter((text) => !text.includes("404 (Not Found)"))).toEqual([]);
    const ofApi = await fetch(`${dashboard.url}/api/%E0%A4%A`);
    expect([ofApi.status, (await ofApi.json()).errors[0].extensions.code]).toEqual([400, "BAD_INPUT"]);
    await end();
  },
  SLOW,
);

it(
  "a body with an emoji where a row cuts it, or with a character that reverses text, is shown as it is",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    await page.goto(dashboard.url + paths.queue("forms", "copied"), { waitUntil: "networkidle" });
    const rowWith = (text: RegExp) => page.getByRole("row").filter({ hasText: text });
    expect(await rowWith(/x{198}/).textContent()).toContain(`${"x".repeat(198)}…`);
    const mark = rowWith(/invoice/).locator("[data-hidden-character='U+202E']");
    expect(await mark.evaluate((element) => getComputedStyle(element, "::before").content)).toBe('"U+202E"');
    const [before, after] = await mark.evaluate((marked) => {
      const place = (node: Node) => {
        const range = document.createRange();
        range.selectNodeContents(node);
        return range.getBoundingClientRect().left;
      };
      return [place(marked.previousSibling as Node), place(marked.nextSibling as Node)];
    });
    expect(before).toBeLessThan(after as number);
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "posted again to another queue, a message keeps its headers, lifetime and delay",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    await page.goto(dashboard.url + paths.queue("forms", "copied"), { waitUntil: "networkidle" });
    await page
      .getByRole("row")
      .filter({ hasText: /x{198}/ })
      .getByRole("link")
      .click();
    await page.getByRole("button", { name: "Edit and post again" }).click();
    const form = page.getByRole("dialog", { name: "Post again" });
    expect(await form.getByLabel("Lifetime").inputValue()).toBe("1234");
    expect(await form.getByLabel("Delay").inputValue()).toBe("600");
    await form.getByLabel("Body").fill('{"again": 1.0}');
    await form.getByLabel("Queue", { exact: true }).fill("copied.again");
    await form.getByRole("switch", { name: "Create this queue if there is none" }).click();
    await form.getByRole("button", { name: "Post", exact: true }).click();
    await page.getByText("The message is posted to copied.again.").waitFor();
    const { queue } = await dashboard.call<{ queue: { newestMessage: Record<string, string> } }>(
      `{ queue(project: "forms", queue: "copied.again") {
        newestMessage { bodyText ttlSeconds createdAt delayedUntil headers { name value } }
      } }`,
      {},
    );
    const { createdAt = "", delayedUntil = "", ...kept } = queue.newestMessage;
    const headers = [{ name: "type", value: "it: is" }];
    expect(kept).toEqual({ bodyText: '{"again": 1.0}', ttlSeconds: 1234, headers });
    expect(Date.parse(delayedUntil) - Date.parse(createdAt)).toBe(600_000);
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "a click with Shift shows what a button would send, and a form shows it once it is complete",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    const sheet = page.getByRole("dialog", { name: "The same in GraphQL" });
    const line = sheet.getByRole("region", { name: "cURL" });
    await page.goto(dashboard.url + paths.queue("shop", "orders", "claims"), { waitUntil: "networkidle" });
    await page
      .getByRole("button", { name: "Renew" })
      .first()
      .click({ modifiers: ["Shift"] });
    expect(await line.textContent()).toMatch(/^curl .*renewClaim.*"claimId":"/);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "GraphQL", exact: true }).click();
    // Claims end while others look at them.
    const renew = sheet.locator("option", { hasText: /^Renew(, the first of \d+)?$/ });
    await sheet.getByLabel("Show", { exact: true }).selectOption((await renew.getAttribute("value")) ?? "");
    expect(await line.textContent()).toContain("renewClaim");
    await page.keyboard.press("Escape");
    expect(await page.getByText("The claim lasts").count()).toBe(0);

    await page.getByRole("button", { name: "Claim messages" }).click();
    const form = page.getByRole("dialog", { name: "Claim messages" });
    await form.getByLabel("Lifetime").fill("soon");
    await form.getByRole("button", { name: "GraphQL" }).click();
    await sheet.getByText("show here once the form is complete").waitFor();
    await page.keyboard.press("Escape");
    await form.getByLabel("Lifetime").fill("77");
    await form.getByRole("button", { name: "GraphQL" }).click();
    expect(await line.textContent()).toContain('"ttlSeconds":77');
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "a click outside a form, Escape and closing the tab ask before they discard what was typed, and only then",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    await page.goto(dashboard.url + paths.queue("forms", "copied"), { waitUntil: "networkidle" });
    const open = () => page.getByRole("button", { name: "Post a message" }).click();
    const form = page.getByRole("dialog", { name: "Post a message" });
    const question = page.getByRole("alertdialog", { name: "Discard what you typed?" });
    await open();
    await form.waitFor();
    await page.keyboard.press("Escape");
    await form.waitFor({ state: "hidden" });

    await open();
    await form.getByLabel("Body").fill('{"typed": "for an hour"}');
    // Nobody clicks as fast as a test does.
    await expect.poll(() => page.evaluate(asksBeforeUnload)).toBe(true);
    await page.mouse.click(20, 400);
    await question.getByRole("button", { name: "Keep editing" }).click();
    await page.keyboard.press("Escape");
    await question.waitFor();
    await page.keyboard.press("Escape");
    await question.waitFor({ state: "hidden" });
    expect(await form.getByLabel("Body").inputValue()).toBe('{"typed": "for an hour"}');
    const asked = page.waitForEvent("dialog");
    await page.close({ runBeforeUnload: true });
    const dialog = await asked;
    expect(dialog.type()).toBe("beforeunload");
    await dialog.dismiss();
    await page.keyboard.press("Escape");
    await question.getByRole("button", { name: "Discard" }).click();
    await form.waitFor({ state: "hidden" });
    await open();
    expect(await form.getByLabel("Body").inputValue()).toBe('{"hello": "world"}');
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "the browser's Back asks before it discards what was typed, and then goes back",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    await page.goto(dashboard.url + paths.queues(null), { waitUntil: "networkidle" });
    await page.getByRole("link", { name: "copied", exact: true }).click();
    await page.getByRole("button", { name: "Post a message" }).click();
    const here = page.url();
    const form = page.getByRole("dialog", { name: "Post a message" });
    const question = page.getByRole("alertdialog", { name: "Discard what you typed?" });
    // As its button does: Playwright's goBack is no deed of the user.
    const back = () => page.evaluate(() => history.back());
    await form.getByLabel("Body").fill('{"typed": "for an hour"}');
    await expect.poll(() => page.evaluate(asksBeforeUnload)).toBe(true);
    await back();
    await question.getByRole("button", { name: "Keep editing" }).click();
    expect(page.url()).toBe(here);
    expect(await form.getByLabel("Body").inputValue()).toBe('{"typed": "for an hour"}');
    await back();
    await question.getByRole("button", { name: "Discard" }).click();
    await page.getByRole("heading", { name: "Queues", level: 1 }).waitFor();
    expect(page.url()).not.toBe(here);
    // Nothing was typed: it goes at once.
    await page.goForward();
    await page.getByRole("button", { name: "Post a message" }).click();
    await form.waitFor();
    await back();
    await page.getByRole("heading", { name: "Queues", level: 1 }).waitFor();
    expect(complaints).toEqual([]);
    await end();
  },
  SLOW,
);

it(
  "who reads bodies is set on the page of projects, by the id of its document, and a viewer sees no more than that",
  async () => {
    const { page, complaints, end } = await dashboard.visit();
    const row = page.getByRole("row", { name: /^forms / });
    await page.goto(dashboard.url + paths.projects(), { waitUntil: "networkidle" });
    await row.getByRole("button", { name: "operators" }).click();
    await page.getByLabel("Read in full by").selectOption("Admins");
    await page.getByLabel("Masked for others").fill("$..nothing\nwrong");
    const save = page.getByRole("button", { name: "Save" });
    await save.click();
    await page.getByText("wrong is no path").waitFor();
    await page.getByLabel("Masked for others").fill("$..nothing");
    const [sent] = await Promise.all([page.waitForRequest((request) => request.method() === "POST"), save.click()]);
    expect(sent.postDataJSON()).toEqual({
      documentId: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      variables: { input: { project: "forms", readBy: "ADMIN", maskedPaths: ["$..nothing"] } },
    });
    expect((await sent.response())?.status()).toBe(200);
    await row.getByRole("button", { name: "admins, 1 masked" }).waitFor();

    await page.setExtraHTTPHeaders({ "X-Roles": "viewer" });
    const messages = dashboard.url + paths.queue("forms", "copied", "messages", { state: "delayed" });
    const open = async () => {
      await page.goto(messages, { waitUntil: "networkidle" });
      await page
        .getByRole("link", { name: /xxx|\*\*\*/ })
        .first()
        .click();
    };
    await open();
    await page.getByText("What is masked for you").waitFor();
    await dashboard.call(
      `mutation { setBodyRule(input: { project: "forms", readBy: ADMIN }) { bodyRule { readBy } } }`,
    );
    await open();
    await page.getByText("hidden from you").waitFor();
    expect(complaints.filter((text) => !text.includes("400"))).toEqual([]);
    await end();
  },
  SLOW,
);
