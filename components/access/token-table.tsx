"use client";

import { Plus } from "lucide-react";
import type { ReactNode } from "react";
import { ConfirmedAction } from "../action.tsx";
import { Badge } from "../ui/badge.tsx";
import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";
import { column, DataTable, type PagerLinks } from "../ui/table.tsx";
import { Ago, TimeLeft } from "../ui/time.tsx";
import { visible } from "../ui/visible.tsx";
import { REVOKE_TOKEN } from "./documents.ts";
import type { TokenRow } from "./fragments.ts";
import { projectsText } from "./words.ts";

export function CreateToken() {
  return (
    <Opener
      trigger={
        <Button kind="primary" needs="createToken">
          <Plus aria-hidden />
          New token
        </Button>
      }
      load={loadForm}
      props={{}}
    />
  );
}

const loadForm = () => import("./create-token-form.tsx");

const COLUMNS = [
  column<TokenRow>("name", "Token", (row) => (
    <span className="flex flex-col py-0.5">
      <span className="flex flex-wrap items-center gap-x-2 font-mono text-xs">
        {visible(row.name)}
        {row.state === "REVOKED" ? <Badge tone="stopped">Revoked</Badge> : null}
        {row.state === "EXPIRED" ? <Badge tone="warn">Expired</Badge> : null}
      </span>
      <span className="font-mono text-xs text-muted">{row.prefix}…</span>
    </span>
  )),
  column<TokenRow>(
    "scopes",
    "May",
    (row) => `${row.scopes.map((scope) => scope.toLowerCase()).join(", ")} in ${projectsText(row.projects)}`,
    { grow: true, wide: "below" },
  ),
  column<TokenRow>(
    "created",
    "Created",
    (row) => (
      <>
        <Ago at={row.createdAt} /> <span className="text-muted">by {visible(row.createdBy)}</span>
      </>
    ),
    { wide: "only wide" },
  ),
  column<TokenRow>(
    "used",
    "Last used",
    (row) => (row.lastUsedAt === null ? <span className="text-muted">never</span> : <Ago at={row.lastUsedAt} />),
    { align: "right", wide: "below" },
  ),
  column<TokenRow>("ends", "Ends", (row) => <End row={row} />, { align: "right", wide: true }),
  column<TokenRow>("actions", "", (row) => <Revoke row={row} />, { align: "right" }),
];

function End({ row: { state, revokedAt, revokedBy, expiresAt } }: { row: TokenRow }) {
  if (state === "REVOKED" && revokedAt !== null) {
    return (
      <>
        <Ago at={revokedAt} /> <span className="text-muted">by {visible(revokedBy ?? "unknown")}</span>
      </>
    );
  }
  if (expiresAt === null) return <span className="text-muted">never</span>;
  return state === "EXPIRED" ? <Ago at={expiresAt} /> : <TimeLeft until={expiresAt} />;
}

function Revoke({ row }: { row: TokenRow }) {
  if (row.state !== "ACTIVE") return null;
  return (
    <ConfirmedAction
      document={REVOKE_TOKEN}
      variables={{ input: { name: row.name } }}
      done={`Token ${row.name} is revoked.`}
      trigger={
        <Button kind="ghost" size="small">
          Revoke<span className="sr-only"> {row.name}</span>
        </Button>
      }
      title={`Revoke ${row.name}?`}
      consequence="Requests with it are refused within a second, everywhere. It cannot be taken back: make a new token instead."
      confirmLabel="Revoke token"
    />
  );
}

/** Tokens of programs, with their last use. */
export function TokenTable({ rows, pager, empty }: { rows: TokenRow[]; pager: PagerLinks; empty: ReactNode }) {
  return (
    <DataTable label="Tokens" columns={COLUMNS} rows={rows} rowKey={({ name }) => name} pager={pager} empty={empty} />
  );
}
