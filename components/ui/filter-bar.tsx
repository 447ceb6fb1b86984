"use client";

import { Search } from "lucide-react";
import { usePathname, useRouter, useSearchParams } from "next/navigation";
import { type ReactNode, useCallback, useEffect, useId, useOptimistic, useRef, useState, useTransition } from "react";
import { classes } from "./classes.ts";
import { SavedViews } from "./saved-views.tsx";

/** Milliseconds without a keystroke before the text goes into the address. */
const SETTLE = 250;

/** Parameters that the address loses when a filter changes: the list begins at its first page again. */
export const FIRST_PAGE = ["after", "before"];

/** Where the last change of a filter leads, until its page is there: the next change starts from it, not from before. */
let underway: { path: string; query: string } | null = null;

/** A parameter of the address. `set`: "" removes it; `show` is what the control shows until the page is there. */
function useParameter(param: string, forget: string[]) {
  const router = useRouter();
  const path = usePathname();
  const search = useSearchParams();
  const [pending, start] = useTransition();
  useEffect(() => {
    if (underway?.path !== path || underway.query === search.toString()) underway = null;
  }, [path, search]);
  const set = useCallback(
    (value: string, show?: () => void) => {
      const next = new URLSearchParams(underway?.query ?? search);
      for (const name of forget) next.delete(name);
      if (value === "") next.delete(param);
      else next.set(param, value);
      const query = next.toString();
      underway = { path, query };
      start(() => {
        show?.();
        router.replace(query ? `${path}?${query}` : path, { scroll: false });
      });
    },
    [path, search, param, forget, router],
  );
  return { value: search.get(param), set, pending };
}

/**
 * A search box whose text is a parameter of the address. `forget` names the parameters that a new text makes
 * meaningless.
 */
export function SearchBox({
  param,
  label,
  placeholder,
  forget = FIRST_PAGE,
  short = false,
}: {
  param: string;
  label: string;
  placeholder?: string;
  forget?: string[];
  /** One of several in its row. */
  short?: boolean;
}) {
  const { value, set, pending } = useParameter(param, forget);
  const current = value ?? "";
  const [text, setText] = useState(current);
  const sent = useRef(current);
  const id = useId();

  useEffect(() => {
    // The address changed by other means, such as back or a link: follow it.
    if (current !== sent.current) {
      sent.current = current;
      setText(current);
    }
  }, [current]);

  useEffect(() => {
    if (text === sent.current) return;
    const timer = setTimeout(() => {
      sent.current = text;
      set(text);
    }, SETTLE);
    return () => clearTimeout(timer);
  }, [text, set]);

  return (
    <div className={classes("relative w-full sm:min-w-44 sm:flex-1", short ? "sm:max-w-44" : "sm:max-w-72")}>
      <label htmlFor={id} className="sr-only">
        {label}
      </label>
      <Search
        aria-hidden
        className="pointer-events-none absolute top-1/2 left-2.5 size-3.5 -translate-y-1/2 text-muted"
      />
      <input
        id={id}
        type="search"
        value={text}
        onChange={(event) => setText(event.target.value)}
        placeholder={placeholder ?? label}
        aria-busy={pending}
        autoComplete="off"
        spellCheck={false}
        data-search
        className="h-7 w-full rounded border border-line-strong bg-sunken pr-2 pl-8 max-sm:h-9 placeholder:text-muted"
      />
    </div>
  );
}

/** A row of filters above a table, and the views that were saved of them. */
export function FilterBar({ children }: { children: ReactNode }) {
  return (
    <div className="flex flex-wrap items-center gap-2 border-b border-line px-3 py-2">
      {children}
      <SavedViews />
    </div>
  );
}

/** A yes-or-no filter, as a parameter of the address. */
export function FilterCheck({
  param,
  label,
  forget = FIRST_PAGE,
}: {
  param: string;
  label: string;
  forget?: string[];
}) {
  const { value, set } = useParameter(param, forget);
  // It shows what was chosen while the page is still on its way.
  const [on, turn] = useOptimistic(value === "1");
  return (
    <label className="flex h-7 items-center gap-1.5">
      <input
        type="checkbox"
        checked={on}
        onChange={() => set(on ? "" : "1", () => turn(!on))}
        className="size-4 accent-accent-fill"
      />
      {label}
    </label>
  );
}

/** A choice among several values, or all of them, as a parameter of the address. */
export function FilterSelect({
  param,
  label,
  all,
  value,
  choices,
  forget = FIRST_PAGE,
}: {
  param: string;
  label: string;
  /** The choice when the address has none. */
  value?: string;
  /** Label for no choice. Left out when there always is one. */
  all?: string;
  choices: { value: string; label: string }[];
  forget?: string[];
}) {
  const { value: chosen, set } = useParameter(param, forget);
  const [selected, select] = useOptimistic(chosen ?? value ?? "");
  const id = useId();
  return (
    <div className="flex items-center gap-1.5">
      <label htmlFor={id} className="text-muted">
        {label}
      </label>
      <select
        id={id}
        value={selected}
        onChange={({ target }) => set(target.value, () => select(target.value))}
        className="h-7 max-w-56 rounded border border-line-strong bg-sunken px-2 max-sm:h-9"
      >
        {all === undefined ? null : <option value="">{all}</option>}
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.label}
          </option>
        ))}
      </select>
    </div>
  );
}
