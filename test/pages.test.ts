/** Every GraphQL document that a page or a button sends, checked against the schema and against what one document may cost. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buildSchema, parse, validate } from "graphql";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const schema = buildSchema(readFileSync(join(ROOT, "schema.graphql"), "utf8"));

/** Template literals marked as GraphQL, with the plain texts of the same file that they insert. */
function documentsOf(file: string): string[] {
  const source = readFileSync(file, "utf8");
  const texts = new Map<string, string>();
  for (const [, name, text] of source.matchAll(/const (\w+) = `([^`$]*)`/g)) texts.set(name ?? "", text ?? "");
  return [...source.matchAll(/\/\* GraphQL \*\/ `([^`]*)`/g)].map(([, text]) =>
    (text ?? "").replace(/\$\{(\w+)\}/g, (_whole, name: string) => texts.get(name) ?? `UNKNOWN_${name}`),
  );
}

const files = ["app", "components"].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => join(folder, name)),
);
const documents = files.flatMap((file) => documentsOf(join(ROOT, file)).map((document) => ({ file, document })));

describe("the documents of pages and buttons", () => {
  it("are found: a search that finds none would prove nothing", () => {
    expect(documents.length).toBeGreaterThan(30);
  });

  it.each(documents)("$file asks only for what the schema has", ({ document }) => {
    expect(validate(schema, parse(document)).map((error) => error.message)).toEqual([]);
  });
});
