import type { ResultOf } from "gql.tada";
import { graphql } from "../graphql.ts";

export const AUDIT_ROW = graphql(`
  fragment AuditRow on AuditEntry {
    id
    at
    actor
    action
    project
    target
    targetKind
    outcome
    reason
    detailsText
    requestId
    address
    job {
      id
    }
  }
`);
export type AuditRow = ResultOf<typeof AUDIT_ROW>;
