"use client";

import { usePathname, useSearchParams } from "next/navigation";
import { createContext, type RefObject, useContext, useEffect, useRef, useState } from "react";

/** `removed`: the row no longer exists, and only keeps its place. */
export interface SteadyRow<Row> {
  key: string;
  row: Row;
  removed: boolean;
}

/** True inside a removed row: its buttons do nothing. */
export const RowRemoved = createContext(false);

/** Why a button in a row is disabled; null when it is not. */
export function useRowRemoved(): string | null {
  return useContext(RowRemoved) ? "It no longer exists." : null;
}

/** Merges new rows in: all rows up to `anchor` keep their places, and new rows come below it. */
export function keepPlaces<Row>(
  shown: readonly SteadyRow<Row>[],
  fresh: readonly SteadyRow<Row>[],
  anchors: readonly (string | null)[],
): SteadyRow<Row>[] {
  const last = shown.findLastIndex(({ key }) => anchors.includes(key));
  const found = new Map(fresh.map((row) => [row.key, row]));
  const kept = shown.slice(0, last + 1).map((row) => found.get(row.key) ?? { ...row, removed: true });
  const keptKeys = new Set(kept.map(({ key }) => key));
  return [...kept, ...fresh.filter(({ key }) => !keptKeys.has(key))];
}

interface State<Row> {
  address: string;
  rows: readonly Row[];
  shown: SteadyRow<Row>[];
}

/**
 * Rows that do not move under the pointer. While the pointer is on a row, or the focus in it, that row and those above
 * keep their places through refreshes, so that the second of two clicks does not hit another row. Another address
 * starts a new list.
 */
export function useSteadyRows<Row>(
  rows: readonly Row[],
  rowKey: (row: Row) => string,
): { shown: SteadyRow<Row>[]; body: RefObject<HTMLTableSectionElement | null> } {
  const address = `${usePathname()}?${useSearchParams()}`;
  const pointed = useRef<string | null>(null);
  const focused = useRef<string | null>(null);
  const freshOf = (all: readonly Row[]) => all.map((row) => ({ key: rowKey(row), row, removed: false }));
  const [state, setState] = useState<State<Row>>(() => ({ address, rows, shown: freshOf(rows) }));
  let { shown } = state;
  if (state.rows !== rows || state.address !== address) {
    const anchors = state.address === address ? [pointed.current, focused.current] : [];
    shown = keepPlaces(state.shown, freshOf(rows), anchors);
    setState({ address, rows, shown });
  }

  const body = useRef<HTMLTableSectionElement>(null);
  const settle = useRef(() => {});
  settle.current = () => {
    const next = keepPlaces(shown, freshOf(rows), [pointed.current, focused.current]);
    if (next.some(({ key }, index) => key !== shown[index]?.key) || next.length !== shown.length) {
      setState({ address, rows, shown: next });
    }
  };
  // Native events: React's also come from dialogs that a row opened.
  const there = shown.length > 0;
  useEffect(() => {
    const element = body.current;
    if (!there || element === null) return;
    const keyOf = (target: EventTarget | null) =>
      target instanceof Element && element.contains(target) ? (target.closest("tr")?.dataset.key ?? null) : null;
    const over = (event: PointerEvent) => {
      pointed.current = keyOf(event.target);
    };
    const leave = (event: PointerEvent) => {
      // A finger leaves the row as soon as it is lifted, and comes back to the same spot.
      if (event.pointerType !== "mouse") return;
      pointed.current = null;
      settle.current();
    };
    const down = (event: PointerEvent) => {
      pointed.current = keyOf(event.target);
      // A user who moves the pointer no longer uses the keyboard, even if the focus stays.
      focused.current = null;
      settle.current();
    };
    const focusIn = (event: FocusEvent) => {
      const byKeyboard = event.target instanceof Element && event.target.matches(":focus-visible");
      focused.current = byKeyboard ? keyOf(event.target) : null;
    };
    const focusOut = () => {
      focused.current = null;
      // The event for the next focus comes after this one.
      queueMicrotask(() => settle.current());
    };
    element.addEventListener("pointerover", over);
    element.addEventListener("pointerleave", leave);
    element.addEventListener("focusin", focusIn);
    element.addEventListener("focusout", focusOut);
    document.addEventListener("pointerdown", down);
    return () => {
      element.removeEventListener("pointerover", over);
      element.removeEventListener("pointerleave", leave);
      element.removeEventListener("focusin", focusIn);
      element.removeEventListener("focusout", focusOut);
      document.removeEventListener("pointerdown", down);
    };
  }, [there]);
  return { shown, body };
}
