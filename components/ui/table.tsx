"use client";

import { ArrowDown, ArrowUp, ArrowUpDown, ChevronLeft, ChevronRight } from "lucide-react";
import { lazy, type ReactNode, Suspense } from "react";
import { Badge } from "./badge.tsx";
import { classes } from "./classes.ts";
import { ColumnMenu } from "./column-menu.tsx";
import { Link } from "./link.tsx";
import { ScrollRegion } from "./scroll-region.tsx";
import { SelectBox, type Selection, useSelection } from "./selection.tsx";
import { COLUMNS_PARAM, useShownColumns } from "./shown-columns.ts";
import { RowRemoved, useSteadyRows } from "./steady-rows.ts";
import { visibleIfText } from "./visible.tsx";

export interface ColumnLook {
  align?: "right";
  /**
   * Hidden on narrow screens, or with "below" a line under the row's first cell there, unless the cell is empty or has
   * `data-nothing`. "only wide": hidden on tablets, too. "widest": also on small laptops.
   */
  wide?: boolean | "below" | "only wide" | "widest";
  /** Takes the remaining width and breaks long words, or with "cut" shows one line as far as it fits. */
  grow?: boolean | "cut";
}

export interface Column<Row> {
  id: string;
  /** Empty: the column of actions. */
  header: string;
  cell: (row: Row) => ReactNode;
  look: ColumnLook;
}

/** A column whose cells are rendered from the whole row. */
export function column<Row>(
  id: string,
  header: string,
  cell: (row: Row) => ReactNode,
  look: ColumnLook = {},
): Column<Row> {
  return { id, header, cell, look };
}

export interface SortLink {
  href: string;
  /** How this column sorts the rows now; null when it does not. */
  now: "ascending" | "descending" | null;
}

export interface PagerLinks {
  previous: string | null;
  next: string | null;
  first: string | null;
  /** Left out where a list has no way to its end. */
  last?: string | null;
}

/** Loaded when the first row is chosen. */
const SelectionBar = lazy(() => import("./selection-bar.tsx"));

/** A table of one page of rows. The address has the sort order and the page, so headers and pager are links. */
export function DataTable<Row>({
  label,
  columns: all,
  rows,
  rowKey,
  sortLinks = {},
  pager,
  summary,
  empty,
  editable = false,
  current = null,
  selection,
}: {
  label: string;
  columns: readonly Column<Row>[];
  rows: Row[];
  rowKey: (row: Row) => string;
  /** By column id. */
  sortLinks?: Record<string, SortLink>;
  pager?: PagerLinks;
  summary?: ReactNode;
  /** Shown instead of the table when there are no rows. */
  empty?: ReactNode;
  /** The user chooses its columns, in the address: at most one such table on a page. */
  editable?: boolean;
  /** The key of the row that is open beside the table. */
  current?: string | null;
  /** Rows can be chosen. `name`: what a row is called. `actions`: what can be done with those that are. */
  selection?: { name: (row: Row) => string; actions: (rows: Row[]) => ReactNode };
}) {
  const { shown, body } = useSteadyRows(rows, rowKey);
  const chosenRows = useSelection(shown);
  const leading = all.find(({ look }) => !look.wide)?.id;
  const chosen = useShownColumns();
  const isFixed = ({ id, header }: Column<Row>) => id === leading || header === "";
  const columns = all.filter((one) => !editable || chosen === null || isFixed(one) || chosen.has(one.id));
  const keepColumns = (href: string | null) => (href !== null && editable ? withColumns(href, chosen) : href);
  const links = pager && {
    first: keepColumns(pager.first),
    previous: keepColumns(pager.previous),
    next: keepColumns(pager.next),
    last: keepColumns(pager.last ?? null),
  };
  const menu = editable ? <ColumnMenu columns={all.filter((one) => !isFixed(one))} /> : null;
  if (shown.length === 0 && empty) {
    return (
      <>
        {empty}
        <Pager links={links} />
      </>
    );
  }
  return (
    <>
      <ScrollRegion label={label}>
        <table className="w-full border-collapse">
          <caption className="sr-only">{label}</caption>
          <Headers
            columns={columns}
            leading={leading}
            sortLinks={sortLinks}
            keepColumns={keepColumns}
            selection={selection ? chosenRows : null}
          />
          <tbody ref={body}>
            {shown.map(({ key, row, removed }) => (
              <RowRemoved key={key} value={removed}>
                <tr
                  data-key={key}
                  aria-disabled={removed || undefined}
                  aria-current={key === current || undefined}
                  className={classes(
                    "border-b border-line last:border-0 hover:bg-hover focus-within:bg-raised",
                    (key === current || (selection && chosenRows.has(key))) && "bg-accent-soft",
                    removed && "line-through opacity-55",
                  )}
                >
                  {selection ? (
                    <td className={SELECT_CELL}>
                      <SelectBox
                        label={`Select ${selection.name(row)}`}
                        checked={!removed && chosenRows.has(key)}
                        disabled={removed}
                        onChange={() => chosenRows.toggle(key)}
                      />
                    </td>
                  ) : null}
                  {columns.map(({ id, cell, look }) => (
                    <td key={id} className={classes("h-8 py-1", classesOfCell(look, id === leading))}>
                      {visibleIfText(cell(row))}
                      {removed && id === leading ? <Badge>Removed</Badge> : null}
                      {id === leading ? <LinesBelow columns={columns} row={row} /> : null}
                    </td>
                  ))}
                </tr>
              </RowRemoved>
            ))}
          </tbody>
        </table>
      </ScrollRegion>
      {selection && chosenRows.rows.length > 0 ? (
        <Suspense fallback={null}>
          <SelectionBar count={chosenRows.rows.length} onClear={chosenRows.clear}>
            {selection.actions(chosenRows.rows)}
          </SelectionBar>
        </Suspense>
      ) : null}
      <Pager links={links} summary={summary} menu={menu} />
    </>
  );
}

/** On narrow screens: the cells of the columns that are hidden there, under the first one. */
function LinesBelow<Row>({ columns, row }: { columns: readonly Column<Row>[]; row: Row }) {
  return columns
    .filter(({ look }) => look.wide === "below")
    .map(({ id, header, cell }) => (
      <div
        key={id}
        className={classes(
          "mt-0.5 flex flex-wrap gap-x-1 text-xs text-muted",
          "has-[>span:empty]:hidden has-[[data-nothing]]:hidden md:hidden",
        )}
      >
        {header === "" ? null : `${header}: `}
        <span className="min-w-0">{visibleIfText(cell(row))}</span>
      </div>
    ));
}

const HEADER = classes(
  "z-10 h-7 group-data-fits/region:sticky group-data-fits/region:top-12",
  "bg-canvas text-xs font-normal text-muted shadow-[inset_0_-1px_0_var(--line)]",
);
const SELECT_CELL = "w-7 py-1 pl-3";

function Headers<Row>({
  columns,
  leading,
  sortLinks,
  keepColumns,
  selection,
}: {
  columns: readonly Column<Row>[];
  leading: string | undefined;
  sortLinks: Record<string, SortLink>;
  keepColumns: (href: string | null) => string | null;
  /** Null: rows cannot be chosen. */
  selection: Selection<Row> | null;
}) {
  return (
    <thead>
      <tr>
        {selection ? (
          <th scope="col" className={classes(HEADER, SELECT_CELL)}>
            <SelectBox
              label="Select all rows of this page"
              checked={selection.isAll}
              mixed={selection.rows.length > 0 && !selection.isAll}
              onChange={selection.toggleAll}
            />
          </th>
        ) : null}
        {columns.map(({ id, header, look }) => {
          const link = sortLinks[id];
          const sort = link && { ...link, href: keepColumns(link.href) ?? link.href };
          return (
            <th
              key={id}
              scope="col"
              aria-sort={sort?.now ?? undefined}
              className={classes(HEADER, classesOfCell(look, id === leading))}
            >
              <HeaderText sort={sort}>{header === "" ? <span className="sr-only">Actions</span> : header}</HeaderText>
            </th>
          );
        })}
      </tr>
    </thead>
  );
}

/** The address with the columns that are chosen now. */
function withColumns(href: string, chosen: ReadonlySet<string> | null): string {
  if (chosen === null) return href;
  const [path = "", query = ""] = href.split("?");
  const search = new URLSearchParams(query);
  search.set(COLUMNS_PARAM, [...chosen].join(","));
  return `${path}?${search}`;
}

const SHOWN_FROM = {
  below: "hidden md:table-cell",
  "only wide": "hidden xl:table-cell",
  widest: "hidden min-[88rem]:table-cell",
};

/** `leading`: the first column that narrow screens show. */
function classesOfCell(look: ColumnLook, leading: boolean): string {
  return classes(
    "px-2 first:pl-3 last:pr-3 max-sm:px-1.5",
    look.align === "right" ? "text-right" : "text-left",
    look.wide && SHOWN_FROM[look.wide === true ? "below" : look.wide],
    look.grow === "cut"
      ? "w-full max-w-40 sm:max-w-0"
      : look.grow
        ? "w-full min-w-28 wrap-anywhere 2xl:min-w-36"
        : leading
          ? "min-w-28 wrap-anywhere md:whitespace-nowrap"
          : "whitespace-nowrap",
    // The columns before it may be hidden.
    leading && "max-md:pl-3",
  );
}

/** A column's header, as a link where the table can be sorted by it. */
function HeaderText({ sort, children }: { sort: SortLink | undefined; children: ReactNode }) {
  if (sort === undefined) return children;
  return (
    <Link
      href={sort.href}
      className={classes("inline-flex items-center gap-1 hover:text-ink", sort.now && "font-semibold text-ink")}
    >
      {children}
      {sort.now === "ascending" ? (
        <ArrowUp aria-hidden className="size-3.5" />
      ) : sort.now === "descending" ? (
        <ArrowDown aria-hidden className="size-3.5" />
      ) : (
        <ArrowUpDown aria-hidden className="size-3.5 opacity-60" />
      )}
    </Link>
  );
}

/** Links to the pages beside this one. Pages are found by cursor, so there are no page numbers. */
function Pager({ links, summary, menu }: { links?: PagerLinks; summary?: ReactNode; menu?: ReactNode }) {
  const elsewhere = links?.previous || links?.next || links?.first || links?.last;
  if (!elsewhere && !summary && !menu) return null;
  return (
    <div className="flex min-h-9 flex-wrap items-center justify-between gap-2 border-t border-line px-3 py-1 text-xs text-muted">
      <span className="mr-auto">{summary}</span>
      {menu}
      {links && elsewhere ? (
        <nav aria-label="Pages" className="flex items-center gap-1">
          {links.first ? (
            <Link href={links.first} className="rounded px-2 py-1 hover:bg-hover hover:text-ink">
              First
            </Link>
          ) : null}
          <Step href={links.previous} label="Previous">
            <ChevronLeft aria-hidden className="size-4" />
            Previous
          </Step>
          <Step href={links.next} label="Next">
            Next
            <ChevronRight aria-hidden className="size-4" />
          </Step>
          {links.last ? (
            <Link href={links.last} className="rounded px-2 py-1 hover:bg-hover hover:text-ink">
              Last
            </Link>
          ) : null}
        </nav>
      ) : null}
    </div>
  );
}

function Step({ href, label, children }: { href: string | null; label: string; children: ReactNode }) {
  const look = "inline-flex items-center gap-0.5 rounded border border-line px-2 py-1";
  if (!href) {
    return (
      <span aria-hidden className={classes(look, "border-dashed")}>
        {children}
      </span>
    );
  }
  return (
    <Link href={href} aria-label={`${label} page`} className={classes(look, "bg-surface text-ink hover:bg-hover")}>
      {children}
    </Link>
  );
}
