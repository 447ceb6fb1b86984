import { area, line } from "d3-shape";

import type { Values } from "./values.ts";

const round = (value: number) => Math.round(value * 100) / 100;

/** Heights in a drawing of `height`, with zero at the bottom. */
const heightOf = (most: number, height: number) => (value: number | null) =>
  round(height - ((value ?? 0) / (most || 1)) * height);

const middle = (_value: unknown, step: number) => step + 0.5;
const isNumber = (value: number | null) => value !== null;

/** The path of a line. A value between two gaps has no neighbour to connect to, so it gets a short dash. */
export function linePath(values: Values, most: number, height: number): string {
  const y = heightOf(most, height);
  const path = line<number | null>().defined(isNumber).x(middle).y(y);
  const alone = values.map((value, step) =>
    value !== null && (values[step - 1] ?? null) === null && (values[step + 1] ?? null) === null
      ? `M${round(step + 0.2)} ${y(value)}h0.6`
      : "",
  );
  return `${path([...values]) ?? ""}${alone.join("")}`;
}

/** The path of the area between a line and zero. */
export function areaPath(values: Values, most: number, height: number): string {
  return area<number | null>().defined(isNumber).x(middle).y0(height).y1(heightOf(most, height))([...values]) ?? "";
}

/** The path of the area between two lines, only where the first is above the second. */
export function excessPath(upper: Values, lower: Values, most: number, height: number): string {
  const y = heightOf(most, height);
  const pairs = upper.map((value, step) => {
    const other = lower[step] ?? null;
    return value !== null && other !== null && value > other ? ([value, other] as const) : null;
  });
  const path = area<readonly [number, number] | null>()
    .defined((pair) => pair !== null)
    .x(middle)
    .y0((pair) => y(pair?.[1] ?? 0))
    .y1((pair) => y(pair?.[0] ?? 0));
  return path(pairs) ?? "";
}

/** The highest value, rounded up to 1, 2, 2.5 or 5 times a power of ten. At least 1. */
export function niceMost(...all: readonly Values[]): number {
  let most = 0;
  for (const values of all) for (const value of values) if (value !== null && value > most) most = value;
  if (most <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return ([1, 2, 2.5, 5, 10].find((digit) => digit * power >= most) ?? 10) * power;
}
