/** What axe finds in what a visitor sees. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright";

/** Nothing but colours differs between the themes. */
const RULES = { light: null, dark: ["color-contrast"] };
/** What the library runs in the page, twice before each look, though running it takes a tenth of a look. */
const AXE = readFileSync(brought("axe-core/axe.min.js"), "utf8");
/** Instead of it, in a page that has axe. It must not be empty. */
const AXE_IS_THERE = ";";

/**
 * In both themes, for the page follows the system's while it is open; `part` is a selector. Say a part where the rest
 * was looked at before: axe takes a second for a page.
 */
export async function violations(page: Page, part = "html"): Promise<string[]> {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(AXE);
  const found: string[] = [];
  for (const theme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: theme });
    await page.locator(`html[data-theme=${theme}]`).waitFor();
    await settled(page);
    // The other mode opens a page for each run, for frames of other origins, which there are none of.
    // For what passes a rule it need not find selectors, which takes most of its time.
    const axe = new AxeBuilder({ page, axeSource: AXE_IS_THERE })
      .setLegacyMode(true)
      .include(part)
      .options({ resultTypes: ["violations"] });
    const rules = RULES[theme];
    for (const rule of (await (rules === null ? axe : axe.withRules(rules)).analyze()).violations) {
      found.push(...rule.nodes.map((node) => `${theme} ${rule.id}: ${node.html} (${node.failureSummary ?? ""})`));
    }
  }
  return found;
}

/** A file of a package that the library brings with it. */
function brought(file: string): string {
  return createRequire(createRequire(import.meta.url).resolve("@axe-core/playwright")).resolve(file);
}

/** Until what fades in has its colours. */
async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => document.getAnimations().every((animation) => animation.playState !== "running"));
}
