/** How much script a page loads before anything can be used, from the manifests of the build: no browser is needed. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, expect, test } from "vitest";
import { buildPages } from "../../server/cli/build.ts";
import { START_DEADLINE_MS } from "../support/process.ts";

const BUILT = join(import.meta.dirname, "../../.next");
/** Bytes of compressed script. */
const BUDGET = 170_000;
/** Its editor is as heavy as all else together. */
const WITHOUT_BUDGET = ["/graphql/page"];

beforeAll(() => buildPages({ basePath: "", report: () => {} }), START_DEADLINE_MS);

interface Manifest {
  clientModules: Record<string, { chunks: string[] }>;
}

/** The scripts of each page: those of every page, and those of the client components that it may render at once. */
function scriptsOfPages(): Map<string, Set<string>> {
  const { rootMainFiles } = JSON.parse(readFileSync(join(BUILT, "build-manifest.json"), "utf8"));
  const folder = join(BUILT, "server/app");
  const pages = new Map<string, Set<string>>();
  for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith("client-reference-manifest.js")) continue;
    const [, name = "", json = ""] =
      /__RSC_MANIFEST\["([^"]+)"\] = (.*?);?\s*$/s.exec(readFileSync(join(folder, file), "utf8")) ?? [];
    const { clientModules }: Manifest = JSON.parse(json);
    const chunks = Object.values(clientModules).flatMap((module) => module.chunks);
    pages.set(name, new Set([...rootMainFiles, ...chunks.map((chunk) => chunk.replace(/^\/_next\//, ""))]));
  }
  return pages;
}

test("every page but the explorer loads at most 170 kB of compressed script at first", () => {
  const sizes = new Map<string, number>();
  const sizeOf = (script: string) => {
    const known = sizes.get(script) ?? gzipSync(readFileSync(join(BUILT, script))).length;
    sizes.set(script, known);
    return known;
  };
  const pages = [...scriptsOfPages()].map(([name, scripts]) => ({
    name,
    bytes: [...scripts].reduce((sum, script) => sum + sizeOf(script), 0),
  }));
  expect(pages.length).toBeGreaterThan(15);
  // Less than any page can have: the search for scripts has failed then.
  expect(pages.filter(({ bytes }) => bytes < 100_000)).toEqual([]);
  expect(pages.filter(({ name, bytes }) => bytes > BUDGET && !WITHOUT_BUDGET.includes(name))).toEqual([]);
});
