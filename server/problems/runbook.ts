/**
 * The runbook: what operators do about each kind of problem. It is a part of docs/operating.md, so the document and the
 * product say the same.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../process/checkout.ts";
import type { ReasonKind } from "./explain.ts";
import { PROBLEM_KINDS, type ProblemKind } from "./problem.ts";

const DOCUMENT = join(ROOT, "docs/operating.md");

export interface RunbookSection {
  kind: ProblemKind;
  title: string;
  /** Markdown, without the title. */
  text: string;
}

let sections: readonly RunbookSection[] | undefined;

/** One section for each kind, in the order of the document, which is read once. */
export function runbook(): readonly RunbookSection[] {
  sections ??= readRunbook(readFileSync(DOCUMENT, "utf8"));
  return sections;
}

/** Throws when a kind has no section. */
export function readRunbook(document: string): RunbookSection[] {
  const [, problems = ""] = document.split(/^## Problems$/m);
  const [ofProblems = ""] = problems.split(/^## /m);
  const [, ...texts] = ofProblems.split(/^### /m);
  const read = texts.map((section): RunbookSection => {
    const [title = "", ...lines] = section.split("\n");
    const kind = title.toLowerCase().replace(/ (.)/g, (_, letter: string) => letter.toUpperCase());
    return { kind: kind as ProblemKind, title, text: lines.join("\n").trim() };
  });
  const missing = PROBLEM_KINDS.filter((kind) => !read.some((section) => section.kind === kind));
  if (missing.length > 0) throw new Error(`docs/operating.md has no section about ${missing.join(", ")}.`);
  return read;
}

/** The anchor of a section on the page, as in the document. */
export const anchorOf = (kind: ProblemKind) => kind.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Where the pages show the section: below the address of the service. */
export const runbookPath = (kind: ProblemKind) => `/runbook#${anchorOf(kind)}`;

/** What explains waiting messages and is told as a problem too, a moment later. */
const ALSO: Partial<Record<ReasonKind, ProblemKind>> = {
  poolUnreachable: "poolUnhealthy",
  writesRefused: "poolFull",
  noConsumer: "stuck",
};

/** Null: nothing is wrong. */
export function runbookPathOf(kind: ReasonKind): string | null {
  const about = ALSO[kind] ?? PROBLEM_KINDS.find((known) => known === kind);
  return about === undefined ? null : runbookPath(about);
}
