import { ScrollText } from "lucide-react";
import { type AuditQuery, paths } from "../paths.ts";
import { LinkButton } from "../ui/button.tsx";

/** Leads to what was done to the thing that a page shows. */
export function AuditLink({ query }: { query: AuditQuery }) {
  return (
    <LinkButton kind="ghost" size="small" href={paths.audit(query)}>
      <ScrollText aria-hidden />
      Audit
    </LinkButton>
  );
}
