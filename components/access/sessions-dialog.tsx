"use client";

import { ActionButton } from "../action.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { useOpened } from "../ui/opener.tsx";
import { END_SESSIONS } from "./documents.ts";
import type { PersonRow } from "./fragments.ts";
import { SessionTable } from "./session-table.tsx";

/** Where a person is signed in, and the way to end that. */
export default function SessionsDialog({ row }: { row: PersonRow }) {
  const { open, setOpen } = useOpened();
  return (
    <Dialog
      wide
      open={open}
      onOpenChange={setOpen}
      title={`Sessions of ${row.email}`}
      description="A session that is ended counts no longer within a second, everywhere."
      footer={
        row.sessions.length === 0 ? undefined : (
          <ActionButton
            kind="danger"
            document={END_SESSIONS}
            variables={{ input: { personId: row.id } }}
            done={`${row.email} is signed out everywhere.`}
          >
            End all
          </ActionButton>
        )
      }
    >
      <div className="-mx-5 -my-4">
        <SessionTable rows={row.sessions} />
      </div>
    </Dialog>
  );
}
