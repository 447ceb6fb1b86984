import type { Contender } from "./contender.ts";

export interface Rates {
  post: number;
  take: number;
}

/**
 * Posts with `clients` callers for `seconds`, then takes all of it away again. Messages a second of both.
 * Throws unless each message that was posted came exactly once.
 */
export async function oneRound(contender: Contender, clients: number, batch: number, seconds: number): Promise<Rates> {
  let posted = 0;
  const postStart = performance.now();
  const until = postStart + seconds * 1000;
  await callers(clients, async () => {
    while (performance.now() < until) {
      await contender.post(batch);
      posted += batch;
    }
  });
  const postSeconds = (performance.now() - postStart) / 1000;

  const taken: number[] = [];
  const takeStart = performance.now();
  if (contender.drain !== undefined) taken.push(...(await contender.drain(clients, posted)));
  else {
    await callers(clients, async () => {
      for (;;) {
        const got = await contender.take(batch);
        if (got.length === 0) return;
        for (const one of got) taken.push(one);
      }
    });
  }
  const takeSeconds = (performance.now() - takeStart) / 1000;
  if (taken.length !== posted || new Set(taken).size !== posted) {
    throw new Error(
      `${contender.name}: ${posted} posted, ${taken.length} taken, ${new Set(taken).size} of them different.`,
    );
  }
  return { post: posted / postSeconds, take: posted / takeSeconds };
}

async function callers(count: number, work: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: count }, work));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** Median, and the lowest and highest as percent of it. */
export function summary(values: readonly number[]): string {
  const middle = median(values);
  const percent = (value: number) => Math.round((value / middle) * 100);
  return `${Math.round(middle).toLocaleString("en")} (${percent(Math.min(...values))}-${percent(Math.max(...values))} %)`;
}
