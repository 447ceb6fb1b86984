import { type ComponentProps, useId } from "react";
import type { ApiError } from "../api.ts";
import { visible } from "../ui/visible.tsx";

/** A field of a plain form, which the browser checks: the kit's fields would load a library. */
export function EntryField({
  label,
  description,
  ...input
}: ComponentProps<"input"> & { label: string; description?: string }) {
  const id = useId();
  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id} className="font-medium">
        {label}
      </label>
      <input
        id={id}
        required
        spellCheck={false}
        aria-describedby={description === undefined ? undefined : `${id}-hint`}
        className="h-9 w-full min-w-0 rounded border border-line-strong bg-sunken px-2.5 text-ink read-only:text-muted"
        {...input}
      />
      {description === undefined ? null : (
        <p id={`${id}-hint`} className="text-xs text-muted">
          {description}
        </p>
      )}
    </div>
  );
}

/** What the server refused, and why. Always rendered, so that screen readers announce it. */
export function Refusal({ of }: { of: ApiError | null }) {
  return (
    <div role="alert" className="empty:hidden">
      {of === null ? null : (
        <p className="rounded border border-danger/40 bg-danger-soft px-3 py-2 text-danger wrap-anywhere">
          {visible(of.message)} <code className="font-mono text-xs">{of.code}</code>
        </p>
      )}
    </div>
  );
}
