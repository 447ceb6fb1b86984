import { readFileSync } from "node:fs";
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { RunbookSections } from "../../components/problems/runbook.tsx";
import { REASON_KINDS } from "../../server/problems/explain.ts";
import { PROBLEM_KINDS } from "../../server/problems/problem.ts";
import { anchorOf, readRunbook, runbook, runbookPathOf } from "../../server/problems/runbook.ts";

test("every kind of problem has a section that says when it is found, when it ends, and what to do", () => {
  expect(
    runbook()
      .map(({ kind }) => kind)
      .toSorted(),
  ).toEqual(PROBLEM_KINDS.toSorted());
  for (const { title, text } of runbook()) {
    expect(text, title).toMatch(/^\S[^#]*\b(ends?|recovers)\b[^#]*\n\n1\. \S/);
  }
});

test("its anchors are those of the document, to which the alerts lead", () => {
  const document = readFileSync(new URL("../../docs/operating.md", import.meta.url), "utf8");
  const headings = [...document.matchAll(/^### (.+)$/gm)].map(([, title = ""]) => title);
  expect(headings).toEqual(expect.arrayContaining(runbook().map(({ title }) => title)));
  for (const { kind, title } of runbook()) expect(anchorOf(kind)).toBe(title.toLowerCase().replaceAll(" ", "-"));
});

test("a kind without a section is an error, which names it", () => {
  expect(() => readRunbook("# A\n\n## Problems\n\n### Stuck\n\nIt is.\n\n## B\n\n### Disk\n")).toThrow(
    /exhausted.*disk/,
  );
});

test("what explains waiting messages leads to a section when something is wrong", () => {
  const told = Object.fromEntries(REASON_KINDS.map((kind) => [kind, runbookPathOf(kind)]));
  expect(told).toEqual({
    paused: null,
    poolUnreachable: "/runbook#pool-unhealthy",
    writesRefused: "/runbook#pool-full",
    moving: null,
    exhausted: "/runbook#exhausted",
    allClaimed: null,
    delayed: null,
    noConsumer: "/runbook#stuck",
    waitingTurn: null,
    empty: null,
    unknown: null,
  });
});

const markup = (sections: { kind: "STUCK"; title: string; anchor: string; text: string }[]) =>
  renderToStaticMarkup(createElement(RunbookSections, { sections, groups: [] }));

test("the page has all of it as elements, and nothing as Markdown", () => {
  const html = markup(
    runbook().map(({ kind, title, text }) => ({ kind: "STUCK" as const, title, text, anchor: anchorOf(kind) })),
  );
  expect(html).toContain('<div id="dead-letters-arriving"');
  expect(html.match(/<ol/g)).toHaveLength(PROBLEM_KINDS.length);
  expect(html).toMatch(/<code[^>]*>STUCK_SECONDS<\/code>/);
  expect(html).not.toMatch(/`|\*\*|\]\(|^\d\. /m);
});

test("HTML in the text stays text", () => {
  const text = "A <b onclick=alert(1)>word</b> and `<i>`.\n\n<script>alert(1)</script>\n\n[a](javascript:alert(1))";
  const html = markup([{ kind: "STUCK", title: "<u>", anchor: "stuck", text }]);
  expect(html).not.toMatch(/<(b|i|u|script|a)[ >]/);
  expect(html).toContain("&lt;script&gt;");
});
