import { AUDIT_ROW } from "../../components/audit/fragments.ts";
import { PAGE_INFO } from "../../components/fragments.ts";
import { graphql } from "../../components/graphql.ts";

export const AUDIT_PAGE = graphql(
  `
  query AuditPage(
    $project: String
    $actor: String
    $action: String
    $target: String
    $outcome: AuditOutcome
    $requestId: String
    $from: DateTime
    $to: DateTime
    $first: Int
    $after: String
    $last: Int
    $before: String
  ) {
    auditEntries(
      project: $project
      actor: $actor
      action: $action
      target: $target
      outcome: $outcome
      requestId: $requestId
      from: $from
      to: $to
      first: $first
      after: $after
      last: $last
      before: $before
    ) {
      nodes {
        ...AuditRow
      }
      pageInfo {
        ...PageInfo
      }
    }
  }
`,
  [AUDIT_ROW, PAGE_INFO],
);
