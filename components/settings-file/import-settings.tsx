"use client";

import { useId, useState } from "react";
import { ApiError, callFields } from "../api.ts";
import { Failed } from "../failed.tsx";
import { ShowRequest } from "../show-request.tsx";
import { Button } from "../ui/button.tsx";
import { formatCount } from "../ui/format.ts";
import { Panel } from "../ui/page.tsx";
import { ReasonField } from "../ui/reason-field.tsx";
import { toastDone } from "../ui/toast.ts";
import { ChangeTable } from "./change-table.tsx";
import { IMPORT_SETTINGS, type SettingsImported } from "./documents.ts";

interface Chosen {
  name: string;
  text: string;
}

/** Chooses a file, shows what it would change, and imports it. */
export function ImportSettings() {
  const [file, setFile] = useState<Chosen | null>(null);
  const [reason, setReason] = useState("");
  const [found, setFound] = useState<{ dryRun: boolean; imported: SettingsImported } | null>(null);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [pending, setPending] = useState(false);
  const fileId = useId();

  const variables = (chosen: Chosen, dryRun: boolean) => ({
    input: { file: { text: chosen.text }, dryRun, ...(reason.trim() === "" ? {} : { reason: reason.trim() }) },
  });

  const send = async (chosen: Chosen, dryRun: boolean) => {
    setPending(true);
    setFailure(null);
    try {
      const { importSettings: imported } = await callFields(IMPORT_SETTINGS, variables(chosen, dryRun));
      setFound({ dryRun, imported });
      if (!dryRun) toastDone(summaryOf(imported, false));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setFound(null);
      setFailure(error);
    } finally {
      setPending(false);
    }
  };

  const choose = async (chosen: File | undefined) => {
    setFound(null);
    setFailure(null);
    if (chosen === undefined) return setFile(null);
    const read = { name: chosen.name, text: await chosen.text() };
    setFile(read);
    await send(read, true);
  };

  const planned = found?.dryRun === true ? found.imported.changes.filter(({ error }) => error === null) : [];
  return (
    <Panel title="Import" flush>
      <div className="flex flex-wrap items-end gap-3 p-3">
        <div className="flex flex-col gap-1">
          <label htmlFor={fileId}>Settings file</label>
          <input
            id={fileId}
            type="file"
            accept=".json,application/json"
            onChange={(event) => void choose(event.target.files?.[0])}
            className="h-9 rounded border border-line-strong bg-sunken px-2 py-1"
          />
        </div>
        <div className="min-w-60 flex-1">
          <ReasonField value={reason} onChange={setReason} />
        </div>
        <Button
          kind="primary"
          needs="importSettings"
          pending={pending}
          disabledReason={planned.length === 0 ? "Choose a file that changes something." : null}
          onClick={() => file && void send(file, false)}
        >
          {planned.length === 0 ? "Import" : `Import ${counted(planned.length)}`}
        </Button>
        {file === null ? null : <ShowRequest document={IMPORT_SETTINGS} variables={variables(file, false)} />}
      </div>
      <div aria-live="polite">
        {failure === null ? null : <Failed error={failure} />}
        {found === null ? null : (
          <>
            <p className="px-3 pb-2 text-muted">{summaryOf(found.imported, found.dryRun)}</p>
            <ChangeTable rows={found.imported.changes} />
          </>
        )}
      </div>
    </Panel>
  );
}

const counted = (count: number) => (count === 1 ? "1 change" : `${formatCount(count)} changes`);

function summaryOf({ changes, unchanged }: SettingsImported, dryRun: boolean): string {
  const failed = changes.filter(({ error }) => error !== null).length;
  const made = changes.length - failed;
  const same = unchanged === 1 ? "1 object is" : `${formatCount(unchanged)} objects are`;
  const parts = [
    dryRun ? `The import would make ${counted(made)}` : `Made ${counted(made)}`,
    ...(failed === 0 ? [] : [`${formatCount(failed)} ${dryRun ? "would fail" : "failed"}`]),
    `${same} as the file says`,
  ];
  return `${parts.join("; ")}.`;
}
