/** "j" and "k" move the focus to the link of the next row or of the one before, "x" chooses the row with the focus. */
export function pressInRows(key: string): void {
  if (key === "x")
    document.activeElement?.closest("tr")?.querySelector<HTMLInputElement>("input[type=checkbox]")?.click();
  else moveRow(key === "j" ? 1 : -1);
}

function moveRow(step: 1 | -1): void {
  const rows = [...document.querySelectorAll("main tbody tr")];
  const here = rows.findIndex((row) => row.contains(document.activeElement));
  const at = here < 0 ? (step === 1 ? 0 : rows.length - 1) : here + step;
  const row = rows[at];
  row?.querySelector<HTMLElement>("a, button")?.focus();
  row?.scrollIntoView({ block: "nearest" });
}
