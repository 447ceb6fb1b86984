/** What browser tests share: a whole service, and a browser that records complaints. */
import { get } from "node:http";
import { text } from "node:stream/consumers";
import type { Browser, BrowserContext, Page } from "playwright";
import { inject } from "vitest";
import { createClient } from "../../clients/typescript/client.ts";
import { type Call, callsTo } from "../../prisma/seed-api.ts";
import { fillShop } from "../../prisma/seed-shop.ts";
import { launchBrowser } from "../support/browser.ts";
import { createTestDatabase } from "../support/database.ts";
import { startWholeService } from "../support/process.ts";

export interface Visit {
  page: Page;
  context: BrowserContext;
  /** What the browser complained about: script errors, refused styles, failed requests. */
  complaints: string[];
  end(): Promise<void>;
}

interface VisitOptions {
  theme?: "light" | "dark";
  width?: number;
  onlyLoopback?: boolean;
  timeZone?: string;
}

export interface Dashboard {
  url: string;
  call: Call;
  /** A new browser profile, as on a first visit. */
  visit(options?: VisitOptions): Promise<Visit>;
  close(): Promise<void>;
}

export interface OwnDashboard extends Dashboard {
  /** Of the control database. */
  databaseUrl: string;
  /** Stops the service; `start` starts it at the same address with the same data. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

/**
 * The service with the demo's data that all files share which need no other. They use it at the same time: a test
 * changes only what it has added, and nothing that it expects depends on what others may add.
 */
export async function openDemoDashboard(): Promise<Dashboard> {
  const url = await demoServiceUrl();
  return lookAt(url, await launchBrowser());
}

/** May take minutes, since the pages may have to be built. `fetch` would give up before. */
function demoServiceUrl(): Promise<string> {
  return new Promise((resolve, reject) => {
    get(inject("demoServiceAt"), async (response) => {
      const answer = await text(response);
      if (response.statusCode === 200) resolve(answer);
      else reject(new Error(answer));
    }).once("error", reject);
  });
}

/** A service that no other file uses. `demo` false: without any data. `settings` are environment variables. */
export async function openDashboard(options: {
  demo: boolean;
  settings?: Record<string, string>;
}): Promise<OwnDashboard> {
  const { demo, settings } = options;
  const database = await createTestDatabase();
  const service = await startWholeService({ database, settings });
  let dashboard: Dashboard;
  try {
    if (demo) await fillShop(callsTo(createClient({ url: service.url })));
    dashboard = lookAt(service.url, await launchBrowser());
  } catch (error) {
    await service.close();
    throw error;
  }
  return {
    ...dashboard,
    databaseUrl: database.url,
    stop: service.stop,
    start: service.start,
    close: async () => {
      await dashboard.close();
      await service.close();
    },
  };
}

function lookAt(url: string, browser: Browser): Dashboard {
  return {
    url,
    call: callsTo(createClient({ url })),
    visit: (how = {}) => visit(browser, url, how),
    close: () => browser.close(),
  };
}

async function visit(
  browser: Browser,
  url: string,
  { theme = "light", width = 1280, onlyLoopback = false, timeZone = "UTC" }: VisitOptions,
): Promise<Visit> {
  const context = await browser.newContext({
    baseURL: url,
    colorScheme: theme,
    viewport: { width, height: 800 },
    timezoneId: timeZone,
  });
  const complaints: string[] = [];
  if (onlyLoopback) {
    await context.route(
      (address) => address.hostname !== "127.0.0.1",
      (route) => {
        complaints.push(`asked for ${route.request().url()}`);
        return route.abort();
      },
    );
  }
  const page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    // The browser names no address of what it could not load.
    if (message.type() === "error") complaints.push(`${message.text()} (${message.location().url})`);
  });
  return { page, context, complaints, end: () => context.close() };
}
