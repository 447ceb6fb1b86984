"use client";

import { type ReactNode, useId } from "react";
import { Button } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { useHold } from "../ui/refresh.tsx";

/** Shows what nobody can read again: a token's secret, or a one-time link. A click beside it does not close it. */
export function ShownOnce({
  title,
  label,
  text,
  children,
  onClose,
}: {
  title: string;
  label: string;
  /** Null: there is nothing to show. */
  text: string | null;
  children: ReactNode;
  onClose: () => void;
}) {
  const id = useId();
  useHold(text !== null);
  return (
    <Dialog
      alert
      open={text !== null}
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      title={title}
      footer={
        <Button kind="primary" onClick={onClose}>
          I have kept it
        </Button>
      }
    >
      <div className="flex flex-col gap-1">
        <label htmlFor={id} className="font-medium">
          {label}
        </label>
        <div className="flex items-center gap-1 rounded border border-line-strong bg-sunken pr-1.5">
          <input
            id={id}
            readOnly
            value={text ?? ""}
            onFocus={(event) => event.currentTarget.select()}
            className="h-9 min-w-0 flex-1 bg-transparent px-2.5 font-mono text-xs"
          />
          <CopyButton text={text ?? ""} />
        </div>
      </div>
      <div className="text-muted">{children}</div>
    </Dialog>
  );
}
