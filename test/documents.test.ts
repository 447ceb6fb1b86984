/** The Markdown documents: the paths and links in them lead somewhere, and their lines fit a page. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const top = fileURLToPath(new URL("..", import.meta.url));
const documents = [
  ...readdirSync(top).filter((name) => name.endsWith(".md")),
  ...readdirSync(join(top, "docs")).flatMap((name) => (name.endsWith(".md") ? [`docs/${name}`] : [])),
];
const MAX_COLUMNS = 120;

/** A path from the top of the project in backticks: it begins with one of its folders, or is a file at the top. */
const PATH =
  /`((?:app|clients|components|deploy|docs|prisma|server|test|\.ci|\.github)\/[^`\s]*|[\w.-]+\.(?:json|md|mjs|graphql))`/g;
const LINK = /\]\(([^)\s]+)\)/g;

const textOf = (path: string) => readFileSync(join(top, path), "utf8");
const found = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, match = ""]) => match);

/** The anchors of a document's headings, as GitHub makes them. */
const anchors = (text: string) =>
  found(text, /^#+ (.+)$/gm).map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replace(/\s/g, "-"),
  );

function leadsSomewhere(document: string, link: string): boolean {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? document : join(dirname(document), path);
  if (!existsSync(join(top, target))) return false;
  return anchor === undefined || anchors(textOf(target)).includes(anchor);
}

describe.each(documents)("%s", (document) => {
  const text = textOf(document);

  it("names paths that exist", () => {
    expect(found(text, PATH).filter((path) => !existsSync(join(top, path)))).toEqual([]);
  });

  it("has links that lead somewhere", () => {
    const links = found(text, LINK).filter((link) => !/^https?:/.test(link));
    expect(links.filter((link) => !leadsSomewhere(document, link))).toEqual([]);
  });

  it("has lines that fit a page", () => {
    expect(text.split("\n").filter((line) => [...line].length > MAX_COLUMNS)).toEqual([]);
  });
});
