import { compare } from "./compare.ts";
import { BENCH_ACCESS, openBenchEngine } from "./engine.ts";
import { createManyQueues } from "./many-queues.ts";

const FEW = 100;
const MANY = 100_000;

/** Compares a page of the queue list with statistics in a project of 100,000 queues with one in a project of 100. */
export async function queueLists(url: string, rounds: number): Promise<void> {
  const engine = await openBenchEngine(url);
  const number = `CASE WHEN n < ${FEW} THEN n ELSE n - ${FEW} END + 1`;
  await createManyQueues(url, FEW + MANY, {
    project: `CASE WHEN n < ${FEW} THEN 'few' ELSE 'many' END`,
    name: `'q' || lpad((${number})::text, 6, '0')`,
    metadata: `CASE WHEN (${number}) % 2 = 0 THEN '{"_flavor":"fast"}' ELSE '{}' END`,
  });

  // Halfway down the list, where a scan from its beginning would cost time.
  const middle = (count: number) => `q${String(count / 2).padStart(6, "0")}`;
  const filter = { pool: "default", flavor: "fast", isDeadLetterQueue: false };
  const page = (project: string, count: number, from: string) => async () => {
    const after = from === "beginning" ? undefined : middle(count);
    const params = { project, page: { limit: 20, after }, withStats: true, ...(from === "filtered" ? { filter } : {}) };
    const { items } = await engine.operations.queues.list(BENCH_ACCESS, params);
    if (items.length !== 20 || items.some(({ stats }) => stats === null)) throw new Error("The page is not whole.");
  };
  console.log(
    `\nA page of 20 queues with statistics, of ${MANY.toLocaleString("en")} queues against ${FEW}: microseconds`,
  );
  await compare(
    ["beginning", "middle", "filtered"].map((from) => ({
      name: from,
      base: page("few", FEW, from),
      other: page("many", MANY, from),
    })),
    rounds,
    ["few", "many"],
  );
  await engine.close();
}
