"use client";

import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { classes } from "../ui/classes.ts";

export const CONTROL = classes(
  "h-7 min-w-0 max-w-full rounded border border-line-strong bg-sunken px-2 text-ink",
  "placeholder:text-muted max-sm:h-9",
);

/** A label, what is chosen, and what that means. */
export function FormRow({
  label,
  hint,
  htmlFor,
  children,
}: {
  label: string;
  hint?: ReactNode;
  htmlFor?: string;
  children: ReactNode;
}) {
  return (
    <div className="grid grid-cols-[7rem_minmax(0,1fr)] gap-x-3 border-t border-line px-3 py-2.5 first:border-t-0 max-sm:grid-cols-1">
      {htmlFor === undefined ? (
        <span className="leading-7 text-ink-2">{label}</span>
      ) : (
        <label htmlFor={htmlFor} className="leading-7 text-ink-2">
          {label}
        </label>
      )}
      <div className="min-w-0">
        {children}
        {hint ? <p className="mt-1 text-xs text-muted">{hint}</p> : null}
      </div>
    </div>
  );
}

/** One of several choices. `children`: what belongs to it, beside its label. */
export function Pick({
  name,
  checked,
  onChoose,
  label,
  children,
}: {
  name: string;
  checked: boolean;
  onChoose: () => void;
  label: ReactNode;
  children?: ReactNode;
}) {
  const group = useId();
  return (
    <div className="flex min-h-7 flex-wrap items-center gap-x-2 gap-y-1">
      <label className="flex items-center gap-2">
        <input
          type="radio"
          name={`${group}-${name}`}
          checked={checked}
          onChange={onChoose}
          className="size-3.5 accent-accent-fill"
        />
        <span>{label}</span>
      </label>
      {checked ? children : null}
    </div>
  );
}

/** `children`: what it is, beside the box. */
export function CheckBox({
  checked,
  onChange,
  children,
}: {
  checked: boolean;
  onChange: (checked: boolean) => void;
  children: ReactNode;
}) {
  return (
    <label className="flex min-h-7 items-center gap-2">
      <input
        type="checkbox"
        checked={checked}
        onChange={() => onChange(!checked)}
        className="size-4 accent-accent-fill"
      />
      {children}
    </label>
  );
}

/** A line in a grid of two columns. Its control has a name of its own. */
export function Condition({ label, children }: { label: string; children: ReactNode }) {
  return (
    <>
      <span aria-hidden className="text-muted max-sm:-mb-1">
        {label}
      </span>
      <span className="min-w-0">{children}</span>
    </>
  );
}

/** Empty is null, unless `keepEmpty`. */
export function TextInput({
  label,
  value,
  onChange,
  placeholder,
  mono = false,
  keepEmpty = false,
}: {
  label: string;
  value: string | null;
  onChange: (value: string | null) => void;
  placeholder?: string;
  mono?: boolean;
  keepEmpty?: boolean;
}) {
  return (
    <input
      aria-label={label}
      value={value ?? ""}
      placeholder={placeholder}
      autoComplete="off"
      spellCheck={false}
      onChange={({ target }) => onChange(target.value === "" && !keepEmpty ? null : target.value)}
      className={classes(CONTROL, "w-60", mono && "font-mono text-xs")}
    />
  );
}

/** A whole number. Empty or no number: null. */
export function NumberInput({
  label,
  value,
  onChange,
  least,
  unit,
  placeholder,
}: {
  label: string;
  value: number | null;
  onChange: (value: number | null) => void;
  least: number;
  unit?: string;
  placeholder?: string;
}) {
  return (
    <span className="inline-flex items-center gap-1.5">
      <input
        aria-label={label}
        inputMode="numeric"
        value={value ?? ""}
        placeholder={placeholder}
        autoComplete="off"
        onChange={({ target }) => {
          const digits = target.value.replace(/\D/g, "");
          onChange(digits === "" || Number(digits) < least ? null : Math.min(Number(digits), 1e12));
        }}
        className={classes(CONTROL, "w-24 text-right")}
      />
      {unit === undefined ? null : <span className="text-muted">{unit}</span>}
    </span>
  );
}

const DAY_MS = 86_400_000;

/** A time in the zone of the browser, as ISO 8601. */
export function TimeInput({
  label,
  value,
  onChange,
}: {
  label: string;
  value: string | null;
  onChange: (value: string | null) => void;
}) {
  // Only the browser knows its zone.
  const [mounted, setMounted] = useState(false);
  useEffect(() => setMounted(true), []);
  const sent = useRef<string | null>(null);
  const [text, setText] = useState("");
  useEffect(() => {
    if (value !== sent.current || sent.current === null) setText(value === null ? "" : localText(value));
  }, [value]);
  return (
    <span className="inline-flex flex-wrap items-center gap-1.5">
      <input
        aria-label={label}
        type="datetime-local"
        step={1}
        value={mounted ? text : ""}
        onChange={({ target }) => {
          setText(target.value);
          const at = new Date(target.value);
          sent.current = target.value === "" || Number.isNaN(at.getTime()) ? null : at.toISOString();
          onChange(sent.current);
        }}
        className={CONTROL}
      />
      <button
        type="button"
        onClick={() => {
          sent.current = null;
          onChange(new Date(startOfToday()).toISOString());
        }}
        className="rounded px-1.5 py-1 text-xs text-accent hover:bg-raised"
      >
        today
      </button>
      <button
        type="button"
        onClick={() => {
          sent.current = null;
          onChange(new Date(startOfToday() - DAY_MS).toISOString());
        }}
        className="rounded px-1.5 py-1 text-xs text-accent hover:bg-raised"
      >
        yesterday
      </button>
    </span>
  );
}

function startOfToday(): number {
  return new Date().setHours(0, 0, 0, 0);
}

/** 2026-11-27T01:02:03 in the zone of the browser. */
function localText(iso: string): string {
  const at = Date.parse(iso);
  return new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
