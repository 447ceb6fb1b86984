import { Download } from "lucide-react";
import type { Metadata } from "next";
import { API_PATH } from "../../components/api.ts";
import { settingsHref } from "../../components/exports/export-href.ts";
import { textOf } from "../../components/graphql.ts";
import { SETTINGS_FILE } from "../../components/settings-file/documents.ts";
import { ImportSettings } from "../../components/settings-file/import-settings.tsx";
import { PageHeader, Panel } from "../../components/ui/page.tsx";
import { ShowGraphql } from "../../components/ui/show-graphql.tsx";

export const metadata: Metadata = { title: "Settings file" };

export default function SettingsPage() {
  return (
    <>
      <PageHeader
        title="Settings file"
        description="Pools, flavors, and queues with their settings, as one file. No messages, claims, subscriptions or keys."
        actions={
          <ShowGraphql
            ofPage
            request={{ name: "Settings file", document: textOf(SETTINGS_FILE), calls: [{}] }}
            endpoint={API_PATH}
          />
        }
      />
      <div className="flex flex-col gap-4">
        <Panel title="Export">
          <p className="mb-2 text-muted">
            The passwords of pools are masked. Each object is on a line of its own, so that versions compare well.
          </p>
          <a
            href={settingsHref()}
            download
            className="inline-flex h-7 items-center gap-1.5 rounded border border-line-strong px-2.5 font-medium hover:bg-raised max-sm:h-9"
          >
            <Download aria-hidden className="size-3.5" />
            Download the settings
          </a>
        </Panel>
        <ImportSettings />
        <p className="text-muted">
          An import creates what is missing, changes what differs and deletes nothing. You see first what it would do.
          Files with more than 5,000 objects: <code className="font-mono text-xs">npm run import -- FILE</code>.
        </p>
      </div>
    </>
  );
}
