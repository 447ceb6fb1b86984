/**
 * Every GraphQL document that a page or a button sends, checked against the schema and against what one document may
 * cost. The compiler checks what pages read of an answer; this finds what nobody reads and the schema does not have.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { graphql, textOf } from "../../components/graphql.ts";
import { NEEDS } from "../../server/access/needs.ts";
import { readConfig } from "../../server/config.ts";
import { createDocuments } from "../../server/graphql/http/documents.ts";
import { PAGE_FILES, textsOf } from "../support/page-documents.ts";

const ROOT = join(import.meta.dirname, "../..");
const { prepare } = createDocuments(readConfig({}));

const documents = await textsOf("documents.ts");
const fragments = await textsOf("fragments.ts");

describe("the documents of pages and buttons", () => {
  it("are found: a search that finds none would prove nothing", () => {
    expect(documents.length).toBeGreaterThan(35);
    expect(fragments.length).toBeGreaterThan(15);
  });

  it.each(documents)("$file: $name asks only for what the schema has, within the limits", ({ text }) => {
    expect(prepare({ query: text }).errors?.map((error) => error.message) ?? []).toEqual([]);
  });

  it.each(fragments)("$file: some document spreads $name", ({ text }) => {
    const [definition = ""] = text.split("\n\n");
    expect(documents.filter((document) => document.text.includes(definition)).map(({ name }) => name)).not.toEqual([]);
  });

  it("stand in no other files", () => {
    const elsewhere = PAGE_FILES.filter(
      (file) => /\.tsx?$/.test(file) && /\bgraphql\(\s*[`"']/.test(readFileSync(join(ROOT, file), "utf8")),
    );
    expect(elsewhere.filter((file) => !/\/(documents|fragments)\.ts$/.test(file))).toEqual([]);
  });
});

describe("what a button needs", () => {
  const needed = PAGE_FILES.filter((file) => file.endsWith(".tsx")).flatMap((file) =>
    [...readFileSync(join(ROOT, file), "utf8").matchAll(/\bneeds(?:=|: )"(\w+)"/g)].map(([, name = ""]) => name),
  );

  it.each([...new Set(needed)])("%s is a mutation: of another name nothing would be refused", (name) => {
    expect(Object.keys(NEEDS)).toContain(name);
  });
});

describe("a document's text", () => {
  const leaf = graphql("fragment Leaf on Count { value }");
  const left = graphql("fragment Left on Pool { queueCount { ...Leaf } }", [leaf]);
  const right = graphql("fragment Right on Pool { queueCount { ...Leaf } }", [leaf]);

  it("has every fragment once, however often it is spread", () => {
    const text = textOf(graphql(`query Both { pool(pool: "a") { ...Left ...Right } }`, [left, right]));
    expect(text.match(/(query|fragment) \w+/g)).toEqual([
      "query Both",
      "fragment Left",
      "fragment Leaf",
      "fragment Right",
    ]);
    expect(prepare({ query: text }).errors).toBeUndefined();
  });

  it("is refused for a fragment that is a client component's: there is no text", () => {
    const reference = (() => undefined) as unknown as typeof leaf;
    expect(() => graphql('query One { pool(pool: "a") { name } }', [reference])).toThrow(/use client/);
  });
});
