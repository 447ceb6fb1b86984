import { expect, test } from "vitest";
import { type ExportName, exportHref } from "../../components/exports/export-href.ts";
import { EXPORT_LISTS } from "../../server/graphql/exports/lists.ts";

test("a list's arguments are the parameters of its file, without its page and without what is null", () => {
  const variables = {
    project: "",
    filter: { search: "a b", pool: undefined, states: ["READY", "CLAIMED"], ids: null },
    orderBy: { field: "DEPTH" },
    ...{ first: 50, after: "x", before: undefined },
  };
  expect(exportHref("queues", "csv", variables)).toBe(
    "/api/export/queues.csv?project=&filter.search=a+b&filter.states=READY&filter.states=CLAIMED&orderBy.field=DEPTH",
  );
  expect(exportHref("pools", "ndjson", {})).toBe("/api/export/pools.ndjson");
});

test("pages export lists that the server has", () => {
  // The type fails where a name is missing on either side.
  const names: Record<ExportName, unknown> = EXPORT_LISTS;
  const back: Record<keyof typeof EXPORT_LISTS, ExportName> = Object.fromEntries(
    Object.keys(names).map((name) => [name, name]),
  ) as Record<ExportName, ExportName>;
  expect(Object.keys(back)).toHaveLength(Object.keys(EXPORT_LISTS).length);
});
