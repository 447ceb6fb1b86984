"use client";

import { Link2, MonitorSmartphone, Pencil, Plus, Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import { ConfirmedAction } from "../action.tsx";
import { Badge } from "../ui/badge.tsx";
import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";
import { column, DataTable, type PagerLinks } from "../ui/table.tsx";
import { Ago } from "../ui/time.tsx";
import { visible } from "../ui/visible.tsx";
import { DELETE_PERSON } from "./documents.ts";
import type { PersonRow } from "./fragments.ts";
import { grantsText } from "./words.ts";

export function CreatePerson() {
  return (
    <Opener
      trigger={
        <Button kind="primary" needs="createPerson">
          <Plus aria-hidden />
          New person
        </Button>
      }
      load={loadCreateForm}
      props={{}}
    />
  );
}

const loadCreateForm = () => import("./create-person-form.tsx");
const loadEditForm = () => import("./edit-person-form.tsx");
const loadLinkForm = () => import("./person-link-form.tsx");
const loadSessions = () => import("./sessions-dialog.tsx");

const METHODS = { PASSWORD: "password", IDENTITY_PROVIDER: "identity provider" } as const;

const COLUMNS = [
  column<PersonRow>("person", "Person", (row) => (
    <span className="flex flex-col py-0.5">
      <span className="flex flex-wrap items-center gap-x-2 font-medium">
        {visible(row.name)}
        {row.isDisabled ? <Badge tone="stopped">Disabled</Badge> : null}
      </span>
      <span className="text-xs text-muted">{visible(row.email)}</span>
    </span>
  )),
  column<PersonRow>(
    "roles",
    "Roles",
    (row) => (
      <>
        {visible(grantsText(row.grants))}
        {row.hasClaimedGrants ? <span className="text-muted">, by the identity provider</span> : null}
      </>
    ),
    { grow: true, wide: "below" },
  ),
  column<PersonRow>(
    "methods",
    "Signs in with",
    ({ signInMethods }) =>
      signInMethods.length === 0 ? (
        <span className="text-muted">a link, not used yet</span>
      ) : (
        signInMethods.map((method) => METHODS[method]).join(", ")
      ),
    { wide: "only wide" },
  ),
  column<PersonRow>("sessions", "Sessions", (row) => row.sessions.length, { align: "right", wide: true }),
  column<PersonRow>(
    "seen",
    "Last seen",
    (row) => (row.lastSeenAt === null ? <span className="text-muted">never</span> : <Ago at={row.lastSeenAt} />),
    { align: "right", wide: "below" },
  ),
  column<PersonRow>("actions", "", (row) => <Actions row={row} />, { align: "right" }),
];

function Actions({ row }: { row: PersonRow }) {
  return (
    <span className="flex justify-end gap-1 max-sm:flex-wrap">
      <Opener
        trigger={
          <Button kind="ghost" size="small" label={`Edit ${row.email}`} needs="updatePerson">
            <Pencil aria-hidden />
          </Button>
        }
        load={loadEditForm}
        props={{ row }}
      />
      <Opener
        trigger={
          <Button kind="ghost" size="small" label={`New link for ${row.email}`} needs="createPersonLink">
            <Link2 aria-hidden />
          </Button>
        }
        load={loadLinkForm}
        props={{ id: row.id, email: row.email }}
      />
      <Opener
        trigger={
          <Button kind="ghost" size="small" label={`Sessions of ${row.email}`}>
            <MonitorSmartphone aria-hidden />
          </Button>
        }
        load={loadSessions}
        props={{ row }}
      />
      <ConfirmedAction
        document={DELETE_PERSON}
        variables={{ input: { id: row.id } }}
        done={`${row.email} is deleted.`}
        trigger={
          <Button kind="ghost" size="small" label={`Delete ${row.email}`}>
            <Trash2 aria-hidden />
          </Button>
        }
        title={`Delete ${row.email}?`}
        consequence="All sessions end at once, and jobs of this person stop. What the person did stays in the audit log. To keep somebody out for a while, edit and disable instead."
        confirmLabel="Delete person"
        typeName={row.email}
      />
    </span>
  );
}

export function PersonTable({ rows, pager, empty }: { rows: PersonRow[]; pager: PagerLinks; empty: ReactNode }) {
  return <DataTable label="People" columns={COLUMNS} rows={rows} rowKey={({ id }) => id} pager={pager} empty={empty} />;
}
