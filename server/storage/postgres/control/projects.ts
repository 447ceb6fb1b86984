/** Projects are not recorded: they are the projects of the queues. */
import { Prisma } from "../../../../prisma/generated/client.ts";
import type { QueueController } from "../../control-driver.ts";
import { badMarker, type Page } from "../../list-pages.ts";
import { type Bound, keysetPage, operatorOf, orderOf, prefixEnd } from "../sql/keyset.ts";

export function listProjects(
  prisma: Prisma.TransactionClient,
  { page, search = "" }: Parameters<QueueController["listProjects"]>[0],
): Promise<Page<string>> {
  const end = prefixEnd(search);
  const range = Prisma.sql`project >= ${search} ${end === null ? Prisma.empty : Prisma.sql`AND project < ${end}`}`;
  return keysetPage({
    page,
    // Each step jumps to the next project's first queue. So a project with 100,000 queues costs one index look-up.
    fetch: (bound, order, take) => {
      const step = order === "asc" ? Prisma.sql`>` : Prisma.sql`<`;
      const from = bound ? Prisma.sql`AND project ${operatorOf(bound)} ${projectOfMarker(bound)}` : Prisma.empty;
      return prisma.$queryRaw<{ project: string }[]>`
        WITH RECURSIVE found (project) AS (
          (SELECT project FROM queues WHERE ${range} ${from} ORDER BY project ${orderOf(order)} LIMIT 1)
          UNION ALL
          SELECT (SELECT q.project FROM queues q WHERE q.project ${step} found.project AND ${range}
                  ORDER BY q.project ${orderOf(order)} LIMIT 1)
          FROM found WHERE found.project IS NOT NULL)
        SELECT project FROM found WHERE project IS NOT NULL LIMIT ${take}`;
    },
    marker: (row) => `=${row.project}`,
    item: (row) => row.project,
  });
}

export async function projectsWithQueues(
  prisma: Prisma.TransactionClient,
  projects: readonly string[],
): Promise<string[]> {
  const rows = await prisma.$queryRaw<{ project: string }[]>`
    SELECT p.project FROM unnest(${[...new Set(projects)]}::text[]) AS p(project)
    WHERE EXISTS (SELECT 1 FROM queues q WHERE q.project = p.project)`;
  return rows.map((row) => row.project);
}

function projectOfMarker({ marker, field }: Bound): string {
  if (!marker.startsWith("=")) throw badMarker(field);
  return marker.slice(1);
}
