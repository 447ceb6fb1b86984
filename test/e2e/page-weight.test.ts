/** How much script a page loads before anything can be used, from the manifests of the build: no browser is needed. */
import { beforeAll, expect, test } from "vitest";
import { buildPages } from "../../server/cli/build.ts";
import { scriptBytesOfPages } from "../support/page-scripts.ts";
import { START_DEADLINE_MS } from "../support/process.ts";

/** Bytes of compressed script. */
const BUDGET = 170_000;
/** Its editor is as heavy as all else together. */
const WITHOUT_BUDGET = ["/graphql/page"];

beforeAll(() => buildPages({ basePath: "", report: () => {} }), START_DEADLINE_MS);

test("every page but the explorer loads at most 170 kB of compressed script at first", () => {
  const pages = [...scriptBytesOfPages()].map(([name, bytes]) => ({ name, bytes }));
  expect(pages.length).toBeGreaterThan(15);
  // Less than any page can have: the search for scripts has failed then.
  expect(pages.filter(({ bytes }) => bytes < 100_000)).toEqual([]);
  expect(pages.filter(({ name, bytes }) => bytes > BUDGET && !WITHOUT_BUDGET.includes(name))).toEqual([]);
});
