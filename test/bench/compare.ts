import { median, summary } from "./rounds.ts";

/** One call measured in two settings. */
export interface Comparison {
  name: string;
  /** Each makes the call once. It may return the milliseconds itself, to leave out what it does before and after. */
  base: () => Promise<unknown>;
  other: () => Promise<unknown>;
}

const PER_ROUND = 20;

/**
 * Times both sides of each comparison in turn, `rounds` times. Prints the median of the rounds' medians in microseconds
 * with its spread, and the ratio of both sides.
 */
export async function compare(
  comparisons: readonly Comparison[],
  rounds: number,
  labels: [string, string],
): Promise<void> {
  for (const { name, base, other } of comparisons) {
    const times: [number[], number[]] = [[], []];
    for (let round = -1; round < rounds; round += 1) {
      const sides = round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const);
      for (const side of sides) {
        const took: number[] = [];
        for (let time = 0; time < PER_ROUND; time += 1) took.push(await timed(side === 0 ? base : other));
        if (round >= 0) times[side].push(median(took));
      }
    }
    const text = (values: number[]) => summary(values.map((value) => value * 1000));
    const ratio = median(times[1]) / median(times[0]);
    const columns = times.map((values, side) => `${labels[side]} ${text(values).padEnd(20)}`).join(" ");
    console.log(`  ${name.padEnd(12)} ${columns} x${ratio.toFixed(2)}`);
  }
}

/** In milliseconds. A number that the work returns counts instead of the clock. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  const own = await work();
  return typeof own === "number" ? own : performance.now() - start;
}
