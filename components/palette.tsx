"use client";

import { useRouter } from "next/navigation";
import { type KeyboardEvent, type ReactNode, useEffect, useId, useMemo, useRef, useState } from "react";
import { ApiError, callFields } from "./api.ts";
import { FIND_QUEUES, WORST_PROBLEMS } from "./documents.ts";
import { GROUPS } from "./navigation.ts";
import { paths } from "./paths.ts";
import type { Severity } from "./problems/fragments.ts";
import { problemPath, SEVERITIES } from "./problems/looks.ts";
import { projectLabel } from "./projects/project-name.tsx";
import { classes } from "./ui/classes.ts";
import { formatCount } from "./ui/format.ts";
import { Glyph } from "./ui/glyph.tsx";
import { Kbd } from "./ui/kbd.tsx";
import { Modal } from "./ui/modal.tsx";
import { storedViews } from "./ui/stored-views.ts";
import { Moment } from "./ui/time.tsx";
import { visible } from "./ui/visible.tsx";

interface Entry {
  key: string;
  group: "Queues by name" | "Problems" | "Actions" | "Saved views" | "Pages";
  label: string;
  /** How bad it is. */
  severity?: Severity | undefined;
  /** A name is shown as one. */
  mono?: boolean;
  note?: ReactNode;
  /** Why it cannot be chosen. */
  disabledReason?: string;
  /** What it opens; an action runs instead. */
  href?: string;
  run?: () => void;
}

/** Milliseconds without a keystroke before the server is asked. */
const SETTLE_MS = 120;
const PROBLEMS_SHOWN = 5;

/** Finds queues by the beginning of their names, problems, the actions of this page, and pages. */
export default function Palette({ typed, onClose }: { typed: string; onClose: () => void }) {
  return (
    <Modal label="Find a queue, page or action" onClose={onClose}>
      {(close) => <Finder typed={typed} close={close} />}
    </Modal>
  );
}

function Finder({ typed, close }: { typed: string; close: () => void }) {
  const router = useRouter();
  const [text, setText] = useState(typed);
  const [at, setAt] = useState(0);
  const problems = useProblems();
  const { queues, note } = useQueues(text);
  const [here] = useState(() => [...actionsOfPage(), ...savedViews()]);
  // With nothing typed what is wrong comes first. Then it comes last, so that the name of a queue or page and Enter open
  // this one whatever is wrong elsewhere.
  const entries = useMemo(() => {
    const fits = matches(text);
    const marked = queues.map((queue) => ({
      ...queue,
      severity: problems.find(({ href }) => href === queue.href)?.severity,
    }));
    const told = problems.filter(fits).slice(0, PROBLEMS_SHOWN);
    const others = [...here, ...PAGES].filter(fits);
    return text.trim() === "" ? [...told, ...others] : [...marked, ...others, ...told];
  }, [queues, problems, here, text]);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const chosen = Math.min(at, entries.length - 1);

  useEffect(() => {
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  });

  const choose = (entry: Entry | undefined, newTab: boolean) => {
    if (entry === undefined || entry.disabledReason !== undefined) return;
    close();
    if (entry.href === undefined) entry.run?.();
    else if (newTab) window.open(`${process.env.NEXT_PUBLIC_BASE_PATH ?? ""}${entry.href}`, "_blank", "noopener");
    else router.push(entry.href);
  };
  const press = (event: KeyboardEvent) => {
    const { key } = event;
    if (key === "ArrowDown") setAt((chosen + 1) % Math.max(entries.length, 1));
    else if (key === "ArrowUp") setAt((chosen - 1 + entries.length) % Math.max(entries.length, 1));
    else if (key === "Enter") choose(entries[chosen], event.ctrlKey || event.metaKey);
    else return;
    event.preventDefault();
  };

  const groups = Object.entries(Object.groupBy(entries, ({ group }) => group));
  return (
    <div className="flex max-h-[80dvh] flex-col">
      <div className="flex items-center gap-2 border-b border-line px-4">
        <input
          // biome-ignore lint/a11y/noAutofocus: it is a dialog with one field
          autoFocus
          role="combobox"
          aria-label="Find a queue, page or action"
          aria-expanded={entries.length > 0}
          aria-controls={`${id}-list`}
          aria-activedescendant={entries[chosen] ? `${id}-${entries[chosen].key}` : undefined}
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setAt(0);
          }}
          onKeyDown={press}
          placeholder="Find a queue, page or action"
          autoComplete="off"
          spellCheck={false}
          className="h-12 min-w-0 flex-1 bg-transparent text-base outline-none placeholder:text-muted"
        />
        <Kbd>Esc</Kbd>
      </div>
      <div ref={list} id={`${id}-list`} role="listbox" aria-label="Results" className="min-h-0 overflow-auto">
        {groups.map(([group, found]) => (
          // biome-ignore lint/a11y/useSemanticElements: a listbox has groups of options
          <div key={group} role="group" aria-labelledby={`${id}-${group}`}>
            <div
              id={`${id}-${group}`}
              className="flex justify-between border-y border-line bg-canvas px-4 py-1 text-xs text-muted"
            >
              {group}
            </div>
            {found.map((entry) => (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the field's
              // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the field
              <div
                key={entry.key}
                id={`${id}-${entry.key}`}
                role="option"
                aria-selected={entry === entries[chosen]}
                aria-disabled={entry.disabledReason !== undefined || undefined}
                onClick={(event) => choose(entry, event.ctrlKey || event.metaKey)}
                onPointerMove={() => setAt(entries.indexOf(entry))}
                className={classes(
                  "flex min-h-8 cursor-default items-center gap-2 px-4 py-1 max-sm:min-h-9",
                  entry === entries[chosen] && "bg-accent-soft shadow-[inset_2px_0_0_var(--accent)]",
                  entry.disabledReason !== undefined && "text-muted",
                )}
              >
                {entry.severity && (
                  <>
                    <Glyph shape={SEVERITIES[entry.severity].shape} ink={SEVERITIES[entry.severity].ink} />
                    <span className="sr-only">{SEVERITIES[entry.severity].word}: </span>
                  </>
                )}
                <span className={classes("min-w-0 truncate", entry.mono && "font-mono text-xs")}>
                  <Marked text={entry.label} found={text} />
                </span>
                <span
                  className={classes(
                    "ml-auto truncate text-xs text-muted",
                    entry.group === "Problems" ? "shrink-0" : "min-w-0",
                  )}
                >
                  {entry.disabledReason ?? entry.note}
                </span>
              </div>
            ))}
          </div>
        ))}
      </div>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-1 border-t border-line px-4 py-2 text-xs text-muted">
        <span>
          <Kbd>↑</Kbd> <Kbd>↓</Kbd> choose
        </span>
        <span>
          <Kbd>Enter</Kbd> open
        </span>
        <span>
          <Kbd>Ctrl Enter</Kbd> new tab
        </span>
        <span role="status" className="ml-auto">
          {note ?? (entries.length === 0 ? "Nothing is found. Names are case-sensitive." : `${entries.length} found`)}
        </span>
      </div>
    </div>
  );
}

const PAGES: Entry[] = GROUPS.flatMap(({ items }) => items).map(({ label, href }) => ({
  key: `page-${label}`,
  group: "Pages",
  label,
  href,
}));

/** The server finds queues; the rest is found here, by any part of its words. */
function matches(text: string): (entry: Entry) => boolean {
  const words = text.toLowerCase().trim();
  return ({ label }) => label.toLowerCase().includes(words);
}

/** The worst problems, read once. None when they cannot be read: the overview says why. */
function useProblems(): Entry[] {
  const [problems, setProblems] = useState<Entry[]>([]);
  useEffect(() => {
    let over = false;
    const ask = async () => {
      const answer = await callFields(WORST_PROBLEMS, {}).catch((error: unknown) => {
        if (!(error instanceof ApiError)) throw error;
        return null;
      });
      if (over) return;
      const entries = answer?.problems.nodes.map(
        ({ id, severity, text, since, ...about }): Entry => ({
          key: `problem-${id}`,
          group: "Problems",
          severity,
          label: text,
          note: (
            <>
              <span className="max-sm:sr-only">since </span>
              <Moment at={since} />
            </>
          ),
          href: problemPath(about),
        }),
      );
      setProblems(entries ?? []);
    };
    void ask();
    return () => {
      over = true;
    };
  }, []);
  return problems;
}

/** The buttons in the header of the page. Choosing one presses it. */
function actionsOfPage(): Entry[] {
  const buttons = [...document.querySelectorAll<HTMLButtonElement>("main [data-page-actions] button")];
  return buttons.map((button, index) => {
    const reason = button.ariaDisabled === "true" ? button.dataset.hint : undefined;
    const label = button.ariaLabel ?? [...button.childNodes].map(textOfNode).join("").trim();
    return {
      key: `action-${index}`,
      group: "Actions",
      label,
      ...(reason === undefined ? {} : { disabledReason: reason }),
      run: () => button.click(),
    };
  });
}

function savedViews(): Entry[] {
  return storedViews().map(({ name, path, search }, index) => ({
    key: `view-${index}`,
    group: "Saved views",
    label: name,
    note: path,
    href: path + search,
  }));
}

/** The reason of a disabled button is hidden text in it. */
function textOfNode(node: ChildNode): string {
  return node instanceof HTMLElement && node.hidden ? "" : (node.textContent ?? "");
}

/** The queues whose names begin with a text; none for an empty one. */
function useQueues(text: string): { queues: Entry[]; note: string | null } {
  const [found, setFound] = useState<{ of: string; queues: Entry[]; note: string | null }>({
    of: "",
    queues: [],
    note: null,
  });
  const search = text.trim();
  useEffect(() => {
    let over = false;
    const ask = async () => {
      try {
        const { queues } = await callFields(FIND_QUEUES, { search });
        if (over) return;
        const entries = queues.nodes.map(
          ({ project, name, stats }): Entry => ({
            key: `queue-${project}-${name}`,
            group: "Queues by name",
            label: name,
            mono: true,
            note: (
              <>
                {visible(projectLabel(project))}
                {stats
                  ? ` · ${formatCount(stats.ready, stats.exact ? "exact" : "about")} ready`
                  : " · pool unreachable"}
              </>
            ),
            href: paths.queue(project, name),
          }),
        );
        setFound({ of: search, queues: entries, note: null });
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (!over) setFound({ of: search, queues: [], note: error.message });
      }
    };
    const timer = setTimeout(() => search !== "" && void ask(), SETTLE_MS);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [search]);
  if (search === "") return { queues: [], note: null };
  if (found.of === search) return found;
  // While the server is asked, what still fits stays.
  return { queues: found.queues.filter(({ label }) => label.startsWith(search)), note: "Searching …" };
}

function Marked({ text, found }: { text: string; found: string }) {
  const part = found.trim();
  const at = part === "" ? -1 : text.toLowerCase().indexOf(part.toLowerCase());
  if (at < 0) return visible(text);
  return (
    <>
      {visible(text.slice(0, at))}
      <b className="font-semibold text-accent">{visible(text.slice(at, at + part.length))}</b>
      {visible(text.slice(at + part.length))}
    </>
  );
}
