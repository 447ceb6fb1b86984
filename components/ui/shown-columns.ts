"use client";

import { useSearchParams } from "next/navigation";

/** The parameter of the address that names the columns that are shown. */
export const COLUMNS_PARAM = "columns";

/** The ids that the address names; null: it names none, and all are shown. */
export function useShownColumns(): ReadonlySet<string> | null {
  const text = useSearchParams().get(COLUMNS_PARAM);
  return text === null ? null : new Set(text.split(","));
}
