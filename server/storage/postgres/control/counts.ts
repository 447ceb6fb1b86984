/** How many queues there are of many projects or pools: one statement for all, each counted up to a bound. */
import { Prisma } from "../../../../prisma/generated/client.ts";

const COUNT_LIMIT = 10_000;

interface Count {
  value: number;
  exact: boolean;
}

/** For each name the rows of `table` whose `column` is that name. */
async function countEach(
  prisma: Prisma.TransactionClient,
  table: Prisma.Sql,
  column: Prisma.Sql,
  names: readonly string[],
): Promise<Count[]> {
  if (names.length === 0) return [];
  const rows = await prisma.$queryRaw<{ value: bigint }[]>`
    SELECT counted.value FROM unnest(${[...names]}::text[]) WITH ORDINALITY AS asked(name, n)
    CROSS JOIN LATERAL (
      SELECT count(*) AS value FROM (
        SELECT 1 FROM ${table} AS t WHERE t.${column} = asked.name LIMIT ${COUNT_LIMIT + 1}) AS found
    ) AS counted ORDER BY asked.n`;
  return rows.map((row) => {
    const value = Number(row.value);
    return { value: Math.min(value, COUNT_LIMIT), exact: value <= COUNT_LIMIT };
  });
}

export const countQueuesOfProjects = (prisma: Prisma.TransactionClient, projects: readonly string[]) =>
  countEach(prisma, Prisma.sql`queues`, Prisma.sql`project`, projects);

export const countQueuesOfPools = (prisma: Prisma.TransactionClient, pools: readonly string[]) =>
  countEach(prisma, Prisma.sql`catalogue_entries`, Prisma.sql`pool`, pools);
