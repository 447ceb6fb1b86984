/**
 * Pictures of every page in both themes and three widths, of a service that runs with the demo data:
 * `npm run screenshots -- [URL] [FOLDER]`. The default is the service of `npm start`, and the folder screenshots.
 */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { launchBrowser } from "../support/browser.ts";
import { PAGES } from "./page-list.ts";

const THEMES = ["dark", "light"] as const;
const WIDTHS = [375, 768, 1440];
/** Pixels that a browser still draws in one piece. */
const HIGHEST = 8000;

const [url = "http://127.0.0.1:3000", folder = "screenshots"] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });

const browser = await launchBrowser();
try {
  let count = 0;
  for (const theme of THEMES) {
    const context = await browser.newContext({ colorScheme: theme, timezoneId: "UTC" });
    // Nothing moves while a picture is taken.
    await context.addInitScript(() => localStorage.setItem("isimud-refresh", "0"));
    const page = await context.newPage();
    for (const [index, [name, path]] of PAGES.entries()) {
      await page.goto(url + path, { waitUntil: "networkidle" });
      for (const width of WIDTHS) {
        const least = width === 375 ? 812 : 900;
        await page.setViewportSize({ width, height: least });
        // As high as the page, or what is sticky would end in the middle of the picture.
        const height = await page.evaluate(() => document.documentElement.scrollHeight);
        await page.setViewportSize({ width, height: Math.min(Math.max(least, height), HIGHEST) });
        const number = String(index + 1).padStart(2, "0");
        const file = `${number}-${name.replaceAll(" ", "-")}-${theme}-${width}.png`;
        await page.screenshot({ path: join(folder, file), fullPage: true });
        count += 1;
      }
    }
    await context.close();
  }
  console.log(`${count} pictures are in ${resolve(folder)}`);
} finally {
  await browser.close();
}
