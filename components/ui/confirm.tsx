"use client";

import { type ReactNode, useId, useState } from "react";
import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";
import { useOpened } from "./opener.tsx";
import { ReasonField } from "./reason-field.tsx";
import { visible, visibleIfText } from "./visible.tsx";

/**
 * Asks before something is destroyed, once an <Opener> opened it. With `typeName` the user must also type that name.
 * What can be undone needs no question, only a button.
 */
export function Confirm({
  title,
  consequence,
  confirmLabel,
  typeName,
  onConfirm,
  extra,
  reason,
  onReason,
}: {
  title: string;
  /** What is lost, and what stays. */
  consequence: ReactNode;
  confirmLabel: string;
  typeName?: string;
  /** Resolves to false when the action failed: then the dialog stays open. */
  onConfirm: () => Promise<boolean>;
  extra?: ReactNode;
  reason: string;
  onReason: (text: string) => void;
}) {
  const { open, setOpen } = useOpened();
  const [typed, setTyped] = useState("");
  const [pending, setPending] = useState(false);
  const inputId = useId();
  const missing = typeName !== undefined && typed !== typeName;

  async function confirm() {
    setPending(true);
    const done = await onConfirm();
    setPending(false);
    if (done) setOpen(false);
  }

  return (
    <Dialog
      open={open}
      onOpenChange={(next) => {
        setOpen(next);
        setTyped("");
      }}
      title={title}
      alert
      footer={
        <>
          {extra ? <div className="mr-auto">{extra}</div> : null}
          <Button onClick={() => setOpen(false)}>Cancel</Button>
          <Button
            kind="danger"
            pending={pending}
            disabledReason={missing ? "Type the name first." : null}
            onClick={() => void confirm()}
          >
            {confirmLabel}
          </Button>
        </>
      }
    >
      <div className="wrap-anywhere">{visibleIfText(consequence)}</div>
      {typeName !== undefined ? (
        <form
          className="flex flex-col gap-1"
          onSubmit={(event) => {
            event.preventDefault();
            if (!missing && !pending) void confirm();
          }}
        >
          <label htmlFor={inputId}>
            Type <strong className="font-mono wrap-anywhere">{visible(typeName)}</strong> to confirm
          </label>
          <input
            id={inputId}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
            autoComplete="off"
            spellCheck={false}
            className="h-9 w-full rounded border border-line-strong bg-sunken px-2.5 font-mono"
          />
        </form>
      ) : null}
      <ReasonField value={reason} onChange={onReason} />
    </Dialog>
  );
}
