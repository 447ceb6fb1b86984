/** Every GraphQL document that a page or a button sends, checked against the schema and against what one document may cost. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readConfig } from "../../server/config.ts";
import { createDocuments } from "../../server/graphql/http/documents.ts";

const ROOT = join(import.meta.dirname, "../..");
const { prepare } = createDocuments(readConfig({}));

/** Template literals marked as GraphQL, with the plain texts that they insert: of the same file, or a file's of documents. */
function documentsOf(file: string): string[] {
  const source = readFileSync(join(ROOT, file), "utf8");
  const texts = new Map([...SHARED, ...textsOf(source)]);
  return [...source.matchAll(/\/\* GraphQL \*\/ `([^`]*)`/g)].map(([, text]) =>
    (text ?? "").replace(/\$\{(\w+)\}/g, (_whole, name: string) => texts.get(name) ?? `UNKNOWN_${name}`),
  );
}

const files = ["app", "components"].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => join(folder, name)),
);
const SHARED = files
  .filter((name) => name.endsWith("documents.ts"))
  .flatMap((name) => textsOf(readFileSync(join(ROOT, name), "utf8")));

function textsOf(source: string): [string, string][] {
  return [...source.matchAll(/const (\w+) = `([^`$]*)`/g)].map(([, name, text]) => [name ?? "", text ?? ""]);
}

const documents = files.flatMap((file) => documentsOf(file).map((document) => ({ file, document })));

describe("the documents of pages and buttons", () => {
  it("are found: a search that finds none would prove nothing", () => {
    expect(documents.length).toBeGreaterThan(30);
  });

  it.each(documents)("$file asks only for what the schema has, and no more than one document may", ({ document }) => {
    expect(prepare({ query: document }).errors?.map((error) => error.message) ?? []).toEqual([]);
  });
});
