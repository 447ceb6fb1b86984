/** The catalogue: which pool holds which queue, in which epoch. */
import { Prisma } from "../../../../prisma/generated/client.ts";
import type { CatalogueController, CatalogueEntry } from "../../control-driver.ts";
import { queueNotMapped } from "../../storage-errors.ts";
import { type Bound, keysetPage, operatorOf, orderOf, prefixEnd, readMarker, writeMarker } from "../sql/keyset.ts";
import { countQueues } from "./pools.ts";
import { guarded, type Session } from "./prisma-session.ts";

interface EntryRow {
  project: string;
  queue: string;
  pool: string;
  position: bigint;
  epoch: bigint;
}

const COLUMNS = Prisma.sql`project, queue, pool, position, epoch`;

export function catalogueController({ session }: { session: Session }): CatalogueController {
  const { prisma } = session;

  async function find(project: string, queue: string): Promise<CatalogueEntry | null> {
    const row = await prisma.catalogueEntry.findUnique({ where: { project_queue: { project, queue } } });
    return row && toEntry(row);
  }

  const controller: CatalogueController = {
    async list({ project, pool, search = "", page }) {
      const end = prefixEnd(search);
      const scope = [
        project === undefined ? null : Prisma.sql`project = ${project}`,
        pool === undefined ? null : Prisma.sql`pool = ${pool}`,
        search === "" ? null : Prisma.sql`queue >= ${search}`,
        end === null ? null : Prisma.sql`queue < ${end}`,
      ].filter((condition) => condition !== null);
      const plan = search === "" ? BY_POSITION : BY_NAME;
      return keysetPage({
        page,
        fetch: (bound, order, take) => {
          const conditions = bound
            ? [...scope, Prisma.sql`${plan.key} ${operatorOf(bound)} ${plan.values(bound)}`]
            : scope;
          return prisma.$queryRaw<EntryRow[]>`
            SELECT ${COLUMNS} FROM catalogue_entries
            WHERE ${conditions.length === 0 ? Prisma.sql`true` : Prisma.join(conditions, " AND ")}
            ORDER BY ${plan.order(orderOf(order))} LIMIT ${take}`;
        },
        marker: plan.marker,
        item: toEntry,
      });
    },

    async get({ project, name }) {
      const entry = await find(project, name);
      if (entry === null) throw queueNotMapped({ project, name });
      return entry;
    },

    async getMany(queues) {
      if (queues.length === 0) return [];
      const rows = await prisma.$queryRaw<EntryRow[]>`
        SELECT ${COLUMNS} FROM catalogue_entries
        WHERE (project, queue) IN (
          SELECT * FROM unnest(
            ${queues.map((queue) => queue.project)}::text[], ${queues.map((queue) => queue.name)}::text[]))`;
      return rows.map(toEntry);
    },

    async insert({ project, name }, pool, { ifAbsent = false } = {}) {
      const onConflict = ifAbsent
        ? Prisma.sql`DO NOTHING`
        : Prisma.sql`DO UPDATE SET pool = excluded.pool, epoch = excluded.epoch`;
      // The existing entry that stopped the insert may be deleted before it is read. Then the insert is repeated.
      for (;;) {
        const [row] = await prisma.$queryRaw<EntryRow[]>`
          WITH ${holdPool(pool)}
          INSERT INTO catalogue_entries (project, queue, pool, epoch)
          SELECT ${project}, ${name}, ${pool}, nextval('catalogue_epoch') FROM (SELECT count(*) FROM held) AS pool_held
          ON CONFLICT (project, queue) ${onConflict} RETURNING ${COLUMNS}`;
        const entry = row === undefined ? await find(project, name) : toEntry(row);
        if (entry !== null) return entry;
      }
    },

    async update({ project, name }, pool) {
      const [row] = await prisma.$queryRaw<EntryRow[]>`
        WITH ${holdPool(pool)}
        UPDATE catalogue_entries SET pool = ${pool}, epoch = nextval('catalogue_epoch')
        FROM (SELECT count(*) FROM held) AS pool_held
        WHERE project = ${project} AND queue = ${name} RETURNING ${COLUMNS}`;
      if (row === undefined) throw queueNotMapped({ project, name });
      return toEntry(row);
    },

    async delete({ project, name }) {
      await prisma.catalogueEntry.deleteMany({ where: { project, queue: name } });
    },

    async exists({ project, name }) {
      return (await prisma.catalogueEntry.count({ where: { project, queue: name } })) > 0;
    },

    countByPool: (pool) => countQueues(prisma, pool),

    async dropAll() {
      await prisma.catalogueEntry.deleteMany();
    },
  };
  return guarded(session, controller, ["insert", "update", "delete", "dropAll"]);
}

const BY_POSITION = {
  key: Prisma.sql`position`,
  values: (bound: Bound) => {
    const [position] = readMarker(bound, ["number"]);
    return Prisma.sql`${position}::text::bigint`;
  },
  order: (direction: Prisma.Sql) => Prisma.sql`position ${direction}`,
  marker: (row: EntryRow) => writeMarker([String(row.position)]),
};

/** For a search: it reads a range of names. In order of insertion it would read the whole catalogue. */
const BY_NAME = {
  key: Prisma.sql`(queue, project)`,
  values: (bound: Bound) => {
    const [queue, project] = readMarker(bound, ["text", "text"]);
    return Prisma.sql`(${queue}, ${project})`;
  },
  order: (direction: Prisma.Sql) => Prisma.sql`queue ${direction}, project ${direction}`,
  marker: (row: EntryRow) => writeMarker([row.queue, row.project]),
};

/**
 * Prevents the deletion of the pool, if it is registered, until this statement's transaction has ended. A delete waits
 * for that, then counts this entry.
 */
function holdPool(pool: string): Prisma.Sql {
  return Prisma.sql`held AS MATERIALIZED (SELECT 1 FROM pools WHERE name = ${pool} FOR KEY SHARE)`;
}

function toEntry(row: EntryRow): CatalogueEntry {
  return { project: row.project, queue: row.queue, pool: row.pool, epoch: Number(row.epoch) };
}
