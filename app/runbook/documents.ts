import { graphql } from "../../components/graphql.ts";
import { RUNBOOK_SECTION } from "../../components/problems/fragments.ts";

export const RUNBOOK_PAGE = graphql(
  `
  query RunbookPage {
    runbook {
      ...RunbookSection
    }
  }
`,
  [RUNBOOK_SECTION],
);
