/** The warnings of health: problems in words, those found by this check and those that are known. */
import {
  type FoundProblem,
  PROBLEM_KINDS,
  type Problem,
  type ProblemKind,
  type ProblemSubject,
} from "../../problems/problem.ts";
import { describeProblem } from "../../problems/text.ts";
import type { ControlHealth } from "./record.ts";

/** What a check of health finds itself. Others are read as they were found last. */
const CHECKED: readonly ProblemKind[] = [
  "poolUnhealthy",
  "poolFull",
  "poolEmptyAgain",
  "exhausted",
  "deadLetterQueueMissing",
];
export const KNOWN_KINDS = PROBLEM_KINDS.filter((kind) => !CHECKED.includes(kind));
/** Known problems that health tells, the worst ones. */
export const MAX_KNOWN = 20;

export function controlWarnings({ reachable }: ControlHealth): string[] {
  return reachable ? [] : ["The control database cannot be reached. Check that it runs and DATABASE_URL is right."];
}

type Silent = ProblemSubject & { kind: ProblemKind };
const keyOf = ({ kind, project, queue, pool, job }: Silent) => JSON.stringify([kind, project, queue, pool, job]);

/** `silent`: what is snoozed. `known`: at most one more than MAX_KNOWN. */
export function problemWarnings(
  found: readonly FoundProblem[],
  known: readonly Problem[],
  silent: readonly Silent[],
  now: Date,
): string[] {
  const snoozed = new Set(silent.map(keyOf));
  // Garbage that could not be collected was found already.
  const also = known.filter((problem) => problem.kind !== "gcBehind" || problem.numbers.error === null);
  const lines = [...found.filter((problem) => !snoozed.has(keyOf(problem))), ...also.slice(0, MAX_KNOWN)].map(
    (problem) => {
      const { text, advice } = describeProblem(problem, now);
      return `${text} ${advice}`;
    },
  );
  return known.length > MAX_KNOWN ? [...lines, `There are more than ${MAX_KNOWN} other problems.`] : lines;
}
