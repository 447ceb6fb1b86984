import type { ResultOf } from "gql.tada";
import { graphql } from "../graphql.ts";

export const PROBLEM_ROW = graphql(`
  fragment ProblemRow on Problem {
    id
    kind
    severity
    since
    sinceFound
    text
    evidence
    advice
    snoozedUntil
    snoozedBy
    snoozeReason
    runbook
    fix
    project
    queueName
    poolName
    queue {
      name
      attributes {
        deadLetterQueue
      }
    }
    job {
      id
      kind
      project
      targetName
      inputText
    }
  }
`);
/** `queue`, `job`: null when it is gone, or the problem is not about one. */
export type ProblemRow = ResultOf<typeof PROBLEM_ROW>;

export const PROBLEM_GROUP = graphql(`
  fragment ProblemGroup on ProblemGroup {
    kind
    severity
    count
    exact
    since
    runbook
    names
  }
`);
export type ProblemGroup = ResultOf<typeof PROBLEM_GROUP>;

/** A group whose problems are told one by one when they are few. */
export const WORST_OF_GROUP = graphql(
  `
  fragment WorstOfGroup on ProblemGroup {
    ...ProblemGroup
    worst {
      ...ProblemRow
    }
  }
`,
  [PROBLEM_GROUP, PROBLEM_ROW],
);
export type WorstOfGroup = ResultOf<typeof WORST_OF_GROUP>;

export const RUNBOOK_SECTION = graphql(`
  fragment RunbookSection on RunbookSection {
    kind
    title
    anchor
    text
  }
`);
export type RunbookSection = ResultOf<typeof RUNBOOK_SECTION>;

export type ProblemKind = ProblemGroup["kind"];
export type Severity = ProblemGroup["severity"];
