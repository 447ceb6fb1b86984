import { expect, test } from "vitest";
import { csvCell, csvLine, valueAt } from "../../server/http/csv.ts";

test("a cell that a spreadsheet would run as a formula has an apostrophe in front", () => {
  for (const text of ["=1+1", "+1", "-1", "@SUM(A1)", "＝1", "＋1", "－1", "＠a", " =1", "-"]) {
    expect(csvCell(text).replaceAll('"', "")).toBe(`'${text}`);
  }
  expect(csvCell("\t1")).toBe("'\t1");
  expect(csvCell("\rx")).toBe(`"'\rx"`);
  expect(csvCell("a=1")).toBe("a=1");
  expect(csvCell(-1.5)).toBe("-1.5");
});

test("cells are quoted as RFC 4180 has it, and nothing is an empty cell", () => {
  expect(csvLine(["a", 'say "no"', "x,y", "two\nlines", null, undefined, true, 0, ["b"]])).toBe(
    'a,"say ""no""","x,y","two\nlines",,,true,0,"[""b""]"\r\n',
  );
  expect(csvCell('="a"')).toBe(`"'=""a"""`);
  expect(csvCell(" a ")).toBe('" a "');
});

test("a column is a path, and is empty below what is null", () => {
  expect(valueAt({ stats: { ready: 3 } }, "stats.ready")).toBe(3);
  expect(valueAt({ stats: null }, "stats.ready")).toBeUndefined();
});
