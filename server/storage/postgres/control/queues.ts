/** The records of queues: name, metadata, dates. Their pools know how many messages they hold. */
import { Prisma } from "../../../../prisma/generated/client.ts";
import { DomainError } from "../../../errors.ts";
import type { Queue, QueueController } from "../../control-driver.ts";
import { badMarker } from "../../list-pages.ts";
import { type Bound, keysetPage, operatorOf, orderOf, prefixEnd, readMarker, writeMarker } from "../sql/keyset.ts";
import { guarded, type Session } from "./prisma-session.ts";

/** Queues are counted up to this number. */
const COUNT_LIMIT = 10_000;
/** At most this many queues with a missing dead letter queue have their metadata read. */
const MISSING_LIMIT = 1000;

interface ListRow {
  project: string;
  name: string;
  metadata: string;
  created_at: Date;
  updated_at: Date;
  /**
   * In microseconds since 1970, for markers. A Date has milliseconds only; a marker without the rest would repeat or
   * skip rows.
   */
  created_micros: bigint;
}

export function queueController({ session }: { session: Session }): QueueController {
  const { prisma } = session;
  const controller: QueueController = {
    async create({ project, name }, metadataText = "{}") {
      const { count } = await prisma.queue.createMany({
        data: [{ project, name, metadataText, deadLetterQueue: deadLetterQueueOf(metadataText) }],
        skipDuplicates: true,
      });
      return count === 1;
    },

    async delete({ project, name }) {
      await prisma.queue.deleteMany({ where: { project, name } });
    },

    async exists({ project, name }) {
      return (await prisma.queue.count({ where: { project, name } })) > 0;
    },

    async get({ project, name }) {
      // A transaction that reads a queue will probably write it next. The lock prevents a change in between.
      if (session.inTransaction) await lockQueue(prisma, project, name);
      const row = await prisma.queue.findUnique({
        where: { project_name: { project, name } },
        omit: { deadLetterQueue: true },
      });
      if (row === null) throw doesNotExist();
      return row;
    },

    async getMany(queues) {
      if (queues.length === 0) return [];
      const rows = await prisma.$queryRaw<ListRow[]>`
        SELECT project, name, metadata, created_at, updated_at FROM queues
        WHERE (project, name) IN (
          SELECT * FROM unnest(
            ${queues.map((queue) => queue.project)}::text[], ${queues.map((queue) => queue.name)}::text[]))`;
      return rows.map(toQueue);
    },

    async getMetadata({ project, name }) {
      if (session.inTransaction) await lockQueue(prisma, project, name);
      const row = await prisma.queue.findUnique({
        where: { project_name: { project, name } },
        select: { metadataText: true },
      });
      if (row === null) throw doesNotExist();
      return row.metadataText;
    },

    async setMetadata({ project, name }, metadataText) {
      const { count } = await prisma.queue.updateMany({
        where: { project, name },
        data: { metadataText, deadLetterQueue: deadLetterQueueOf(metadataText), updatedAt: new Date() },
      });
      if (count === 0) throw doesNotExist();
    },

    async listByDeadLetterQueue({ queue: { project, name }, limit }) {
      const rows = await prisma.queue.findMany({
        where: { project, deadLetterQueue: name },
        select: { name: true },
        orderBy: { name: "asc" },
        take: limit,
      });
      return rows.map((row) => row.name);
    },

    async listWithoutDeadLetterQueue({ projects, limit }) {
      const inProjects =
        projects === undefined ? Prisma.empty : Prisma.sql`AND q.project = ANY (${[...projects]}::text[])`;
      // The inner query reads two indexes only. The metadata of 100,000 queues would be ten times as much.
      return prisma.$queryRaw<{ project: string; name: string; metadataText: string }[]>`
        SELECT q.project, q.name, q.metadata AS "metadataText" FROM (
          SELECT q.project, q.name, q.dead_letter_queue FROM queues q
          WHERE q.dead_letter_queue IS NOT NULL ${inProjects}
            AND NOT EXISTS (SELECT 1 FROM queues d WHERE d.project = q.project AND d.name = q.dead_letter_queue)
          ORDER BY q.project, q.dead_letter_queue, q.name LIMIT ${MISSING_LIMIT}
        ) AS missing JOIN queues q ON q.project = missing.project AND q.name = missing.name
        WHERE ${hasKey("_max_claim_count")}
        ORDER BY missing.project, missing.dead_letter_queue, missing.name LIMIT ${limit}`;
    },

    async repairDeadLetterQueues(queues) {
      if (queues.length === 0) return;
      const rows = await prisma.$queryRaw<
        { project: string; name: string; metadata: string; recorded: string | null }[]
      >`
        SELECT project, name, metadata, dead_letter_queue AS recorded FROM queues
        WHERE (project, name) IN (
          SELECT * FROM unnest(
            ${queues.map((queue) => queue.project)}::text[], ${queues.map((queue) => queue.name)}::text[]))
          AND (dead_letter_queue IS NOT NULL OR ${hasKey("_dead_letter_queue")})`;
      for (const { project, name, metadata: metadataText, recorded } of rows) {
        const deadLetterQueue = deadLetterQueueOf(metadataText);
        if (deadLetterQueue === recorded) continue;
        await prisma.queue.updateMany({ where: { project, name, metadataText }, data: { deadLetterQueue } });
      }
    },

    async list({ project, page, prefix, sort = "name", descending, detailed }) {
      const plan = LISTS[sort][project === undefined ? "all" : "one"];
      return keysetPage({
        page,
        descending,
        fetch: (bound, order, take) => prisma.$queryRaw<ListRow[]>`
          SELECT project, name, ${detailed ? Prisma.sql`metadata` : Prisma.sql`'{}' AS metadata`},
            created_at, updated_at,
            (extract(epoch FROM created_at) * 1000000)::bigint AS created_micros
          FROM queues
          WHERE ${inScope(project, prefix)} ${bound ? Prisma.sql`AND ${plan.beyond(bound)}` : Prisma.empty}
          ORDER BY ${plan.order(orderOf(order))} LIMIT ${take}`,
        marker: plan.marker,
        item: toQueue,
      });
    },

    async count({ project, prefix }) {
      const rows = await prisma.$queryRaw<{ value: bigint }[]>`
        SELECT count(*) AS value FROM (
          SELECT 1 FROM queues WHERE ${inScope(project, prefix)} LIMIT ${COUNT_LIMIT + 1}) AS counted`;
      const value = Number(rows[0]?.value ?? 0);
      return { value: Math.min(value, COUNT_LIMIT), exact: value <= COUNT_LIMIT };
    },

    async listProjects({ page, search = "" }) {
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
    },
  };
  return guarded(session, controller, ["create", "delete", "setMetadata", "repairDeadLetterQueues"]);
}

interface ListPlan {
  beyond: (bound: Bound) => Prisma.Sql;
  order: (direction: Prisma.Sql) => Prisma.Sql;
  marker: (row: ListRow) => string;
}

/** The four orders of a list. Each follows an index, and ends in a unique key. */
const LISTS: Record<"name" | "createdAt", Record<"one" | "all", ListPlan>> = {
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
      marker: (row) => writeMarker([String(row.created_micros), row.name]),
    },
    all: {
      beyond: (bound) => {
        const [micros, project, name] = readMarker(bound, ["number", "text", "text"]);
        return Prisma.sql`(created_at, project, name) ${operatorOf(bound)} (${moment(micros)}, ${project}, ${name})`;
      },
      order: (direction) => Prisma.sql`created_at ${direction}, project ${direction}, name ${direction}`,
      marker: (row) => writeMarker([String(row.created_micros), row.project, row.name]),
    },
  },
};

/** A marker's microseconds as a timestamp. Exact: they stay below 2^53 until the year 2255. */
function moment(micros: string | undefined): Prisma.Sql {
  return Prisma.sql`('epoch'::timestamptz + ${micros}::text::bigint * interval '1 microsecond')`;
}

function inScope(project: string | undefined, prefix = ""): Prisma.Sql {
  const end = prefixEnd(prefix);
  const conditions = [
    project === undefined ? null : Prisma.sql`project = ${project}`,
    prefix === "" ? null : Prisma.sql`name >= ${prefix}`,
    end === null ? null : Prisma.sql`name < ${end}`,
  ].filter((condition) => condition !== null);
  return conditions.length === 0 ? Prisma.sql`true` : Prisma.join(conditions, " AND ");
}

async function lockQueue(prisma: Prisma.TransactionClient, project: string, name: string): Promise<void> {
  await prisma.$queryRaw`SELECT 1 FROM queues WHERE project = ${project} AND name = ${name} FOR UPDATE`;
}

function projectOfMarker({ marker, field }: Bound): string {
  if (!marker.startsWith("=")) throw badMarker(field);
  return marker.slice(1);
}

function toQueue(row: ListRow): Queue {
  return {
    project: row.project,
    name: row.name,
    metadataText: row.metadata,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** True when the metadata may have this key. JSON writes a key as it is, or with an escape. */
function hasKey(key: string): Prisma.Sql {
  return Prisma.sql`(strpos(metadata, ${`"${key}"`}) > 0 OR strpos(metadata, ${"\\u00"}) > 0)`;
}

/**
 * The dead letter queue that the metadata names, for the indexed column. Null when that is not a text, or a text that
 * cannot be stored.
 */
function deadLetterQueueOf(metadataText: string): string | null {
  if (!metadataText.includes("dead") && !metadataText.includes("\\u")) return null;
  try {
    const { _dead_letter_queue: name } = JSON.parse(metadataText) as { _dead_letter_queue?: unknown };
    return typeof name === "string" && name.isWellFormed() && !name.includes("\u0000") ? name : null;
  } catch {
    return null;
  }
}

function doesNotExist(): DomainError {
  return new DomainError("QUEUE_DOES_NOT_EXIST", "There is no queue of this name in this project.");
}
