import type { Contender } from "./contender.ts";
import { median, oneRound, type Rates, summary } from "./rounds.ts";

/** What is measured against others: a name, and one round of it. */
export interface Lane {
  name: string;
  round(clients: number, batch: number, seconds: number): Promise<Rates>;
}

export const laneOf = (contender: Contender): Lane => ({
  name: contender.name,
  round: (clients, batch, length) => oneRound(contender, clients, batch, length),
});

/** One load, measured in each lane so many times. */
export interface Cell {
  clients: number;
  batch: number;
  rounds: number;
  /** Of posting in a round. */
  seconds: number;
}

/** Of the round before the first, which does not count: a program that has just started runs what its compiler has not seen yet. */
const WARM_UP_SECONDS = 2;

/** The rates of each lane, in the order of the rounds. */
export async function interleaved(lanes: readonly Lane[], cell: Cell): Promise<Rates[][]> {
  const { clients, batch, rounds, seconds } = cell;
  const rates: Rates[][] = lanes.map(() => []);
  for (let round = -1; round < rounds; round += 1) {
    // Each is first in turn, so that none always meets the noise of its neighbour.
    for (let turn = 0; turn < lanes.length; turn += 1) {
      const place = (turn + round + 1) % lanes.length;
      const measured = await (lanes[place] as Lane).round(clients, batch, round < 0 ? WARM_UP_SECONDS : seconds);
      if (round >= 0) rates[place]?.push(measured);
    }
  }
  return rates;
}

/** Medians with their spread, and ratios to the lane `base`. */
export function printCell(lanes: readonly Lane[], rates: readonly Rates[][], { clients, batch }: Cell, base = 0): void {
  console.log(
    `\n${clients} client${clients === 1 ? "" : "s"}, ${batch === 1 ? "one by one" : `in batches of ${batch}`}`,
  );
  const of = (place: number, kind: keyof Rates) => (rates[place] ?? []).map((rate) => rate[kind]);
  const width = Math.max(16, ...lanes.map(({ name }) => name.length));
  for (const [place, lane] of lanes.entries()) {
    const text = (kind: keyof Rates) =>
      `${summary(of(place, kind))}, x${(median(of(place, kind)) / median(of(base, kind))).toFixed(2)}`;
    console.log(`  ${lane.name.padEnd(width)} post ${text("post").padEnd(32)} claim + delete ${text("take")}`);
  }
}
