"use client";

import { X } from "lucide-react";
import { useId, useState } from "react";
import { listsOf } from "./graphql-text.ts";
import { Modal } from "./modal.tsx";
import { useOpened } from "./opener.tsx";
import RequestView from "./request-view.tsx";
import { type ShownRequest, shownRequests } from "./shown-requests.ts";

export interface SheetProps {
  request: ShownRequest;
  /** It is the query of the whole page: the sheet also has the page's lists, and the buttons that act at one click. */
  ofPage?: boolean;
  endpoint: string;
}

/** What is sent to the API, and a cURL line that sends the same. */
export default function GraphqlSheet(props: SheetProps) {
  const { open, setOpen } = useOpened();
  if (!open) return null;
  return (
    <Modal label="The same in GraphQL" onClose={() => setOpen(false)}>
      {(close) => (
        <div className="flex max-h-[80dvh] flex-col">
          <div className="flex items-center justify-between border-b border-line px-4 py-2">
            <h2 className="font-semibold">The same in GraphQL</h2>
            <button
              type="button"
              aria-label="Close"
              onClick={close}
              className="rounded p-1 text-muted hover:bg-raised hover:text-ink"
            >
              <X aria-hidden className="size-4" />
            </button>
          </div>
          <div className="overflow-auto p-4">{props.ofPage ? <OfPage {...props} /> : <RequestView {...props} />}</div>
        </div>
      )}
    </Modal>
  );
}

function OfPage({ request, endpoint }: SheetProps) {
  // As they are now: the page is held while the sheet is open.
  const [groups] = useState(() => groupsOf(request));
  const [chosen, setChosen] = useState("0 0");
  const id = useId();
  const [group = 0, index = 0] = chosen.split(" ").map(Number);
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
        <label htmlFor={id} className="text-muted">
          Show
        </label>
        <select
          id={id}
          value={chosen}
          onChange={(event) => setChosen(event.target.value)}
          className="h-7 min-w-0 max-w-full flex-1 rounded border border-line-strong bg-sunken px-2 max-sm:h-9"
        >
          {groups.map(({ label, requests }, at) => (
            <optgroup key={label} label={label}>
              {requests.map(({ name }, position) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: they never change
                <option key={position} value={`${at} ${position}`}>
                  {name}
                </option>
              ))}
            </optgroup>
          ))}
        </select>
      </div>
      <RequestView request={groups[group]?.requests[index] ?? request} endpoint={endpoint} />
      <p className="text-xs text-muted">
        Shift and a click on a button show what that one would send. Forms and questions show it, too.
      </p>
    </div>
  );
}

interface Named extends ShownRequest {
  name: string;
}

/** What can be shown of a page. Groups without anything are left out. */
function groupsOf(page: ShownRequest): { label: string; requests: Named[] }[] {
  const shown = [page, ...shownRequests()]
    .map((request): Named => ({ ...request, name: nameOf(request) }))
    .filter(({ name }) => name !== "");
  const queries = shown.filter(({ document }) => !isMutation(document));
  return [
    { label: "Queries of this page", requests: queries },
    { label: "Lists", requests: queries.flatMap(listsIn) },
    { label: "Buttons", requests: alike(shown.filter(({ document }) => isMutation(document))) },
  ].filter(({ requests }) => requests.length > 0);
}

function nameOf({ name }: ShownRequest): string {
  return typeof name === "string" ? name : name();
}

const isMutation = (document: string) => /^\s*mutation\b/.test(document);

function listsIn({ document, calls: [variables] }: Named): Named[] {
  if (variables === undefined) return [];
  return listsOf({ document, variables }).map((list) => ({ name: list.path, ...list, calls: [list.variables] }));
}

/** Of buttons that say the same, as those of rows do, the first. */
function alike(buttons: Named[]): Named[] {
  const byName = Map.groupBy(buttons, ({ name }) => name);
  return [...byName].flatMap(([name, [first, ...more]]) => {
    if (first === undefined) return [];
    return { ...first, name: more.length === 0 ? name : `${name}, the first of ${more.length + 1}` };
  });
}
