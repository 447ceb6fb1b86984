"use client";

import { Pencil, Trash2 } from "lucide-react";
import { Fragment, type ReactNode } from "react";
import { ConfirmedAction } from "../action.tsx";
import { paths } from "../paths.ts";
import { Badge } from "../ui/badge.tsx";
import { Button } from "../ui/button.tsx";
import { type ExactJson, indentExactJson, parseExactJson } from "../ui/exact-json.ts";
import { JsonViewer } from "../ui/json-viewer.tsx";
import { Opener } from "../ui/opener.tsx";
import { Panel } from "../ui/page.tsx";
import { column, DataTable } from "../ui/table.tsx";
import { ATTRIBUTES, type AttributeName, type QueueAttributes } from "./attributes.ts";
import { DELETE_QUEUE } from "./documents.ts";
import { EditAttribute } from "./edit-attribute.tsx";
import type { QueueFrameFacts, QueueSettingsFacts } from "./fragments.ts";
import { PurgeOlder } from "./purge-older.tsx";
import { PurgeQueue } from "./purge-queue.tsx";

interface AttributeRow {
  project: string;
  queue: string;
  name: AttributeName;
  stored: boolean;
  value: string | number | boolean | null;
}

const COLUMNS = [
  column<AttributeRow>("name", "Attribute", (row) => (
    <code className="block font-mono text-xs md:min-w-max">
      {/* Narrow screens break the name between its words. */}
      {row.name.split(/(?<=\w_)/).map((word) => (
        <Fragment key={word}>
          {word}
          <wbr />
        </Fragment>
      ))}
    </code>
  )),
  column<AttributeRow>("value", "Value", (row) => (
    <span className="flex items-center gap-2">
      {row.value === null ? (
        <span className="text-muted">none</span>
      ) : (
        <span
          className={
            ATTRIBUTES[row.name].kind === "json"
              ? "max-w-72 font-mono text-xs wrap-anywhere whitespace-normal"
              : undefined
          }
        >
          {ATTRIBUTES[row.name].show(row.value)}
        </span>
      )}
      {row.stored ? <Badge>Set</Badge> : <span className="text-muted">Default</span>}
    </span>
  )),
  column<AttributeRow>(
    "meaning",
    "Description",
    (row) => <span className="text-muted">{ATTRIBUTES[row.name].meaning}</span>,
    {
      grow: true,
      wide: true,
    },
  ),
  column<AttributeRow>(
    "actions",
    "",
    (row) => (
      <EditAttribute project={row.project} queue={row.queue} name={row.name} value={row.value} stored={row.stored} />
    ),
    { align: "right" },
  ),
];

const loadForm = () => import("./metadata-form.tsx");

/** The settings tab: reserved attributes, metadata and the danger zone. */
export function QueueSettings({
  project,
  name,
  stats,
  settings: { metadataText, storedAttributes, attributes },
}: {
  project: string;
  name: string;
  /** Null: unknown, because its pool does not answer. */
  stats: QueueFrameFacts["stats"];
  settings: QueueSettingsFacts;
}) {
  const parsed = parseExactJson(metadataText);
  // The metadata has the retry policy as it was written.
  const values: QueueAttributes = { ...attributes, retryPolicy: memberText(parsed, "_retry_policy") };
  const rows = (Object.keys(ATTRIBUTES) as AttributeName[]).map((attribute) => ({
    project,
    queue: name,
    name: attribute,
    stored: storedAttributes.includes(attribute),
    value: values[ATTRIBUTES[attribute].field],
  }));
  return (
    <div className="flex flex-col gap-4">
      <Panel title="Reserved attributes" flush>
        <DataTable label="Reserved attributes" columns={COLUMNS} rows={rows} rowKey={(row) => row.name} />
      </Panel>
      <Panel
        title="Metadata"
        actions={
          <Opener
            trigger={
              <Button size="small" needs="patchQueueMetadata" where={project}>
                <Pencil aria-hidden />
                Edit
              </Button>
            }
            load={loadForm}
            props={{ project, queue: name, text: parsed ? indentExactJson(parsed) : metadataText }}
          />
        }
      >
        <JsonViewer text={metadataText} label="Metadata" />
      </Panel>
      <Panel title="Danger zone">
        <div className="flex flex-col gap-4">
          <Step text="Purge old messages: those posted before a time, claimed and delayed ones too.">
            <PurgeOlder project={project} queue={name} />
          </Step>
          <Step text="Purge the queue: all messages are deleted at once, claimed and delayed ones too. Settings and subscriptions stay.">
            <PurgeQueue project={project} queue={name} stats={stats} />
          </Step>
          <Step text="Delete the queue with its messages and claims. Its subscriptions stay.">
            <ConfirmedAction
              document={DELETE_QUEUE}
              variables={{ input: { project, queue: name } }}
              done={`Queue ${name} is deleted.`}
              goTo={paths.queues(project)}
              trigger={
                <Button kind="danger">
                  <Trash2 aria-hidden />
                  Delete queue
                </Button>
              }
              title={`Delete queue ${name}?`}
              consequence="Its messages, claims and settings are deleted at once."
              confirmLabel="Delete queue"
              typeName={name}
            />
          </Step>
        </div>
      </Panel>
    </div>
  );
}

/** Of a key that occurs twice, the last one counts. */
function memberText(json: ExactJson | null, key: string): string | null {
  const entry = json?.kind === "object" ? json.entries.findLast((one) => one.key === key) : undefined;
  return entry === undefined ? null : indentExactJson(entry.value);
}

function Step({ text, children }: { text: string; children: ReactNode }) {
  return (
    <div className="flex flex-wrap items-center justify-between gap-3">
      <p className="max-w-prose">{text}</p>
      {children}
    </div>
  );
}
