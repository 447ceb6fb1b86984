/** The dashboard as deploy/nginx/isimud.conf publishes it: over TLS, below a path of its host, with accounts. */
import { readFileSync } from "node:fs";
import { get } from "node:https";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import type { Browser, BrowserContext, Page } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createClient } from "../../clients/typescript/client.ts";
import { callsTo } from "../../prisma/seed-api.ts";
import { fillShop } from "../../prisma/seed-shop.ts";
import { hashPassword } from "../../server/access/accounts/passwords.ts";
import { openEngine } from "../../server/bootstrap.ts";
import { readConfig } from "../../server/config.ts";
import { callerWith } from "../support/access.ts";
import { launchBrowser } from "../support/browser.ts";
import { type Authority, anAuthority, describeWithOpenssl } from "../support/certificates.ts";
import { createTestDatabase } from "../support/database.ts";
import { type IdentityProvider, startIdentityProvider } from "../support/identity-provider.ts";
import { describeWithNginx, type Nginx, startNginx } from "../support/nginx.ts";
import { freePort, START_DEADLINE_MS, startWholeService, type WholeService } from "../support/process.ts";
import { PAGES } from "./page-list.ts";

const BASE_PATH = "/behind/a-proxy";
const EMAIL = "ada@example.org";
const PASSWORD = "plum-Quiver-93-tidal";

/** The file that users take, with the names and ports of this test. */
function configuration(ports: { tls: number; plain: number; service: number }, authority: Authority): string {
  const file = fileURLToPath(new URL("../../deploy/nginx/isimud.conf", import.meta.url));
  const { certificate, key } = authority.certify("DNS:localhost");
  const changes: [string, string][] = [
    ["listen 80;", `listen 127.0.0.1:${ports.plain};`],
    ["https://$http_host", `https://localhost:${ports.tls}`],
    ["listen 443 ssl", `listen 127.0.0.1:${ports.tls} ssl`],
    ["/etc/ssl/certs/queues.example.org.pem", certificate],
    ["/etc/ssl/private/queues.example.org.key", key],
    ["127.0.0.1:3000", `127.0.0.1:${ports.service}`],
    ["location / {", `location ${BASE_PATH} {`],
  ];
  return changes
    .reduce(
      (text, [from, to]) => {
        expect(text).toContain(from);
        return text.replace(from, to);
      },
      readFileSync(file, "utf8"),
    )
    .replaceAll("queues.example.org", "localhost");
}

async function addAdmin(databaseUrl: string): Promise<void> {
  const config = readConfig({ DATABASE_URL: databaseUrl, SECRET_KEY: "a secret key for tests only", AUTH: "accounts" });
  const { operations, control, close } = await openEngine(config, { log: pino({ level: "silent" }) });
  const grants = [{ role: "admin" as const }];
  const { person } = await operations.people.create(callerWith("admin"), { email: EMAIL, name: "Ada", grants });
  await control.people.setPassword(person.id, await hashPassword(PASSWORD));
  await close();
}

describeWithOpenssl(() =>
  describeWithNginx(() => {
    let service: WholeService;
    let nginx: Nginx;
    let provider: IdentityProvider;
    let authority: Authority;
    let browser: Browser;
    let context: BrowserContext;
    let page: Page;
    let origin: string;
    let plainPort: number;
    /** Answers that were not to come: errors, and what lies beside the path. */
    const astray: string[] = [];

    beforeAll(async () => {
      const [tls, plain] = [await freePort(), await freePort()];
      origin = `https://localhost:${tls}`;
      plainPort = plain;
      const redirectUri = `${origin}${BASE_PATH}/api/auth/callback/oidc`;
      provider = await startIdentityProvider({ redirectUri, groups: ["queue-viewers"] });
      const database = await createTestDatabase();
      await addAdmin(database.url);
      service = await startWholeService({
        database,
        settings: {
          BASE_PATH,
          AUTH: "accounts",
          PUBLIC_URL: origin,
          TRUST_PROXY: "127.0.0.1",
          OIDC_NAME: "Example",
          OIDC_ISSUER: provider.issuer,
          OIDC_CLIENT_ID: provider.clientId,
          OIDC_CLIENT_SECRET: provider.clientSecret,
          OIDC_SCOPES: "openid email profile groups",
          OIDC_GRANTS_CLAIM: "groups",
          OIDC_GRANTS: "queue-viewers=viewer",
        },
      });
      authority = anAuthority();
      const ports = { tls, plain, service: Number(new URL(service.url).port) };
      nginx = await startNginx(configuration(ports, authority), tls);
      browser = await launchBrowser();
      context = await browser.newContext({ ignoreHTTPSErrors: true });
      page = await context.newPage();
      page.on("response", (response) => {
        const { pathname } = new URL(response.url());
        if (!pathname.startsWith(BASE_PATH) || response.status() >= 400)
          astray.push(`${response.status()} ${pathname}`);
      });
    }, START_DEADLINE_MS);

    afterAll(async () => {
      await browser?.close();
      await Promise.all([nginx?.stop(), provider?.stop()]);
      authority?.remove();
      await service?.close();
    });

    /** Sends a document from the page, with its session. */
    const ask = <Data>(query: string, variables = {}) =>
      page.evaluate(
        async ({ path, body }) => {
          const headers = { "content-type": "application/json" };
          return (await fetch(path, { method: "POST", headers, body })).json();
        },
        { path: `${BASE_PATH}/api/graphql`, body: JSON.stringify({ query, variables }) },
      ) as Promise<{ data: Data }>;

    test("plain HTTP leads to TLS, and browsers are told to stay there", async () => {
      const answer = await fetch(`http://127.0.0.1:${plainPort}${BASE_PATH}/queues?x=1`, { redirect: "manual" });
      expect([answer.status, answer.headers.get("location")]).toEqual([308, `${origin}${BASE_PATH}/queues?x=1`]);
      const live = await context.request.get(`${origin}${BASE_PATH}/api/health/live`);
      expect([live.status(), live.headers()["strict-transport-security"]]).toEqual([200, "max-age=31536000"]);
    });

    test("a person signs in, and comes to the page that was asked for, with a cookie for TLS alone", async () => {
      await page.goto(`${origin}${BASE_PATH}/queues?search=or`);
      expect(new URL(page.url()).pathname).toBe(`${BASE_PATH}/sign-in`);
      await page.getByLabel("E-mail address").fill(EMAIL);
      await page.getByLabel("Password").fill(PASSWORD);
      await page.getByRole("button", { name: "Sign in", exact: true }).click();
      await page.waitForURL(`${origin}${BASE_PATH}/queues?search=or`);
      const [cookie] = (await context.cookies()).filter(({ name }) => name === "__Host-isimud");
      expect(cookie).toMatchObject({ secure: true, httpOnly: true, sameSite: "Lax", path: "/" });
    });

    test("every link of the navigation leads to a page, and every request stays below the path", async () => {
      await page.goto(`${origin}${BASE_PATH}`);
      const links = page.getByRole("navigation", { name: "Main" }).locator("a:visible");
      await links.first().waitFor();
      const names = [...new Set(await links.allTextContents())];
      expect(names.length).toBeGreaterThan(4);
      for (const name of names) {
        const link = links.filter({ hasText: name }).first();
        const target = new URL((await link.getAttribute("href")) ?? "", origin).pathname;
        expect(target.startsWith(BASE_PATH)).toBe(true);
        await link.click();
        await page.waitForURL((url) => url.pathname === target);
        await page.locator("h1").first().waitFor();
      }
      expect(astray).toEqual([]);
    });

    test("every page shows the demo's data, which a program has made with a token", async () => {
      const input = { name: "demo", scopes: ["ADMINISTER"], expiresInDays: 1 };
      const create = "mutation($input: CreateTokenInput!) { createToken(input: $input) { secret } }";
      const { data } = await ask<{ createToken: { secret: string } }>(create, { input });
      const headers = { authorization: `Bearer ${data.createToken.secret}` };
      await fillShop(callsTo(createClient({ url: service.url, headers })));
      for (const [, path] of PAGES) {
        await page.goto(`${origin}${BASE_PATH}${path}`);
        await page.locator("h1").first().waitFor();
      }
      expect(astray.filter((answer) => !answer.startsWith("404 "))).toEqual([]);
    }, 120_000);

    test("an event of a stream comes at once", async () => {
      const query = 'subscription { messagePosted(project: "shop", queue: "orders") { body } }';
      const first = page.evaluate(
        async (path) => {
          const stream = await fetch(path, { headers: { accept: "text/event-stream" } });
          const reader = (stream.body as ReadableStream<BufferSource>).pipeThrough(new TextDecoderStream()).getReader();
          document.title = "It listens";
          let text = "";
          while (!text.includes("live-through-nginx")) text += (await reader.read()).value ?? "";
          await reader.cancel();
          return text;
        },
        `${BASE_PATH}/api/graphql?query=${encodeURIComponent(query)}`,
      );
      await page.waitForFunction(() => document.title === "It listens");
      await ask(
        'mutation { postMessages(input: { project: "shop", queue: "orders", messages: [{ body: { json: "live-through-nginx" } }] }) { ids } }',
      );
      expect(await first).toContain("event: next");
    });

    test("programs ask the API below the path, with what their own proxies add", async () => {
      const headers = { "apollo-require-preflight": "1", via: "1.1 office", "x-forwarded-for": "127.0.0.1" };
      const status = await new Promise((resolve, reject) => {
        const ca = readFileSync(authority.file);
        get(`${origin}${BASE_PATH}/api/graphql?query={__typename}`, { ca, headers }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        }).once("error", reject);
      });
      expect(status).toBe(401);
      const explorer = await context.request.get(`${origin}${BASE_PATH}/api/graphql`, {
        headers: { accept: "text/html" },
        maxRedirects: 0,
      });
      expect(explorer.headers().location).toBe(`${BASE_PATH}/graphql`);
    });

    test("who signs out gets no page any more", async () => {
      await page.evaluate(
        (path) => fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" }),
        `${BASE_PATH}/api/auth/sign-out`,
      );
      await page.goto(`${origin}${BASE_PATH}/pools`);
      expect(page.url()).toBe(`${origin}${BASE_PATH}/sign-in?next=%2Fpools`);
    });

    test("somebody signs in at the identity provider, and comes back to the page that was asked for", async () => {
      const own = await browser.newContext({ ignoreHTTPSErrors: true });
      const other = await own.newPage();
      await other.goto(`${origin}${BASE_PATH}/pools`);
      await other.getByRole("button", { name: "Sign in with Example" }).click();
      await other.getByPlaceholder("Enter any login").fill("eva");
      await other.getByPlaceholder("and password").fill("x");
      await other.getByRole("button", { name: "Sign-in" }).click();
      await other.getByRole("button", { name: "Continue" }).click();
      await other.waitForURL(`${origin}${BASE_PATH}/pools`);
      const query = JSON.stringify({ query: "{ viewer { actor } }" });
      const { data } = await other.evaluate(
        async ({ path, body }) => {
          const headers = { "content-type": "application/json" };
          return (await fetch(path, { method: "POST", headers, body })).json();
        },
        { path: `${BASE_PATH}/api/graphql`, body: query },
      );
      expect(data).toEqual({ viewer: { actor: "eva@example.org" } });
      await own.close();
    });
  }),
);
