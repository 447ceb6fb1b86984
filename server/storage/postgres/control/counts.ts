/** How many queues there are: counted up to a bound, so that it takes no longer the more there are. */
import { Prisma } from "../../../../prisma/generated/client.ts";
import type { Where } from "../../where.ts";

const COUNT_LIMIT = 10_000;
/** As many rows as a count reads. */
export const COUNTED_ROWS = COUNT_LIMIT + 1;

interface Count {
  value: number;
  exact: boolean;
}

/** The count of at most COUNTED_ROWS rows. */
export function countOf(row: { value: bigint } | undefined): Count {
  const value = Number(row?.value ?? 0);
  return { value: Math.min(value, COUNT_LIMIT), exact: value <= COUNT_LIMIT };
}

/** For each name the rows of `table` whose `column` is that name, in these projects. */
async function countEach(
  prisma: Prisma.TransactionClient,
  table: Prisma.Sql,
  column: Prisma.Sql,
  names: readonly string[],
  projects: Where = "all",
): Promise<Count[]> {
  if (names.length === 0) return [];
  const within = projects === "all" ? Prisma.empty : Prisma.sql`AND t.project = ANY(${[...projects]}::text[])`;
  const rows = await prisma.$queryRaw<{ value: bigint }[]>`
    SELECT counted.value FROM unnest(${[...names]}::text[]) WITH ORDINALITY AS asked(name, n)
    CROSS JOIN LATERAL (
      SELECT count(*) AS value FROM (
        SELECT 1 FROM ${table} AS t WHERE t.${column} = asked.name ${within} LIMIT ${COUNTED_ROWS}) AS found
    ) AS counted ORDER BY asked.n`;
  return rows.map(countOf);
}

export const countQueuesOfProjects = (prisma: Prisma.TransactionClient, projects: readonly string[]) =>
  countEach(prisma, Prisma.sql`queues`, Prisma.sql`project`, projects);

export const countQueuesOfPools = (
  prisma: Prisma.TransactionClient,
  { pools, projects }: { pools: readonly string[]; projects: Where },
) => countEach(prisma, Prisma.sql`catalogue_entries`, Prisma.sql`pool`, pools, projects);
