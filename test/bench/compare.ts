import { median, summary } from "./rounds.ts";

/** One thing done in two settings. */
export interface Comparison {
  name: string;
  /** Each does it once; what it needs before or after is not timed when it returns the milliseconds itself. */
  base: () => Promise<unknown>;
  other: () => Promise<unknown>;
}

const PER_ROUND = 20;

/**
 * Times each comparison's sides in turn, `rounds` times, and prints the medians of the rounds' medians in milliseconds with their
 * spread, and the ratio.
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
    console.log(
      `  ${name.padEnd(12)} ${labels[0]} ${text(times[0]).padEnd(20)} ${labels[1]} ${text(times[1]).padEnd(20)} x${ratio.toFixed(2)}`,
    );
  }
}

/** In milliseconds; a number that the work gives counts instead of the clock. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  const own = await work();
  return typeof own === "number" ? own : performance.now() - start;
}
