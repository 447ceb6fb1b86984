import { graphql } from "../../components/graphql.ts";
import { PROBLEM_GROUP, RUNBOOK_SECTION } from "../../components/problems/fragments.ts";

export const RUNBOOK_PAGE = graphql(
  `
  query RunbookPage {
    runbook {
      ...RunbookSection
    }
    problemSummary {
      ...ProblemGroup
    }
  }
`,
  [RUNBOOK_SECTION, PROBLEM_GROUP],
);
