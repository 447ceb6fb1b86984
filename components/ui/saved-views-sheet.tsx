"use client";

import { Trash2 } from "lucide-react";
import { usePathname, useSearchParams } from "next/navigation";
import { type FormEvent, useId, useState } from "react";
import { Button } from "./button.tsx";
import { CopyButton } from "./copy-button.tsx";
import { Link } from "./link.tsx";
import { Modal } from "./modal.tsx";
import { useOpened } from "./opener.tsx";
import { forgetView, storedViews, storeView } from "./stored-views.ts";

/** Opens, saves and deletes the views of this page. */
export default function SavedViewsSheet() {
  const { open, setOpen } = useOpened();
  return open ? (
    <Modal label="Saved views" onClose={() => setOpen(false)} className="max-w-112">
      {(close) => <Views close={close} />}
    </Modal>
  ) : null;
}

/** Where a list begins is no part of a view. */
function withoutPosition(params: URLSearchParams): string {
  const kept = new URLSearchParams(params);
  kept.delete("after");
  kept.delete("before");
  const text = kept.toString();
  return text === "" ? "" : `?${text}`;
}

function Views({ close }: { close: () => void }) {
  const path = usePathname();
  const search = withoutPosition(useSearchParams());
  const [views, setViews] = useState(() => storedViews().filter((view) => view.path === path));
  const [name, setName] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const id = useId();
  const reload = (kept: boolean) => {
    setProblem(kept ? null : "This browser keeps nothing for this page. Share the link instead.");
    setViews(storedViews().filter((view) => view.path === path));
  };
  const save = (event: FormEvent) => {
    event.preventDefault();
    const given = name.trim();
    if (given === "") return setProblem("Enter a name.");
    reload(storeView({ name: given, path, search }));
    setName("");
  };
  return (
    <div className="flex flex-col gap-3 p-4">
      <h2 className="font-semibold">Saved views</h2>
      {views.length === 0 ? (
        <p className="text-muted">None yet. A view keeps the filters, the order and the columns of this page.</p>
      ) : (
        <ul className="divide-y divide-line rounded border border-line">
          {views.map((view) => (
            <li key={view.name} className="flex min-h-8 items-center gap-2 px-2">
              <Link
                href={view.path + view.search}
                onClick={close}
                aria-current={view.search === search ? "true" : undefined}
                className="min-w-0 flex-1 truncate text-accent underline-offset-2 hover:underline aria-[current]:font-semibold"
              >
                {view.name}
              </Link>
              <Button kind="ghost" size="small" label={`Delete ${view.name}`} onClick={() => reload(forgetView(view))}>
                <Trash2 aria-hidden />
              </Button>
            </li>
          ))}
        </ul>
      )}
      <form onSubmit={save} className="flex flex-wrap items-center gap-2">
        <label htmlFor={id} className="sr-only">
          Name of this view
        </label>
        <input
          id={id}
          value={name}
          onChange={(event) => setName(event.target.value)}
          placeholder="Name of this view"
          autoComplete="off"
          aria-describedby={problem === null ? undefined : `${id}-problem`}
          className="h-7 min-w-0 flex-1 rounded border border-line-strong bg-sunken px-2 max-sm:h-9"
        />
        <Button type="submit">Save this view</Button>
        <CopyButton
          text={window.location.origin + window.location.pathname + search}
          label="Copy the link to this view"
        />
      </form>
      <p id={`${id}-problem`} role="alert" className="text-xs text-danger empty:hidden">
        {problem}
      </p>
      <p className="text-xs text-muted">Views stay in this browser. Their links work for everyone.</p>
    </div>
  );
}
