/** The queues of a pool, as far as changes of pools must know them. */
import type { Prisma } from "../../../../prisma/generated/client.ts";
import { COUNTED_ROWS, countOf } from "./counts.ts";

/**
 * Waits for inserts into the catalogue that name this pool, and blocks later ones. So a count after it includes them
 * all.
 */
export async function holdPool(tx: Prisma.TransactionClient, name: string): Promise<void> {
  await tx.$queryRaw`SELECT 1 FROM pools WHERE name = ${name} FOR UPDATE`;
}

/** How many queues the catalogue maps to a pool, exact up to 10,000. */
export async function countQueues(
  prisma: Prisma.TransactionClient,
  pool: string,
): Promise<{ value: number; exact: boolean }> {
  const rows = await prisma.$queryRaw<{ value: bigint }[]>`
    SELECT count(*) AS value FROM (
      SELECT 1 FROM catalogue_entries WHERE pool = ${pool} LIMIT ${COUNTED_ROWS}) AS counted`;
  return countOf(rows[0]);
}
