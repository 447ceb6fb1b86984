/**
 * Pages of queues by what their last samples say. `queue_samples` has a row for each queue, and an index for each order
 * by samples; those by name and creation are of `queues`. A page follows the index and skips what the filter leaves
 * out.
 */
import { Prisma } from "../../../../prisma/generated/client.ts";
import type { Queue, QueueController, QueueFilter, QueueOrder } from "../../control-driver.ts";
import { badMarker, type Page } from "../../list-pages.ts";
import { onlyProject } from "../../where.ts";
import { type Bound, keysetPage, operatorOf, orderOf, prefixEnd, readMarker, writeMarker } from "../sql/keyset.ts";
import { isProject, ofProjects } from "../sql/of-projects.ts";

interface SampledRow extends Queue {
  /** The sort key, as a marker has it. */
  sortKey: string;
}

interface Key {
  column: Prisma.Sql;
  /** As text for markers. */
  written: Prisma.Sql;
  read: (text: string) => Prisma.Sql | null;
}

/** A column of the order: in the table, and in what was found. */
interface KeyColumn {
  column: Prisma.Sql;
  found: Prisma.Sql;
}

/** In microseconds since 1970: a Date would lose the last digits. */
const instant = (column: Prisma.Sql): Key => ({
  column,
  written: Prisma.sql`CASE WHEN ${column} = 'infinity' THEN 'infinity'
    ELSE ((extract(epoch FROM ${column}) * 1000000)::bigint)::text END`,
  read: (text) => {
    if (text === "infinity") return Prisma.sql`'infinity'::timestamptz`;
    if (!/^\d{1,16}$/.test(text)) return null;
    return Prisma.sql`('epoch'::timestamptz + ${text}::text::bigint * interval '1 microsecond')`;
  },
});
const number = (column: Prisma.Sql, type: Prisma.Sql): Key => ({
  column,
  written: Prisma.sql`${column}::text`,
  read: (text) => (/^-?\d{1,18}(\.\d{1,18})?(e[+-]\d{1,3})?$/.test(text) ? Prisma.sql`${text}::text::${type}` : null),
});

/** Null: the name alone is the key. */
const KEYS: Readonly<Record<QueueOrder["field"], Key | null>> = {
  name: null,
  createdAt: instant(Prisma.sql`q.created_at`),
  depth: number(Prisma.sql`s.total`, Prisma.sql`bigint`),
  oldestReady: instant(Prisma.sql`s.oldest_ready_at`),
  rate: number(Prisma.sql`s.rate`, Prisma.sql`float8`),
};

export function needsSamples(filter: QueueFilter): boolean {
  return sampleConditions(filter).length > 0;
}

export function listSampledQueues(
  prisma: Prisma.TransactionClient,
  {
    projects,
    page,
    filter,
    orderBy,
    detailed,
  }: Parameters<QueueController["list"]>[0] & { filter: QueueFilter; orderBy: QueueOrder },
): Promise<Page<Queue>> {
  const key = KEYS[orderBy.field];
  const table = ordering(orderBy);
  const isOne = onlyProject(projects) !== null;
  const keys: KeyColumn[] = [
    ...(key === null ? [] : [{ column: key.column, found: Prisma.sql`sort_value` }]),
    ...(isOne ? [] : [{ column: Prisma.sql`${table}.project`, found: Prisma.sql`project` }]),
    { column: Prisma.sql`${table}.name`, found: Prisma.sql`name` },
  ];
  // By name alone, in the order of other lists by name.
  if (key === null) keys.reverse();
  const columns = keys.map(({ column }) => column);
  return keysetPage({
    page,
    descending: orderBy.direction === "desc",
    fetch: (bound, order, take) => {
      const within = [
        ...conditions(table, filter),
        ...(isOfQueues(orderBy) ? [] : sampleConditions(filter)),
        ...(bound ? [beyond(bound)] : []),
      ];
      const sorted = Prisma.join(keys.map(({ found }) => Prisma.sql`${found} ${orderOf(order)}`));
      const select = (project: Prisma.Sql | null) => Prisma.sql`
        SELECT ${table}.project, ${table}.name, ${key?.column ?? Prisma.sql`''`} AS sort_value,
          ${key?.written ?? Prisma.sql`''`} AS "sortKey"
        FROM ${sources(filter, orderBy)} WHERE ${allOf(table, project, within)}`;
      return prisma.$queryRaw<SampledRow[]>`
        SELECT project, name, ${detailed ? Prisma.sql`metadata` : Prisma.sql`'{}'`} AS "metadataText",
          created_at AS "createdAt", updated_at AS "updatedAt", listed."sortKey"
        FROM (
          SELECT ones.*, row_number() OVER () AS place FROM (
            ${ofProjects(projects, select, Prisma.sql`ORDER BY ${sorted} LIMIT ${take}`)}
          ) AS ones
        ) AS listed JOIN queues USING (project, name) ORDER BY place`;
    },
    marker: ({ sortKey, project: of, name }) => {
      // Of one project by name, the name is the marker.
      if (key === null) return isOne ? name : writeMarker([name, of]);
      return writeMarker([sortKey, ...(isOne ? [] : [of]), name]);
    },
    item: ({ sortKey: _, ...queue }) => queue,
  });

  function beyond(bound: Bound): Prisma.Sql {
    if (key === null && isOne) return Prisma.sql`q.name ${operatorOf(bound)} ${bound.marker}`;
    const parts = readMarker(
      bound,
      columns.map(() => "text" as const),
    );
    const values = parts.map((part, index) => (key !== null && index === 0 ? key.read(part) : Prisma.sql`${part}`));
    const known = values.filter((value) => value !== null);
    if (known.length < values.length) throw badMarker(bound.field);
    return Prisma.sql`(${Prisma.join(columns)}) ${operatorOf(bound)} (${Prisma.join(known)})`;
  }
}

/** To be counted. */
export function sampledRows(project: Prisma.Sql | null, filter: QueueFilter): Prisma.Sql {
  const table = Prisma.sql`s`;
  const within = [...conditions(table, filter), ...sampleConditions(filter)];
  return Prisma.sql`SELECT 1 FROM ${sources(filter)} WHERE ${allOf(table, project, within)}`;
}

const isOfQueues = ({ field }: QueueOrder) => field === "name" || field === "createdAt";

/** The table whose index a page follows. Its columns have to be those of the order and of the scope. */
function ordering(orderBy: QueueOrder): Prisma.Sql {
  return isOfQueues(orderBy) ? Prisma.sql`q` : Prisma.sql`s`;
}

/**
 * Hazard: with joins PostgreSQL would begin with the condition that it takes for the rarest, and sort all that it
 * finds. OFFSET 0 keeps it from that: it follows the index of the order, and looks each queue up in the other tables.
 */
function sources(filter: QueueFilter, orderBy?: QueueOrder): Prisma.Sql {
  const { pool, flavor, isDeadLetterQueue } = filter;
  const byQueues = orderBy !== undefined && isOfQueues(orderBy);
  const table = byQueues ? Prisma.sql`q` : Prisma.sql`s`;
  const facets = [
    ...(pool === undefined ? [] : [Prisma.sql`f.pool = ${pool}`]),
    ...(flavor === undefined ? [] : [Prisma.sql`f.flavor = ${flavor}`]),
    ...(isDeadLetterQueue === undefined ? [] : [Prisma.sql`f.is_dead_letter_queue = ${isDeadLetterQueue}`]),
  ];
  const sampled = [Prisma.sql`s.project = q.project`, Prisma.sql`s.name = q.name`, ...sampleConditions(filter)];
  const samples = byQueues
    ? Prisma.sql`queues q CROSS JOIN LATERAL (
        SELECT 1 FROM queue_samples s WHERE ${Prisma.join(sampled, " AND ")} OFFSET 0) AS s`
    : Prisma.sql`queue_samples s`;
  if (facets.length === 0) return samples;
  return Prisma.sql`${samples} CROSS JOIN LATERAL (
    SELECT 1 FROM queue_facets f
    WHERE f.project = ${table}.project AND f.name = ${table}.name AND ${Prisma.join(facets, " AND ")} OFFSET 0) AS f`;
}

/** Of the table that a page follows. */
function conditions(table: Prisma.Sql, { search = "" }: QueueFilter): Prisma.Sql[] {
  const end = prefixEnd(search);
  return [
    ...(search === "" ? [] : [Prisma.sql`${table}.name >= ${search}`]),
    ...(end === null ? [] : [Prisma.sql`${table}.name < ${end}`]),
  ];
}

function allOf(table: Prisma.Sql, project: Prisma.Sql | null, within: readonly Prisma.Sql[]): Prisma.Sql {
  return Prisma.join([Prisma.sql`true`, ...isProject(project, Prisma.sql`${table}.project`), ...within], " AND ");
}

/** A queue without a sample meets none. */
function sampleConditions(filter: QueueFilter): Prisma.Sql[] {
  const { oldestReadyBefore } = filter;
  const states = [
    [filter.hasReady, Prisma.sql`s.ready`],
    [filter.hasClaimed, Prisma.sql`s.claimed`],
    [filter.hasDelayed, Prisma.sql`s.delayed`],
    [filter.hasExhausted, Prisma.sql`s.exhausted`],
  ] as const;
  return [
    ...states.flatMap(([has, column]) => {
      if (has === undefined) return [];
      return [has ? Prisma.sql`${column} > 0` : Prisma.sql`${column} = 0 AND s.total >= 0`];
    }),
    ...(oldestReadyBefore === undefined ? [] : [Prisma.sql`s.oldest_ready_at < ${oldestReadyBefore}`]),
  ];
}
