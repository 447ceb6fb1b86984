"use client";

import { useState } from "react";
import type { SteadyRow } from "./steady-rows.ts";

/** Rows that the user has chosen. A row that is no longer there is not among them. */
export interface Selection<Row> {
  rows: Row[];
  has: (key: string) => boolean;
  toggle: (key: string) => void;
  /** All rows of the page, or none when all are chosen. */
  toggleAll: () => void;
  isAll: boolean;
  clear: () => void;
}

export function useSelection<Row>(shown: readonly SteadyRow<Row>[]): Selection<Row> {
  const [keys, setKeys] = useState<ReadonlySet<string>>(new Set());
  const there = shown.filter(({ removed }) => !removed);
  const chosen = there.filter(({ key }) => keys.has(key));
  const isAll = chosen.length > 0 && chosen.length === there.length;
  return {
    rows: chosen.map(({ row }) => row),
    has: (key) => keys.has(key),
    toggle: (key) => setKeys((before) => (before.has(key) ? without(before, key) : new Set([...before, key]))),
    toggleAll: () => setKeys(isAll ? new Set() : new Set(there.map(({ key }) => key))),
    isAll,
    clear: () => setKeys(new Set()),
  };
}

const without = (keys: ReadonlySet<string>, key: string) => new Set([...keys].filter((other) => other !== key));

/** `mixed`: some of what it stands for is chosen. */
export function SelectBox({
  label,
  checked,
  mixed = false,
  disabled = false,
  onChange,
}: {
  label: string;
  checked: boolean;
  mixed?: boolean;
  disabled?: boolean;
  onChange: () => void;
}) {
  return (
    <input
      type="checkbox"
      aria-label={label}
      checked={checked}
      disabled={disabled}
      ref={(box) => {
        if (box) box.indeterminate = mixed;
      }}
      onChange={onChange}
      className="block size-4 accent-accent-fill"
    />
  );
}
