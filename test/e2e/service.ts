/** What browser tests share: a whole service with small demo data, and a browser that records complaints. */
import type { Browser, BrowserContext, Page } from "playwright";
import { createClient } from "../../clients/typescript/client.ts";
import { type Call, callsTo } from "../../prisma/seed-api.ts";
import { fillShop } from "../../prisma/seed-shop.ts";
import { launchBrowser } from "../support/browser.ts";
import { startWholeService } from "../support/process.ts";

export interface Visit {
  page: Page;
  context: BrowserContext;
  /** What the browser complained about: script errors, refused styles, failed requests. */
  complaints: string[];
  end(): Promise<void>;
}

export interface Dashboard {
  url: string;
  call: Call;
  /** A new browser profile, as on a first visit. */
  visit(options?: { theme?: "light" | "dark"; width?: number; onlyLoopback?: boolean }): Promise<Visit>;
  /** Stops the service; `start` starts it at the same address with the same data. */
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** `demo` false: without any data. `settings` are environment variables. */
export async function openDashboard(options: { demo: boolean; settings?: Record<string, string> }): Promise<Dashboard> {
  const service = await startWholeService(options.settings);
  const call = callsTo(createClient({ url: service.url }));
  let browser: Browser | undefined;
  try {
    if (options.demo) await fillShop(call);
    browser = await launchBrowser();
  } catch (error) {
    await service.close();
    throw error;
  }
  const opened = browser;
  return {
    url: service.url,
    call,
    stop: service.stop,
    start: service.start,
    visit: (how = {}) => visit(opened, service.url, how),
    close: async () => {
      await opened.close();
      await service.close();
    },
  };
}

async function visit(
  browser: Browser,
  url: string,
  {
    theme = "light",
    width = 1280,
    onlyLoopback = false,
  }: { theme?: "light" | "dark"; width?: number; onlyLoopback?: boolean },
): Promise<Visit> {
  const context = await browser.newContext({ baseURL: url, colorScheme: theme, viewport: { width, height: 800 } });
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
    if (message.type() === "error") complaints.push(message.text());
  });
  return { page, context, complaints, end: () => context.close() };
}
