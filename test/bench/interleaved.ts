import type { Contender } from "./contender.ts";
import { median, oneRound, type Rates, summary } from "./rounds.ts";

/** What the bench measures beside others: a contender in this process, or a server behind its load generator. */
export interface Subject {
  name: string;
  round(clients: number, batch: number, seconds: number): Promise<Rates>;
}

export const subjectOf = (contender: Contender): Subject => ({
  name: contender.name,
  round: (clients, batch, length) => oneRound(contender, clients, batch, length),
});

/** One load, and how often each subject is measured under it. */
export interface Cell {
  clients: number;
  batch: number;
  rounds: number;
  /** Of posting in a round. */
  seconds: number;
}

/** Length of an uncounted round before the first, in which the just-in-time compiler gets to know the code. */
const WARM_UP_SECONDS = 2;

/** Measures the subjects in turn. Returns the rates of each subject, one per round. */
export async function interleaved(subjects: readonly Subject[], cell: Cell): Promise<Rates[][]> {
  const { clients, batch, rounds, seconds } = cell;
  const rates: Rates[][] = subjects.map(() => []);
  for (let round = -1; round < rounds; round += 1) {
    // Each round begins with another subject, so that none always runs after the same neighbour.
    for (let turn = 0; turn < subjects.length; turn += 1) {
      const index = (turn + round + 1) % subjects.length;
      const measured = await (subjects[index] as Subject).round(clients, batch, round < 0 ? WARM_UP_SECONDS : seconds);
      if (round >= 0) rates[index]?.push(measured);
    }
  }
  return rates;
}

/** Prints medians with their spread, and ratios to the subject whose index is `base`. */
export function printCell(
  subjects: readonly Subject[],
  rates: readonly Rates[][],
  { clients, batch }: Cell,
  base = 0,
): void {
  console.log(
    `\n${clients} client${clients === 1 ? "" : "s"}, ${batch === 1 ? "one by one" : `in batches of ${batch}`}`,
  );
  const of = (index: number, kind: keyof Rates) => (rates[index] ?? []).map((rate) => rate[kind]);
  const width = Math.max(16, ...subjects.map(({ name }) => name.length));
  for (const [index, subject] of subjects.entries()) {
    const text = (kind: keyof Rates) =>
      `${summary(of(index, kind))}, x${(median(of(index, kind)) / median(of(base, kind))).toFixed(2)}`;
    console.log(`  ${subject.name.padEnd(width)} post ${text("post").padEnd(32)} claim + delete ${text("take")}`);
  }
}
