"use client";

import { Switch } from "@base-ui/react/switch";
import { type ReactNode, useId } from "react";
import { Controller, type FieldPath, type FieldValues, get, useFormContext } from "react-hook-form";
import { classes } from "./classes.ts";

const CONTROL = classes(
  "w-full min-w-0 rounded border border-line-strong bg-sunken px-2.5 text-ink placeholder:text-muted",
  "aria-invalid:border-danger disabled:opacity-60",
);

interface FieldProps<Values extends FieldValues> {
  name: FieldPath<Values>;
  label: string;
  /** What the value means, its bounds and its default. */
  description?: ReactNode;
}

interface Wiring {
  id: string;
  describedBy: string | undefined;
  invalid: boolean;
}

function useWiring(name: string, description: ReactNode): Wiring & { errorId: string; hintId: string; error?: string } {
  const id = useId();
  const { formState } = useFormContext();
  const error = (get(formState.errors, name) as { message?: string } | undefined)?.message;
  const errorId = `${id}-error`;
  const hintId = `${id}-hint`;
  const describedBy = [error && errorId, description && hintId].filter(Boolean).join(" ") || undefined;
  return { id, describedBy, invalid: error !== undefined, errorId, hintId, error };
}

/** What is wrong with the field, and what it means. */
function Notes({ description, wiring }: { description: ReactNode; wiring: ReturnType<typeof useWiring> }) {
  return (
    <>
      {wiring.error ? (
        <p id={wiring.errorId} role="alert" className="text-xs text-danger">
          {wiring.error}
        </p>
      ) : null}
      {description ? (
        <p id={wiring.hintId} className="text-xs text-muted">
          {description}
        </p>
      ) : null}
    </>
  );
}

function Frame({
  label,
  description,
  wiring,
  children,
}: {
  label: string;
  description?: ReactNode;
  wiring: ReturnType<typeof useWiring>;
  children: ReactNode;
}) {
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <label htmlFor={wiring.id} className="font-medium">
        {label}
      </label>
      {children}
      <Notes description={description} wiring={wiring} />
    </div>
  );
}

/**
 * One line of text. `kind` number shows a keyboard of digits, and time the browser's own choice of a local time; the
 * value stays a text, which the schema reads.
 */
export function TextField<Values extends FieldValues>({
  name,
  label,
  description,
  kind = "text",
  mono = false,
  placeholder,
}: FieldProps<Values> & { kind?: "text" | "number" | "password" | "time"; mono?: boolean; placeholder?: string }) {
  const { register } = useFormContext<Values>();
  const wiring = useWiring(name, description);
  return (
    <Frame label={label} description={description} wiring={wiring}>
      <input
        {...register(name)}
        id={wiring.id}
        type={kind === "password" ? "password" : kind === "time" ? "datetime-local" : "text"}
        step={kind === "time" ? 1 : undefined}
        inputMode={kind === "number" ? "numeric" : undefined}
        autoComplete="off"
        spellCheck={false}
        placeholder={placeholder}
        aria-invalid={wiring.invalid || undefined}
        aria-describedby={wiring.describedBy}
        className={classes(CONTROL, "h-9", mono && "font-mono text-xs")}
      />
    </Frame>
  );
}

/** Several lines of text, such as JSON. */
export function TextAreaField<Values extends FieldValues>({
  name,
  label,
  description,
  rows = 8,
}: FieldProps<Values> & { rows?: number }) {
  const { register } = useFormContext<Values>();
  const wiring = useWiring(name, description);
  return (
    <Frame label={label} description={description} wiring={wiring}>
      <textarea
        {...register(name)}
        id={wiring.id}
        rows={rows}
        spellCheck={false}
        aria-invalid={wiring.invalid || undefined}
        aria-describedby={wiring.describedBy}
        className={classes(CONTROL, "resize-y py-1.5 font-mono text-xs")}
      />
    </Frame>
  );
}

export interface Choice {
  value: string;
  label: string;
}

/** A choice of one. A native list, which works with every keyboard, screen reader and telephone. */
export function SelectField<Values extends FieldValues>({
  name,
  label,
  description,
  choices,
}: FieldProps<Values> & { choices: Choice[] }) {
  const { register } = useFormContext<Values>();
  const wiring = useWiring(name, description);
  return (
    <Frame label={label} description={description} wiring={wiring}>
      <select
        {...register(name)}
        id={wiring.id}
        aria-invalid={wiring.invalid || undefined}
        aria-describedby={wiring.describedBy}
        className={classes(CONTROL, "h-9")}
      >
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.label}
          </option>
        ))}
      </select>
    </Frame>
  );
}

/** A choice of any number. The value is a list of strings. */
export function ChoicesField<Values extends FieldValues>({
  name,
  label,
  description,
  choices,
}: FieldProps<Values> & { choices: (Choice & { note?: string })[] }) {
  const { register } = useFormContext<Values>();
  const wiring = useWiring(name, description);
  return (
    <fieldset className="flex min-w-0 flex-col gap-1" aria-describedby={wiring.describedBy}>
      <legend className="mb-1 font-medium">{label}</legend>
      <div className="flex max-h-56 flex-col overflow-auto rounded border border-line-strong">
        {choices.map((choice) => (
          <label key={choice.value} className="flex min-h-9 items-center gap-2 px-2.5 hover:bg-hover">
            <input {...register(name)} type="checkbox" value={choice.value} className="size-4 accent-accent-fill" />
            <span className="min-w-0 flex-1 truncate">{choice.label}</span>
            {choice.note ? <span className="text-xs text-muted">{choice.note}</span> : null}
          </label>
        ))}
      </div>
      <Notes description={description} wiring={wiring} />
    </fieldset>
  );
}

/** On or off. */
export function SwitchField<Values extends FieldValues>({ name, label, description }: FieldProps<Values>) {
  const { control } = useFormContext<Values>();
  const id = useId();
  return (
    <Controller
      control={control}
      name={name}
      render={({ field }) => (
        <div className="flex items-start gap-3">
          <Switch.Root
            checked={Boolean(field.value)}
            onCheckedChange={field.onChange}
            inputRef={field.ref}
            aria-labelledby={`${id}-label`}
            aria-describedby={description ? `${id}-hint` : undefined}
            className="mt-0.5 inline-flex h-5 w-9 shrink-0 items-center rounded-full bg-line-strong p-0.5 transition-colors data-checked:bg-accent-fill"
          >
            <Switch.Thumb className="size-4 rounded-full bg-surface transition-transform data-checked:translate-x-4" />
          </Switch.Root>
          <div>
            <span id={`${id}-label`} className="font-medium">
              {label}
            </span>
            {description ? (
              <p id={`${id}-hint`} className="text-xs text-muted">
                {description}
              </p>
            ) : null}
          </div>
        </div>
      )}
    />
  );
}
