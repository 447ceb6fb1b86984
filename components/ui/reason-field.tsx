"use client";

import { useId } from "react";

/** Why somebody acts, which the audit log keeps. */
export function ReasonField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const id = useId();
  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id}>
        Reason <span className="text-muted">(optional, for the audit log)</span>
      </label>
      <input
        id={id}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        maxLength={1000}
        autoComplete="off"
        className="h-9 w-full rounded border border-line-strong bg-sunken px-2.5"
      />
    </div>
  );
}
