"use client";

import { Fragment, type ReactNode } from "react";
import { paths } from "../paths.ts";
import { ProjectPrefix } from "../projects/project-name.tsx";
import { Badge } from "../ui/badge.tsx";
import { Link } from "../ui/link.tsx";
import { NameLink } from "../ui/name-link.tsx";
import { column, DataTable, type PagerLinks } from "../ui/table.tsx";
import { Ago } from "../ui/time.tsx";
import { visible } from "../ui/visible.tsx";
import type { AuditRow } from "./fragments.ts";
import { OUTCOMES } from "./outcomes.ts";

/** The page of what an entry is about; null: it has none. */
function targetHref({ targetKind, project, target }: AuditRow): string | null {
  if (targetKind === "QUEUE" && project !== null) return paths.queue(project, target);
  if (targetKind === "POOL") return paths.pool(target);
  if (targetKind === "FLAVOR" && project !== null) return paths.flavors({ project });
  return targetKind === "STORE" ? paths.keys({ store: target }) : null;
}

function Target({ row }: { row: AuditRow }) {
  const href = targetHref(row);
  return (
    <>
      <ProjectPrefix project={row.project} />
      {href === null ? (
        <span className="font-mono text-xs">{visible(row.target)}</span>
      ) : (
        <NameLink href={href}>{visible(row.target)}</NameLink>
      )}
      {row.job === null ? null : (
        <>
          {" "}
          <Link href={paths.job(row.job.id)} className="text-xs text-accent underline-offset-2 hover:underline">
            job
          </Link>
        </>
      )}
    </>
  );
}

const COLUMNS = [
  column<AuditRow>("at", "Time", (row) => <Ago at={row.at} />),
  column<AuditRow>("actor", "Actor", (row) => row.actor, { wide: "below" }),
  column<AuditRow>("action", "Action", (row) => (
    <span className="block font-mono text-xs md:min-w-max">
      {/* Narrow screens break the name between its words. */}
      {row.action.split(/(?=[A-Z])/).map((word) => (
        <Fragment key={word}>
          {word}
          <wbr />
        </Fragment>
      ))}
    </span>
  )),
  column<AuditRow>("target", "Target", (row) => <Target row={row} />, { grow: true }),
  column<AuditRow>(
    "outcome",
    "Outcome",
    (row) => (
      <span data-nothing={row.outcome === "DONE" || undefined}>
        <Badge tone={OUTCOMES[row.outcome].tone}>{OUTCOMES[row.outcome].label}</Badge>
      </span>
    ),
    { wide: "below" },
  ),
  column<AuditRow>(
    "reason",
    "Reason",
    (row) =>
      row.reason === null ? null : (
        <span className="block max-w-60 truncate" title={row.reason}>
          {visible(row.reason)}
        </span>
      ),
    { wide: "below" },
  ),
  column<AuditRow>(
    "details",
    "Details",
    (row) => (
      <code title={row.detailsText} className="block max-w-80 truncate font-mono text-xs text-muted">
        {row.detailsText === "{}" ? "" : visible(row.detailsText)}
      </code>
    ),
    { wide: true },
  ),
  column<AuditRow>(
    "requestId",
    "Request",
    (row) => (
      <Link
        href={paths.audit({ request: row.requestId })}
        title={`All that the request ${row.requestId} did${row.address === null ? "" : `, from ${row.address}`}`}
        className="font-mono text-xs text-muted underline-offset-2 hover:text-ink hover:underline"
      >
        {row.requestId.slice(0, 8)}
      </Link>
    ),
    { wide: true },
  ),
];

/** Entries of the audit, newest first. */
export function AuditTable({ rows, pager, empty }: { rows: AuditRow[]; pager: PagerLinks; empty: ReactNode }) {
  return (
    <DataTable
      editable
      label="Audit log"
      columns={COLUMNS}
      rows={rows}
      rowKey={(row) => row.id}
      pager={pager}
      empty={empty}
    />
  );
}
