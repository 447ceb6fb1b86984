"use client";

import { type ColumnDef, createColumnHelper, type RowData, tableFeatures, useTable } from "@tanstack/react-table";
import { ArrowDown, ArrowUp, ArrowUpDown, ChevronLeft, ChevronRight } from "lucide-react";
import { type ReactNode, useMemo } from "react";
import { Badge } from "./badge.tsx";
import { classes } from "./classes.ts";
import { Link } from "./link.tsx";
import { ScrollRegion } from "./scroll-region.tsx";
import { RowRemoved, useSteadyRows } from "./steady-rows.ts";
import { visibleIfText } from "./visible.tsx";

/** The server sorts, filters and pages, so the table needs none of the library's row models. */
const features = tableFeatures({});
type Features = typeof features;

export interface ColumnLook {
  align?: "right";
  /**
   * Hidden on narrow screens, or with "below" a line under the row's first cell there, unless the cell is empty or has
   * `data-nothing`.
   */
  wide?: boolean | "below";
  /** Takes the remaining width and breaks long words, or with "cut" shows one line as far as it fits. */
  grow?: boolean | "cut";
}

export type Column<Row extends RowData> = ColumnDef<Features, Row, unknown> & { look?: ColumnLook };

/** A column whose cells are rendered from the whole row. Without a header it is the column of actions. */
export function column<Row extends RowData>(
  id: string,
  header: string,
  cell: (row: Row) => ReactNode,
  look: ColumnLook = {},
): Column<Row> {
  const definition = createColumnHelper<Features, Row>().display({
    id,
    header,
    cell: (context) => visibleIfText(cell(context.row.original)),
  });
  return { ...definition, look };
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
}

/**
 * A table of one page of rows. The address has the sort order and the page, so headers and pager are links. Define
 * columns outside the component that renders the table: new columns rebuild it.
 */
export function DataTable<Row extends RowData>({
  label,
  columns,
  rows,
  rowKey,
  sortLinks = {},
  pager,
  summary,
  empty,
}: {
  label: string;
  columns: Column<Row>[];
  rows: Row[];
  rowKey: (row: Row) => string;
  /** By column id. */
  sortLinks?: Record<string, SortLink>;
  pager?: PagerLinks;
  summary?: ReactNode;
  /** Shown instead of the table when there are no rows. */
  empty?: ReactNode;
}) {
  const { shown, body } = useSteadyRows(rows, rowKey);
  const data = useMemo(() => shown.map(({ row }) => row), [shown]);
  const table = useTable<Features, Row>({ features, columns, data, getRowId: rowKey });
  const looks = new Map(columns.map((definition) => [definition.id, definition.look ?? {}]));
  const leading = columns.find((definition) => !definition.look?.wide)?.id;
  const cellLook = (id: string) => classesOfCell(looks.get(id) ?? {}, id === leading);

  if (shown.length === 0 && empty) {
    return (
      <>
        {empty}
        <Pager links={pager} />
      </>
    );
  }
  return (
    <>
      <ScrollRegion label={label} className="sm:max-h-[max(24rem,calc(100dvh-17rem))]">
        <table className="w-full border-collapse">
          <caption className="sr-only">{label}</caption>
          <Headers table={table} sortLinks={sortLinks} cellLook={cellLook} />
          <tbody ref={body}>
            {table.getRowModel().rows.map((row, index) => {
              const removed = shown[index]?.removed === true;
              return (
                <RowRemoved key={row.id} value={removed}>
                  <tr
                    data-key={row.id}
                    aria-disabled={removed || undefined}
                    className={classes(
                      "border-b border-line last:border-0 hover:bg-hover",
                      removed && "line-through opacity-55",
                    )}
                  >
                    {row.getAllCells().map((cell) => (
                      <td key={cell.id} className={classes("h-10 py-1.5", cellLook(cell.column.id))}>
                        <table.FlexRender cell={cell} />
                        {removed && cell.column.id === leading ? <Badge>Removed</Badge> : null}
                        {cell.column.id === leading
                          ? row
                              .getAllCells()
                              .filter((other) => looks.get(other.column.id)?.wide === "below")
                              .map((other) => (
                                <div
                                  key={other.id}
                                  className="mt-0.5 flex flex-wrap gap-x-1 text-[0.8125rem] text-muted has-[>span:empty]:hidden has-[[data-nothing]]:hidden md:hidden"
                                >
                                  {String(other.column.columnDef.header)}:{" "}
                                  <span className="min-w-0">
                                    <table.FlexRender cell={other} />
                                  </span>
                                </div>
                              ))
                          : null}
                      </td>
                    ))}
                  </tr>
                </RowRemoved>
              );
            })}
          </tbody>
        </table>
      </ScrollRegion>
      <Pager links={pager} summary={summary} />
    </>
  );
}

function Headers<Row extends RowData>({
  table,
  sortLinks,
  cellLook,
}: {
  table: ReturnType<typeof useTable<Features, Row>>;
  sortLinks: Record<string, SortLink>;
  cellLook: (column: string) => string;
}) {
  return (
    <thead>
      {table.getHeaderGroups().map((group) => (
        <tr key={group.id}>
          {group.headers.map((header) => {
            const sort = sortLinks[header.column.id];
            return (
              <th
                key={header.id}
                scope="col"
                aria-sort={sort?.now ?? undefined}
                className={classes(
                  "sticky top-0 z-10 h-9 bg-sunken text-[0.8125rem] font-medium text-muted shadow-[inset_0_-1px_0_var(--line)]",
                  cellLook(header.column.id),
                )}
              >
                <HeaderText sort={sort}>
                  {header.column.columnDef.header === "" ? (
                    <span className="sr-only">Actions</span>
                  ) : (
                    <table.FlexRender header={header} />
                  )}
                </HeaderText>
              </th>
            );
          })}
        </tr>
      ))}
    </thead>
  );
}

/** `leading`: the first column that narrow screens show. */
function classesOfCell(look: ColumnLook, leading: boolean): string {
  return classes(
    "px-2 first:pl-4 last:pr-4 md:px-3 md:first:pl-4 md:last:pr-4",
    look.align === "right" ? "text-right" : "text-left",
    look.wide && "hidden md:table-cell",
    look.grow === "cut"
      ? "w-full max-w-40 sm:max-w-0"
      : look.grow
        ? "w-full min-w-28 wrap-anywhere md:min-w-40"
        : leading
          ? "min-w-28 wrap-anywhere md:whitespace-nowrap"
          : "whitespace-nowrap",
    // The columns before it may be hidden.
    leading && "max-md:pl-4",
  );
}

/** A column's header, as a link where the table can be sorted by it. */
function HeaderText({ sort, children }: { sort: SortLink | undefined; children: ReactNode }) {
  if (sort === undefined) return children;
  return (
    <Link href={sort.href} className={classes("inline-flex items-center gap-1 hover:text-ink", sort.now && "text-ink")}>
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
function Pager({ links, summary }: { links?: PagerLinks; summary?: ReactNode }) {
  const elsewhere = links?.previous || links?.next || links?.first;
  if (!elsewhere && !summary) return null;
  return (
    <div className="flex min-h-11 flex-wrap items-center justify-between gap-2 border-t border-line px-4 py-1.5 text-[0.8125rem] text-muted">
      <span>{summary}</span>
      {links && elsewhere ? (
        <nav aria-label="Pages" className="flex items-center gap-1">
          {links.first ? (
            <Link href={links.first} className="rounded-md px-2 py-1 hover:bg-hover hover:text-ink">
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
        </nav>
      ) : null}
    </div>
  );
}

function Step({ href, label, children }: { href: string | null; label: string; children: ReactNode }) {
  const look = "inline-flex items-center gap-0.5 rounded-md border border-line px-2 py-1";
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
