import pg from "pg";
import { compare } from "./compare.ts";
import { BENCH_ACCESS, openBenchEngine } from "./engine.ts";

const FEW = 100;
const MANY = 100_000;

/** Compares a page of the queue list with statistics in a project of 100,000 queues with one in a project of 100. */
export async function queueLists(url: string, rounds: number): Promise<void> {
  const engine = await openBenchEngine(url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  // Row by row the triggers would take longer than the measurement.
  await client.query("ALTER TABLE queues DISABLE TRIGGER USER");
  for (const [project, count] of [
    ["few", FEW],
    ["many", MANY],
  ] as const) {
    await client.query(
      `INSERT INTO queues (project, name, metadata)
       SELECT $1, 'q' || lpad(n::text, 6, '0'), CASE WHEN n % 2 = 0 THEN '{"_flavor":"fast"}' ELSE '{}' END
       FROM generate_series(1, $2::int) n`,
      [project, count],
    );
    await client.query(
      `INSERT INTO catalogue_entries (project, queue, pool, epoch)
       SELECT project, name, 'default', nextval('catalogue_epoch') FROM queues WHERE project = $1`,
      [project],
    );
    await client.query(
      `INSERT INTO pool_queues (project, name, epoch)
       SELECT project, queue, epoch FROM catalogue_entries WHERE project = $1`,
      [project],
    );
  }
  await client.query("ALTER TABLE queues ENABLE TRIGGER USER");
  await client.query("SELECT rebuild_queue_facets()");
  await client.query("VACUUM ANALYZE");
  await client.end();

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
