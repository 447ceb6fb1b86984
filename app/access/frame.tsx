import type { ReactNode } from "react";
import { paths } from "../../components/paths.ts";
import { PageHeader } from "../../components/ui/page.tsx";
import { TabLinks } from "../../components/ui/tabs.tsx";

/** What both pages about access have above their content. */
export function AccessFrame({
  tab,
  actions,
  children,
}: {
  tab: "people" | "tokens";
  actions?: ReactNode;
  children: ReactNode;
}) {
  return (
    <>
      <PageHeader title="Access" description="Who may do what: people, and the tokens of programs." actions={actions} />
      <TabLinks
        label="Parts of access"
        tabs={[
          { label: "People", href: paths.access(), current: tab === "people" },
          { label: "Tokens", href: paths.access("tokens"), current: tab === "tokens" },
        ]}
      />
      <div className="flex flex-col gap-4">{children}</div>
    </>
  );
}
