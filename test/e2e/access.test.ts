/** Accounts, in a browser: people sign in, get what their rights allow, and lose it at once. One service for all. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright";
import { afterAll, beforeAll, expect, it } from "vitest";
import { paths } from "../../components/paths.ts";
import { START_DEADLINE_MS } from "../support/process.ts";
import { violations } from "./axe.ts";
import { type Dashboard, openDashboard, type Visit } from "./service.ts";

const SLOW = 120_000;
const ADMIN = "ada@example.com";
const PASSWORD = "plinth otter cobalt rhubarb";
const OTHER_PASSWORD = "gravel tulip walrus ninety";

let dashboard: Dashboard;
let folder: string;
let ada: Visit;
let vic: Visit;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "isimud-access-"));
  const file = join(folder, "password");
  writeFileSync(file, PASSWORD, { mode: 0o600 });
  const settings = { AUTH: "accounts", ADMIN_EMAIL: ADMIN, ADMIN_PASSWORD_FILE: file };
  dashboard = await openDashboard({ demo: false, settings });
  [ada, vic] = [await dashboard.visit(), await dashboard.visit({ width: 375 })];
}, START_DEADLINE_MS);
afterAll(async () => {
  await dashboard?.close();
  rmSync(folder, { recursive: true, force: true });
});

const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name }).filter({ visible: true });
const reasonOf = (page: Page, name: string | RegExp) => button(page, name).first().getAttribute("data-hint");

it(
  "who has not signed in is led to the page of sign-in, and from there to where they wanted to go",
  async () => {
    const { page, complaints } = ada;
    await page.goto(dashboard.url + paths.queues(null), { waitUntil: "networkidle" });
    expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe(paths.signIn(paths.queues(null)));
    expect(await page.getByRole("navigation").count()).toBe(0);
    expect(await violations(page)).toEqual([]);
    await page.getByLabel("E-mail address").fill(ADMIN);
    await page.getByLabel("Password").fill("wrong");
    await button(page, "Sign in").click();
    await page.getByRole("alert").filter({ hasText: "UNAUTHENTICATED" }).waitFor();
    // The browser reports the answer 401.
    complaints.length = 0;
    await page.getByLabel("Password").fill(PASSWORD);
    await button(page, "Sign in").click();
    await page.waitForURL(dashboard.url + paths.queues(null));
    await page.getByText("No queues yet").waitFor();
    expect(await page.getByText("Access control is off").count()).toBe(0);
    expect(complaints).toEqual([]);
  },
  SLOW,
);

it(
  "while there is nobody, the page of sign-in says how to become the first admin",
  async () => {
    const { page, complaints } = vic;
    const options = "**/api/auth/options";
    await page.route(options, (route) => route.fulfill({ json: { hasPeople: false } }));
    await page.goto(dashboard.url + paths.signIn(), { waitUntil: "networkidle" });
    await page.getByText("npm run user -- add EMAIL --role admin").waitFor();
    expect(await violations(page)).toEqual([]);
    await page.unroute(options);
    await page.reload({ waitUntil: "networkidle" });
    expect(await page.getByText("Nobody has an account yet").count()).toBe(0);
    expect(complaints).toEqual([]);
  },
  SLOW,
);

it(
  "an admin creates a viewer, who chooses a password with a link that is shown once",
  async () => {
    const { page, complaints } = ada;
    await page.goto(dashboard.url + paths.access(), { waitUntil: "networkidle" });
    const row = page.getByRole("row", { name: new RegExp(ADMIN) });
    await row.getByText("admin in all projects").filter({ visible: true }).waitFor();
    await button(page, "New person").click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("E-mail address").fill("vic@example.com");
    await dialog.getByLabel("Name", { exact: true }).fill("Vic");
    await dialog.getByLabel("Operator in", { exact: true }).selectOption("some");
    await dialog.getByLabel("Operator in these projects").fill("mail");
    expect(await violations(page, "[role=dialog]")).toEqual([]);
    await button(page, "Create person").click();
    const once = page.getByRole("alertdialog");
    const link = await once.getByLabel("One-time link").inputValue();
    expect(link).toContain(`${paths.link()}#`);
    expect(await violations(page, "[role=alertdialog]")).toEqual([]);
    await once.getByRole("button", { name: "I have kept it" }).click();
    await page.getByRole("row", { name: /vic@example\.com/ }).waitFor();
    expect(await violations(page, "main")).toEqual([]);

    await vic.page.goto(link, { waitUntil: "networkidle" });
    await vic.page.getByLabel("Password").fill("password1234");
    await button(vic.page, "Set the password").click();
    await vic.page.getByRole("alert").filter({ hasText: "PASSWORD_TOO_WEAK" }).waitFor();
    expect(await violations(vic.page)).toEqual([]);
    vic.complaints.length = 0;
    await vic.page.getByLabel("Password").fill(OTHER_PASSWORD);
    await button(vic.page, "Set the password").click();
    await vic.page.waitForURL(`${dashboard.url}/`);
    expect([...complaints, ...vic.complaints]).toEqual([]);
  },
  SLOW,
);

it(
  "what a viewer may not do is disabled with the reason, but not in the project where the viewer is operator",
  async () => {
    await ada.page.goto(dashboard.url + paths.queues(null), { waitUntil: "networkidle" });
    for (const project of ["shop", "mail"]) {
      await button(ada.page, "New queue").first().click();
      await ada.page.getByLabel("Name", { exact: true }).fill("orders");
      await ada.page.getByLabel("Project").fill(project);
      await button(ada.page, "Create queue").click();
      await ada.page.waitForURL(`**${paths.queue(project, "orders")}`);
      await ada.page.goto(dashboard.url + paths.queues(null), { waitUntil: "networkidle" });
    }
    const { page, complaints } = vic;
    await page.goto(dashboard.url + paths.queue("shop", "orders"), { waitUntil: "networkidle" });
    expect(await reasonOf(page, "Post a message")).toMatch(/Ask an admin/);
    expect(await button(page, "Post a message").first().getAttribute("aria-disabled")).toBe("true");
    const act = page.getByRole("link", { name: "Act on all…" });
    expect(await act.getAttribute("aria-disabled")).toBe("true");
    await act.focus();
    expect(await violations(page, "main")).toEqual([]);
    await page.goto(dashboard.url + paths.pools(), { waitUntil: "networkidle" });
    expect(await reasonOf(page, "New pool")).toMatch(/Ask an admin/);
    await page.goto(dashboard.url + paths.queue("mail", "orders"), { waitUntil: "networkidle" });
    await button(page, "Post a message").first().click();
    await page.getByLabel("Body").fill("{}");
    await button(page, /^Post$/).click();
    await page.getByText("The message is posted.").waitFor();
    await page.goto(dashboard.url + paths.access(), { waitUntil: "networkidle" });
    await page.getByText("You may not see this").waitFor();
    expect(await violations(page, "main")).toEqual([]);
    expect(complaints).toEqual([]);
  },
  SLOW,
);

it(
  "a token's secret is shown once and works until the token is revoked",
  async () => {
    const { page, complaints } = ada;
    await page.goto(dashboard.url + paths.access("tokens"), { waitUntil: "networkidle" });
    await button(page, "New token").click();
    await page.getByLabel("Name", { exact: true }).fill("worker-1");
    await page.getByLabel(/^Produce/).check();
    await page.getByLabel("Projects", { exact: true }).fill("shop");
    expect(await violations(page, "[role=dialog]")).toEqual([]);
    await button(page, "Create token").click();
    const once = page.getByRole("alertdialog");
    const secret = await once.getByLabel("Secret").inputValue();
    await once.getByRole("button", { name: "I have kept it" }).click();
    const row = page.getByRole("row", { name: /worker-1/ });
    await row.getByText("produce in shop").filter({ visible: true }).waitFor();
    expect(await violations(page, "main")).toEqual([]);
    const asProgram = () =>
      fetch(`${dashboard.url}/api/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${secret}` },
        body: JSON.stringify({ query: "{ viewer { actor } }" }),
      });
    expect(await (await asProgram()).json()).toEqual({ data: { viewer: { actor: "token:worker-1" } } });
    await row.getByRole("button", { name: "Revoke" }).click();
    await button(page, "Revoke token").click();
    await row.getByText("Revoked").waitFor();
    await expect.poll(async () => (await asProgram()).status, { timeout: 5000 }).toBe(401);
    expect(complaints).toEqual([]);
  },
  SLOW,
);

it(
  "a service that is read-only says so on every page, and disables what changes something, for admins too",
  async () => {
    const { page, complaints } = ada;
    await page.goto(dashboard.url + paths.access(), { waitUntil: "networkidle" });
    await button(page, "Make read-only…").click();
    await page.getByLabel("Reason").fill("the disks are moved");
    await page.getByRole("dialog").getByRole("button", { name: "Make read-only" }).click();
    // The toast of the switch is a status too.
    const notice = page.getByRole("status").filter({ hasText: "the disks are moved" });
    await notice.getByText("The service is read-only").waitFor();
    expect(await reasonOf(page, "New person")).toMatch(/read-only: the disks are moved/);
    expect(await violations(page, "main")).toEqual([]);
    await notice.getByRole("button", { name: "Allow changes" }).click();
    await notice.waitFor({ state: "detached" });
    expect(await reasonOf(page, "New person")).toBeNull();
    expect(complaints).toEqual([]);
  },
  SLOW,
);

it(
  "a session that an admin ends leads its page to the sign-in, and who signs out is out",
  async () => {
    const { page } = ada;
    await vic.page.goto(dashboard.url + paths.account(), { waitUntil: "networkidle" });
    await vic.page.getByText("viewer in all projects, operator in mail").waitFor();
    expect(await violations(vic.page, "main")).toEqual([]);
    await page.goto(dashboard.url + paths.access(), { waitUntil: "networkidle" });
    await button(page, "Sessions of vic@example.com").click();
    // Nothing lies over the row.
    await page
      .getByRole("dialog")
      .getByText(/ on Linux/)
      .click({ trial: true });
    expect(await violations(page, "[role=dialog]")).toEqual([]);
    await page.getByRole("dialog").getByRole("button", { name: "End all" }).click();
    await page.getByText("vic@example.com is signed out everywhere.").waitFor();
    await vic.page.getByRole("button", { name: "Refresh now" }).click();
    await vic.page.waitForURL(dashboard.url + paths.signIn(paths.account()));
    await page.goto(dashboard.url + paths.overview(), { waitUntil: "networkidle" });
    await button(page, /^You: /).click();
    expect(await violations(page, "[role=menu]")).toEqual([]);
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.waitForURL(dashboard.url + paths.signIn());
    await page.goto(dashboard.url + paths.pools(), { waitUntil: "networkidle" });
    expect(new URL(page.url()).pathname).toBe(paths.signIn());
  },
  SLOW,
);
