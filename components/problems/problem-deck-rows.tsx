import type { ReactNode } from "react";
import { LinkButton } from "../ui/button.tsx";
import { DeckRow } from "../ui/deck/deck-row.tsx";
import { Span } from "../ui/deck/span.tsx";
import type { TimeRange } from "../ui/deck/time-range.ts";
import { Glyph } from "../ui/glyph.tsx";
import { Link } from "../ui/link.tsx";
import { Moment } from "../ui/time.tsx";
import type { ProblemGroup, ProblemRow, WorstOfGroup } from "./fragments.ts";
import { countText, KINDS, namesText, problemPath, problemsPath, SEVERITIES } from "./looks.ts";
import { ProblemFix } from "./problem-fix.tsx";
import { RunbookLink } from "./runbook-link.tsx";
import { Silence } from "./silence.tsx";
import { SnoozeProblem } from "./snooze-problem.tsx";

/** What a deck shows of all problems: the worst first, and more of one kind than the API names as one. */
export function problemLines(groups: readonly WorstOfGroup[]): ({ group: ProblemGroup } | { problem: ProblemRow })[] {
  const lines = groups.flatMap((group): ({ group: ProblemGroup } | { problem: ProblemRow })[] =>
    group.worst.length < group.count ? [{ group }] : group.worst.map((problem) => ({ problem })),
  );
  const of = (line: (typeof lines)[number]) => ("group" in line ? line.group : line.problem);
  const badness = (line: (typeof lines)[number]) => (of(line).severity === "CRITICAL" ? 0 : 1);
  return lines.toSorted((a, b) => badness(a) - badness(b) || Date.parse(of(a).since) - Date.parse(of(b).since));
}

/** Each problem since when, and the button that fixes it. */
export function ProblemDeckRows({ lines, range }: { lines: ReturnType<typeof problemLines>; range: TimeRange }) {
  return lines.map((line) =>
    "group" in line ? (
      <GroupRow key={line.group.kind} group={line.group} range={range} />
    ) : (
      <ProblemDeckRow key={line.problem.id} problem={line.problem} range={range} />
    ),
  );
}

function ProblemDeckRow({ problem, range }: { problem: ProblemRow; range: TimeRange }) {
  return (
    <DeckRow
      height="h-10"
      stacked
      left={
        <Sentence of={problem} evidence={problem.evidence}>
          <Link href={problemPath(problem)} className="hover:underline">
            {problem.text}
          </Link>
        </Sentence>
      }
      right={
        <>
          <ProblemFix fixable={{ ...problem, deadLetterQueue: problem.queue?.attributes.deadLetterQueue ?? null }} />
          <SnoozeProblem problem={problem} />
        </>
      }
    >
      <Span range={range} since={problem.since} tone={SEVERITIES[problem.severity].tone} />
    </DeckRow>
  );
}

function GroupRow({ group, range }: { group: ProblemGroup; range: TimeRange }) {
  const { about, many } = KINDS[group.kind];
  const count = countText(group);
  const href = problemsPath(group.kind);
  return (
    <DeckRow
      height="h-10"
      stacked
      left={
        <Sentence of={group} evidence={namesText(group)}>
          <Link href={href} className="hover:underline">
            {many(count)}
          </Link>
        </Sentence>
      }
      right={
        <LinkButton size="small" href={href}>
          List {count} {about}
        </LinkButton>
      }
    >
      <Span range={range} since={group.since} tone={SEVERITIES[group.severity].tone} />
    </DeckRow>
  );
}

function Sentence({
  of: { severity, runbook },
  evidence,
  children,
}: {
  of: Pick<ProblemRow, "severity" | "runbook">;
  evidence: string;
  children: ReactNode;
}) {
  const { shape, ink, word } = SEVERITIES[severity];
  return (
    <span className="flex min-w-0 flex-1 gap-2 py-1">
      <span>
        <Glyph shape={shape} ink={ink} />
        <span className="sr-only">{word}: </span>
      </span>
      <span className="min-w-0 flex-1">
        <span className="block wrap-anywhere">{children}</span>
        <span className="block text-xs text-muted wrap-anywhere">
          {evidence} <RunbookLink path={runbook} />
        </span>
      </span>
    </span>
  );
}

/** Problems without their time: on the page of what they are about. */
export function ProblemItems({ problems }: { problems: readonly ProblemRow[] }) {
  return (
    <ul className="divide-y divide-line">
      {problems.map((problem) => (
        <li key={problem.id} className="flex flex-wrap items-center gap-2 px-3 py-1">
          <Sentence of={problem} evidence={problem.evidence}>
            {problem.text}
            <Silence problem={problem} />
          </Sentence>
          <span className="text-xs text-muted">
            {problem.sinceFound ? "first seen" : "since"} <Moment at={problem.since} />
          </span>
          <SnoozeProblem problem={problem} />
        </li>
      ))}
    </ul>
  );
}
