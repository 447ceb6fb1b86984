/** That each mutation still fits the source, and that its test is there. `npm run test:mutations` applies them. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { MUTATIONS } from "./mutations.ts";

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), "utf8");

/** Tests of suites are named in the suite's file, wherever it runs. */
const tests = readdirSync(fileURLToPath(new URL("..", import.meta.url)), { recursive: true, encoding: "utf8" })
  .filter((path) => /\.(test|suite)\.ts$/.test(path))
  .map((path) => read(`test/${path}`))
  .join("\n");

/** A name may be put together from a parameter and a text, so a piece of it has to do. */
function pieces(name: string): string[] {
  const length = Math.min(20, name.length);
  return Array.from({ length: name.length - length + 1 }, (_, start) => name.slice(start, start + length));
}

test.each(MUTATIONS)("$guarantee", ({ file, from, test: { file: testFile, name } }) => {
  expect(read(file).split(from).length - 1, `times that this stands in ${file}: ${from}`).toBe(1);
  expect(read(testFile)).not.toBe("");
  expect(
    pieces(name).some((piece) => tests.includes(piece)),
    `a test of the name: ${name}`,
  ).toBe(true);
});
