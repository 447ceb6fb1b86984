import { AUDIT_ROW } from "../../components/audit/fragments.ts";
import { PAGE_INFO } from "../../components/fragments.ts";
import { graphql } from "../../components/graphql.ts";

export const AUDIT_PAGE = graphql(
  `
  query AuditPage($actor: String, $target: String, $first: Int, $after: String, $last: Int, $before: String) {
    auditEntries(actor: $actor, target: $target, first: $first, after: $after, last: $last, before: $before) {
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
