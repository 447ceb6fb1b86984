"use client";

import { AddressDialog } from "../ui/dialog.tsx";
import type { OpenMessage, Steps } from "./fragments.ts";
import { MessageActions, StepButtons } from "./message-actions.tsx";
import { MessageSections } from "./message-sections.tsx";

/** One message over the list, for narrow screens. */
export default function MessageDialogContent({ steps, ...open }: OpenMessage & { steps: Steps }) {
  return (
    <AddressDialog
      closeHref={open.closeHref}
      title={`Message ${open.id}`}
      wide
      footer={
        <>
          <span className="mr-auto flex">
            <StepButtons {...steps} inDialog />
          </span>
          {open.message ? <MessageActions {...open} message={open.message} /> : null}
        </>
      }
    >
      <MessageSections {...open} />
    </AddressDialog>
  );
}
