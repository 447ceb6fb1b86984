/** Pages of queues, and how many there are. */
import { Prisma } from "../../../../prisma/generated/client.ts";
import type { Queue, QueueController, QueueFilter, QueueOrder } from "../../control-driver.ts";
import type { Page } from "../../list-pages.ts";
import { onlyProject } from "../../where.ts";
import { type Bound, keysetPage, operatorOf, orderOf, prefixEnd, readMarker, writeMarker } from "../sql/keyset.ts";
import { isProject, ofProjects } from "../sql/of-projects.ts";
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
  const { projects, page, filter = {}, orderBy = BY_NAME, detailed } = params;
  const { field } = orderBy;
  if (!isPlain(field) || needsSamples(filter)) return listSampledQueues(prisma, { ...params, filter, orderBy });
  const only = onlyProject(projects);
  const plan = PLANS[field][only === null ? "several" : "one"];
  return keysetPage({
    page,
    descending: orderBy.direction === "desc",
    fetch: (bound, order, take) => {
      const within = [...named(filter), ...(bound ? [plan.beyond(bound)] : [])];
      const sorted = plan.order(orderOf(order));
      const tail = Prisma.sql`ORDER BY ${sorted} LIMIT ${take}`;
      // Only columns of the index: what is left out by the merge is not read.
      const select = (project: Prisma.Sql | null) =>
        isFiltered(filter)
          ? Prisma.sql`
              SELECT * FROM (${ofEachFacet(plan.columns, { project, filter, within }, tail)}) AS of_facets`
          : Prisma.sql`SELECT ${plan.columns} FROM queues WHERE ${allOf([...isProject(project), ...within])}`;
      return prisma.$queryRaw<ListRow[]>`
        SELECT project, name, ${detailed ? Prisma.sql`metadata` : Prisma.sql`'{}'`} AS "metadataText",
          created_at AS "createdAt", updated_at AS "updatedAt",
          (extract(epoch FROM created_at) * 1000000)::bigint AS "createdMicros"
        FROM queues
        ${
          isFiltered(filter) || (projects !== "all" && only === null)
            ? Prisma.sql`JOIN (
                SELECT project, name FROM (${ofProjects(projects, select, tail)}) AS ones
              ) AS listed USING (project, name)`
            : Prisma.sql`WHERE ${allOf([...isProject(only === null ? null : Prisma.sql`${only}`), ...within])}`
        }
        ${tail}`;
    },
    marker: plan.marker,
    item: ({ createdMicros: _, ...queue }) => queue,
  });
}

export async function countQueues(
  prisma: Prisma.TransactionClient,
  { projects, filter = {} }: Parameters<QueueController["count"]>[0],
): Promise<{ value: number; exact: boolean }> {
  const within = named(filter);
  const limit = Prisma.sql`LIMIT ${COUNTED_ROWS}`;
  const select = (project: Prisma.Sql | null) => {
    if (needsSamples(filter)) return sampledRows(project, filter);
    if (isFiltered(filter)) {
      return Prisma.sql`SELECT 1 FROM (${ofEachFacet(Prisma.sql`1`, { project, filter, within }, limit)}) AS of_facets`;
    }
    return Prisma.sql`SELECT 1 FROM queues WHERE ${allOf([...isProject(project), ...within])}`;
  };
  const rows = await prisma.$queryRaw<{ value: bigint }[]>`
    SELECT count(*) AS value FROM (${ofProjects(projects, select, limit)}) AS counted`;
  return countOf(rows[0]);
}

interface Plan {
  /** What its order is made of, and the queue's name. */
  columns: Prisma.Sql;
  beyond: (bound: Bound) => Prisma.Sql;
  order: (direction: Prisma.Sql) => Prisma.Sql;
  marker: (row: ListRow) => string;
}

const NAMES = Prisma.sql`project, name`;
const NAMES_AND_AGE = Prisma.sql`project, name, created_at`;
const BY_NAME: QueueOrder = { field: "name", direction: "asc" };

/** The four orders of a list without samples. Each follows an index, and ends in a unique key. */
const PLANS: Record<"name" | "createdAt", Record<"one" | "several", Plan>> = {
  name: {
    one: {
      columns: NAMES,
      beyond: (bound) => Prisma.sql`name ${operatorOf(bound)} ${bound.marker}`,
      order: (direction) => Prisma.sql`name ${direction}`,
      marker: (row) => row.name,
    },
    several: {
      columns: NAMES,
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
      columns: NAMES_AND_AGE,
      beyond: (bound) => {
        const [micros, name] = readMarker(bound, ["number", "text"]);
        return Prisma.sql`(created_at, name) ${operatorOf(bound)} (${moment(micros)}, ${name})`;
      },
      order: (direction) => Prisma.sql`created_at ${direction}, name ${direction}`,
      marker: (row) => writeMarker([String(row.createdMicros), row.name]),
    },
    several: {
      columns: NAMES_AND_AGE,
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
function named({ search = "" }: QueueFilter): Prisma.Sql[] {
  const end = prefixEnd(search);
  return [
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

/** `facets`: the groups of the project that the filter chooses. Each step jumps to the first queue of the next group. */
function withFacets(project: Prisma.Sql | null, { pool, flavor, isDeadLetterQueue }: QueueFilter): Prisma.Sql {
  const within = allOf([
    Prisma.sql`created_at IS NOT NULL`,
    ...isProject(project, Prisma.sql`f.project`),
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

/** Queues of each group of `facets`: in each as `tail` orders and limits them. */
function ofEachFacet(
  columns: Prisma.Sql,
  { project, filter, within }: { project: Prisma.Sql | null; filter: QueueFilter; within: readonly Prisma.Sql[] },
  tail: Prisma.Sql,
): Prisma.Sql {
  const conditions = allOf([
    Prisma.sql`created_at IS NOT NULL`,
    Prisma.sql`f.pool = facets.pool`,
    Prisma.sql`f.flavor = facets.flavor`,
    Prisma.sql`f.is_dead_letter_queue = facets.is_dead_letter_queue`,
    ...isProject(project, Prisma.sql`f.project`),
    ...within,
  ]);
  return Prisma.sql`
    ${withFacets(project, filter)}
    SELECT one.* FROM facets CROSS JOIN LATERAL (
      SELECT ${columns} FROM queue_facets f
      WHERE ${conditions} ${tail}) AS one`;
}
