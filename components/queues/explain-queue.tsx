import { SEVERITIES } from "../problems/looks.ts";
import { ProblemFix } from "../problems/problem-fix.tsx";
import { RunbookLink } from "../problems/runbook-link.tsx";
import { Glyph, type Ink, type Shape } from "../ui/glyph.tsx";
import { Moment } from "../ui/time.tsx";
import type { ExplanationFacts } from "./fragments.ts";

type Reason = ExplanationFacts["reasons"][number];

/** Where nothing is wrong. */
const MARKS: Partial<Record<Reason["kind"], [Shape, Ink]>> = {
  ALL_CLAIMED: ["half disc", "claimed"],
  DELAYED: ["clock", "delayed"],
  EMPTY: ["check", "ok"],
};
/** A notice above every tab says who paused it, and resumes it. */
const ELSEWHERE: ReadonlySet<Reason["kind"]> = new Set(["PAUSED"]);

/** What helps is on the page of the pool. */
const OF_POOLS: ReadonlySet<NonNullable<Reason["fix"]>> = new Set(["TEST_POOL", "UPDATE_POOL_URI", "DRAIN_POOL"]);

/** Why the messages of a queue wait, in words, each with what helps; and what was ruled out. */
export function ExplainQueue({
  project,
  name,
  pool,
  explanation,
  first: isFirst,
}: {
  project: string;
  name: string;
  /** Null: the catalogue has no entry. */
  pool: string | null;
  explanation: ExplanationFacts;
  /** Its first fix is the first thing to do on the page. */
  first: boolean;
}) {
  const reasons = explanation.reasons.filter(({ kind }) => !ELSEWHERE.has(kind));
  const first = reasons.find(({ fix }) => fix !== null);
  return (
    <section aria-label="Why messages wait" className="min-w-0 rounded border border-line bg-surface px-3">
      <ul className="divide-y divide-line">
        {reasons.map((reason) => (
          <li
            key={`${reason.kind} ${reason.text}`}
            className="flex min-h-9 flex-wrap items-center gap-x-2 gap-y-1 py-1"
          >
            <span className="flex min-w-0 flex-1 basis-56 gap-2 wrap-anywhere">
              <span>
                <Mark reason={reason} />
              </span>
              <span className="min-w-0">
                {reason.severity === null ? null : (
                  <span className="sr-only">{SEVERITIES[reason.severity].word}: </span>
                )}
                {reason.text}
                {reason.since === null ? null : (
                  <span className="text-xs text-muted">
                    {" "}
                    since <Moment at={reason.since} />
                  </span>
                )}{" "}
                {reason.runbook === null ? null : <RunbookLink path={reason.runbook} />}
              </span>
            </span>
            {reason.fix === null ? null : (
              <ProblemFix
                primary={isFirst && reason === first}
                fixable={{
                  fix: reason.fix,
                  project,
                  queueName: OF_POOLS.has(reason.fix) ? null : name,
                  poolName: reason.problem?.poolName ?? pool,
                  job: reason.problem?.job ?? null,
                  deadLetterQueue: reason.deadLetterQueueName,
                }}
              />
            )}
          </li>
        ))}
        {explanation.ruledOut.length === 0 ? null : (
          <li className="flex gap-2 py-1.5 text-xs text-muted">
            <span>
              <Glyph shape="check" />
            </span>
            <span className="min-w-0 wrap-anywhere">
              <span className="font-medium">Ruled out:</span> {explanation.ruledOut.join(" ")}
            </span>
          </li>
        )}
      </ul>
    </section>
  );
}

function Mark({ reason: { kind, severity, problem } }: { reason: Reason }) {
  // It is snoozed.
  if (severity === null && problem !== null) return <Glyph shape="bars" />;
  if (severity !== null) return <Glyph shape={SEVERITIES[severity].shape} ink={SEVERITIES[severity].ink} />;
  const [shape, ink] = MARKS[kind] ?? ["play", "neutral"];
  return <Glyph shape={shape} ink={ink} />;
}
