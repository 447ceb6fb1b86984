/** Pages of queues, and how many there are. */
import { Prisma } from "../../../../prisma/generated/client.ts";
import type { Queue, QueueController, QueueFilter, QueueOrder } from "../../control-driver.ts";
import type { Page } from "../../list-pages.ts";
import { type Bound, keysetPage, operatorOf, orderOf, prefixEnd, readMarker, writeMarker } from "../sql/keyset.ts";
import { COUNTED_ROWS, countOf } from "./counts.ts";
import { listSampledQueues, needsSamples, sampledRows } from "./queue-sample-lists.ts";

interface ListRow extends Queue {
  /**
   * In microseconds since 1970, for markers. A Date has milliseconds only; a marker without the rest would repeat or
   * skip rows.
   */
  createdMicros: bigint;
}

export function listQueues(
  prisma: Prisma.TransactionClient,
  params: Parameters<QueueController["list"]>[0],
): Promise<Page<Queue>> {
  const { project, page, filter = {}, orderBy = BY_NAME, detailed } = params;
  const { field } = orderBy;
  if (!isPlain(field) || needsSamples(filter)) return listSampledQueues(prisma, { ...params, filter, orderBy });
  const plan = PLANS[field][project === undefined ? "all" : "one"];
  return keysetPage({
    page,
    descending: orderBy.direction === "desc",
    fetch: (bound, order, take) => {
      const within = [...inScope(project, filter), ...(bound ? [plan.beyond(bound)] : [])];
      const sorted = plan.order(orderOf(order));
      return prisma.$queryRaw<ListRow[]>`
        ${isFiltered(filter) ? withFacets(project, filter) : Prisma.empty}
        SELECT project, name, ${detailed ? Prisma.sql`metadata` : Prisma.sql`'{}'`} AS "metadataText",
          created_at AS "createdAt", updated_at AS "updatedAt",
          (extract(epoch FROM created_at) * 1000000)::bigint AS "createdMicros"
        FROM queues
        ${
          isFiltered(filter)
            ? Prisma.sql`JOIN (
                SELECT project, name FROM (${ofEachFacet(Prisma.sql`project, name, created_at`, within, sorted, take)})
                AS ones ORDER BY ${sorted} LIMIT ${take}) AS listed USING (project, name)`
            : Prisma.sql`WHERE ${allOf(within)}`
        }
        ORDER BY ${sorted} LIMIT ${take}`;
    },
    marker: plan.marker,
    item: ({ createdMicros: _, ...queue }) => queue,
  });
}

export async function countQueues(
  prisma: Prisma.TransactionClient,
  { project, filter = {} }: Parameters<QueueController["count"]>[0],
): Promise<{ value: number; exact: boolean }> {
  const within = inScope(project, filter);
  const unfiltered = Prisma.sql`SELECT 1 FROM queues WHERE ${allOf(within)} LIMIT ${COUNTED_ROWS}`;
  const all = needsSamples(filter) ? sampledRows(project, filter, COUNTED_ROWS) : unfiltered;
  const byFacets = isFiltered(filter) && !needsSamples(filter);
  const rows = await prisma.$queryRaw<{ value: bigint }[]>`
    ${byFacets ? withFacets(project, filter) : Prisma.empty}
    SELECT count(*) AS value FROM (${
      byFacets ? Prisma.sql`${ofEachFacet(Prisma.sql`1`, within, null, COUNTED_ROWS)} LIMIT ${COUNTED_ROWS}` : all
    }) AS counted`;
  return countOf(rows[0]);
}

interface Plan {
  beyond: (bound: Bound) => Prisma.Sql;
  order: (direction: Prisma.Sql) => Prisma.Sql;
  marker: (row: ListRow) => string;
}

const BY_NAME: QueueOrder = { field: "name", direction: "asc" };

/** The four orders of a list without samples. Each follows an index, and ends in a unique key. */
const PLANS: Record<"name" | "createdAt", Record<"one" | "all", Plan>> = {
  name: {
    one: {
      beyond: (bound) => Prisma.sql`name ${operatorOf(bound)} ${bound.marker}`,
      order: (direction) => Prisma.sql`name ${direction}`,
      marker: (row) => row.name,
    },
    all: {
      beyond: (bound) => {
        const [name, project] = readMarker(bound, ["text", "text"]);
        return Prisma.sql`(name, project) ${operatorOf(bound)} (${name}, ${project})`;
      },
      order: (direction) => Prisma.sql`name ${direction}, project ${direction}`,
      marker: (row) => writeMarker([row.name, row.project]),
    },
  },
  createdAt: {
    one: {
      beyond: (bound) => {
        const [micros, name] = readMarker(bound, ["number", "text"]);
        return Prisma.sql`(created_at, name) ${operatorOf(bound)} (${moment(micros)}, ${name})`;
      },
      order: (direction) => Prisma.sql`created_at ${direction}, name ${direction}`,
      marker: (row) => writeMarker([String(row.createdMicros), row.name]),
    },
    all: {
      beyond: (bound) => {
        const [micros, project, name] = readMarker(bound, ["number", "text", "text"]);
        return Prisma.sql`(created_at, project, name) ${operatorOf(bound)} (${moment(micros)}, ${project}, ${name})`;
      },
      order: (direction) => Prisma.sql`created_at ${direction}, project ${direction}, name ${direction}`,
      marker: (row) => writeMarker([String(row.createdMicros), row.project, row.name]),
    },
  },
};

function isPlain(field: QueueOrder["field"]): field is keyof typeof PLANS {
  return Object.hasOwn(PLANS, field);
}

/** A marker's microseconds as a timestamp. Exact: they stay below 2^53 until the year 2255. */
function moment(micros: string | undefined): Prisma.Sql {
  return Prisma.sql`('epoch'::timestamptz + ${micros}::text::bigint * interval '1 microsecond')`;
}

/** Conditions on the columns that `queues` and `queue_facets` share. */
function inScope(project: string | undefined, { search = "" }: QueueFilter): Prisma.Sql[] {
  const end = prefixEnd(search);
  return [
    ...(project === undefined ? [] : [Prisma.sql`project = ${project}`]),
    ...(search === "" ? [] : [Prisma.sql`name >= ${search}`]),
    ...(end === null ? [] : [Prisma.sql`name < ${end}`]),
  ];
}

function allOf(conditions: readonly Prisma.Sql[]): Prisma.Sql {
  return conditions.length === 0 ? Prisma.sql`true` : Prisma.join([...conditions], " AND ");
}

// ---------------------------------------------------------------------------------------------- by facets
//
// The queues of one pool, one flavor and one kind lie together in each index of `queue_facets`, in the order of a list.
// A filter chooses among these groups. There are few, however many queues there are: so a page reads its rows from the
// beginning of each group, and merges them.

function isFiltered({ pool, flavor, isDeadLetterQueue }: QueueFilter): boolean {
  return pool !== undefined || flavor !== undefined || isDeadLetterQueue !== undefined;
}

/** `facets`: the groups of the scope that the filter chooses. Each step jumps to the first queue of the next group. */
function withFacets(project: string | undefined, { pool, flavor, isDeadLetterQueue }: QueueFilter): Prisma.Sql {
  const within = allOf([
    Prisma.sql`created_at IS NOT NULL`,
    ...(project === undefined ? [] : [Prisma.sql`project = ${project}`]),
    ...(pool === undefined ? [] : [Prisma.sql`f.pool = ${pool}`]),
  ]);
  const chosen = allOf([
    ...(flavor === undefined ? [] : [Prisma.sql`flavor = ${flavor}`]),
    ...(isDeadLetterQueue === undefined ? [] : [Prisma.sql`is_dead_letter_queue = ${isDeadLetterQueue}`]),
  ]);
  const group = Prisma.sql`f.pool, f.flavor, f.is_dead_letter_queue`;
  // Hazard: with the pool in both conditions, PostgreSQL would step through all queues of the pool.
  const beyond =
    pool === undefined
      ? Prisma.sql`(${group}) > (g.pool, g.flavor, g.is_dead_letter_queue)`
      : Prisma.sql`(f.flavor, f.is_dead_letter_queue) > (g.flavor, g.is_dead_letter_queue)`;
  return Prisma.sql`
    WITH RECURSIVE groups (pool, flavor, is_dead_letter_queue) AS (
      (SELECT ${group} FROM queue_facets f WHERE ${within} ORDER BY ${group} LIMIT 1)
      UNION ALL
      SELECT following.* FROM groups g CROSS JOIN LATERAL (
        SELECT ${group} FROM queue_facets f
        WHERE ${within} AND ${beyond}
        ORDER BY ${group} LIMIT 1) AS following),
    facets AS (SELECT * FROM groups WHERE ${chosen})`;
}

/** At most `take` queues of each group of `facets`. */
function ofEachFacet(
  columns: Prisma.Sql,
  within: readonly Prisma.Sql[],
  sorted: Prisma.Sql | null,
  take: number,
): Prisma.Sql {
  const conditions = allOf([
    Prisma.sql`created_at IS NOT NULL`,
    Prisma.sql`f.pool = facets.pool`,
    Prisma.sql`f.flavor = facets.flavor`,
    Prisma.sql`f.is_dead_letter_queue = facets.is_dead_letter_queue`,
    ...within,
  ]);
  return Prisma.sql`
    SELECT one.* FROM facets CROSS JOIN LATERAL (
      SELECT ${columns} FROM queue_facets f
      WHERE ${conditions} ${sorted === null ? Prisma.empty : Prisma.sql`ORDER BY ${sorted}`} LIMIT ${take}) AS one`;
}
