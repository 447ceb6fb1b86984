import type { Contender } from "./contender.ts";

/**
 * Messages a second, and the CPU microseconds that this process spent on each message. The CPU time is steadier where
 * others share the machine.
 */
export interface Rates {
  post: number;
  take: number;
  postCpu: number;
  takeCpu: number;
}

/**
 * Posts with `clients` callers for `seconds`, then claims and deletes everything.
 * Throws unless each posted message came exactly once.
 */
export async function oneRound(contender: Contender, clients: number, batch: number, seconds: number): Promise<Rates> {
  let posted = 0;
  const postStart = performance.now();
  const beforePost = process.cpuUsage();
  const until = postStart + seconds * 1000;
  await callers(clients, async () => {
    while (performance.now() < until) {
      await contender.post(batch);
      posted += batch;
    }
  });
  const postSeconds = (performance.now() - postStart) / 1000;
  const postCpu = microsecondsSince(beforePost) / posted;

  const taken: number[] = [];
  const takeStart = performance.now();
  const beforeTake = process.cpuUsage();
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
  const takeCpu = microsecondsSince(beforeTake) / posted;
  if (taken.length !== posted || new Set(taken).size !== posted) {
    throw new Error(
      `${contender.name}: ${posted} posted, ${taken.length} taken, ${new Set(taken).size} of them different.`,
    );
  }
  return { post: posted / postSeconds, take: posted / takeSeconds, postCpu, takeCpu };
}

function microsecondsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return user + system;
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
export function summary(values: readonly number[], digits = 0): string {
  const middle = median(values);
  const percent = (value: number) => Math.round((value / middle) * 100);
  const spread = `${percent(Math.min(...values))}-${percent(Math.max(...values))} %`;
  return `${middle.toLocaleString("en", { maximumFractionDigits: digits })} (${spread})`;
}
