/** CSV as RFC 4180 has it, safe to open in a spreadsheet. */

/** What a spreadsheet would take for the beginning of a formula: also in full width, and behind white space. */
const FORMULA = /^[\s]*[=+\-@＝＋－＠]|^[\t\r\n]/;
const NEEDS_QUOTES = /[",\r\n]|^\s|\s$/;

/**
 * One cell. Nothing for null; a list or an object as JSON. A text that a spreadsheet would run as a formula gets an
 * apostrophe in front, which spreadsheets do not show. Numbers stay as they are.
 */
export function csvCell(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return NEEDS_QUOTES.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export const csvLine = (cells: readonly unknown[]): string => `${cells.map(csvCell).join(",")}\r\n`;

/** The value at a path such as `stats.ready`; undefined when something above it is null. */
export function valueAt(row: Readonly<Record<string, unknown>>, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((value, name) => (value as Record<string, unknown> | null | undefined)?.[name], row);
}
