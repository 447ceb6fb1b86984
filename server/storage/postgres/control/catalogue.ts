/** The catalogue: which pool holds which queue, in which epoch. */
import { Prisma } from "../../../../prisma/generated/client.ts";
import { DomainError } from "../../../errors.ts";
import type { CatalogueController, CatalogueEntry } from "../../control-driver.ts";
import { queueNotMapped } from "../../errors/storage-errors.ts";
import type { Page } from "../../list-pages.ts";
import type { QueueRef } from "../../queue-ref.ts";
import {
  type Bound,
  keysetPage,
  type Order,
  operatorOf,
  orderOf,
  prefixEnd,
  readMarker,
  writeMarker,
} from "../sql/keyset.ts";
import { isProject, ofProjects } from "../sql/of-projects.ts";
import { countQueuesOfPools } from "./counts.ts";
import { countQueues } from "./pool-queues.ts";
import { guarded, type Session, translateControlError } from "./prisma-session.ts";

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
  const controller: CatalogueController = {
    list: (params) => list(prisma, params),
    listOfPools: (params) => listOfPools(prisma, params),
    get: (queue) => get(prisma, queue),
    getMany: (queues) => getMany(prisma, queues),
    insert: (queue, pool, options) => insert(prisma, queue, pool, options),
    update: (queue, pool) => update(prisma, queue, pool),
    delete: async ({ project, name }) =>
      void (await prisma.catalogueEntry.deleteMany({ where: { project, queue: name } })),
    exists: async ({ project, name }) => (await prisma.catalogueEntry.count({ where: { project, queue: name } })) > 0,
    countByPool: (pool) => countQueues(prisma, pool),
    countByPools: (params) => countQueuesOfPools(prisma, params),
    dropAll: () => dropAll(session),
  };
  return guarded(session, controller, ["insert", "update", "delete", "dropAll"]);
}

function list(
  prisma: Prisma.TransactionClient,
  { projects, pool, search = "", page }: Parameters<CatalogueController["list"]>[0],
): Promise<Page<CatalogueEntry>> {
  const end = prefixEnd(search);
  const scope = [
    pool === undefined ? null : Prisma.sql`pool = ${pool}`,
    search === "" ? null : Prisma.sql`queue >= ${search}`,
    end === null ? null : Prisma.sql`queue < ${end}`,
  ].filter((condition) => condition !== null);
  const plan = search === "" ? BY_POSITION : BY_NAME;
  return keysetPage({
    page,
    fetch: (bound, order, take) => {
      const within = bound ? [...scope, Prisma.sql`${plan.key} ${operatorOf(bound)} ${plan.values(bound)}`] : scope;
      const select = (project: Prisma.Sql | null) => Prisma.sql`
        SELECT ${COLUMNS} FROM catalogue_entries
        WHERE ${Prisma.join([Prisma.sql`true`, ...isProject(project), ...within], " AND ")}`;
      const tail = Prisma.sql`ORDER BY ${plan.order(orderOf(order))} LIMIT ${take}`;
      return prisma.$queryRaw<EntryRow[]>`${ofProjects(projects, select, tail)}`;
    },
    marker: plan.marker,
    item: toEntry,
  });
}

function listOfPools(
  prisma: Prisma.TransactionClient,
  { pools, projects, page }: Parameters<CatalogueController["listOfPools"]>[0],
): Promise<Page<CatalogueEntry>[]> {
  // All pools ask for the same sides of the same marker, and share the statement for each side.
  const sides = new Map<string, Promise<EntryRow[]>>();
  const readSide = (bound: Bound | null, order: Order, take: number) => {
    const beyond = bound ? [Prisma.sql`position ${operatorOf(bound)} ${BY_POSITION.values(bound)}`] : [];
    const select = (project: Prisma.Sql | null) => Prisma.sql`
      SELECT ${COLUMNS} FROM catalogue_entries
      WHERE ${Prisma.join([Prisma.sql`pool = asked.name`, ...isProject(project), ...beyond], " AND ")}`;
    const tail = Prisma.sql`ORDER BY position ${orderOf(order)} LIMIT ${take}`;
    return prisma.$queryRaw<EntryRow[]>`
      SELECT found.* FROM unnest(${[...new Set(pools)]}::text[]) AS asked(name) CROSS JOIN LATERAL (
        ${ofProjects(projects, select, tail)}
      ) AS found ORDER BY found.position ${orderOf(order)}`;
  };
  return Promise.all(
    pools.map((pool) =>
      keysetPage({
        page,
        fetch: async (bound, order, take) => {
          const key = JSON.stringify([bound, order, take]);
          const side = sides.get(key) ?? readSide(bound, order, take);
          sides.set(key, side);
          return (await side).filter((row) => row.pool === pool);
        },
        marker: BY_POSITION.marker,
        item: toEntry,
      }),
    ),
  );
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

async function find(prisma: Prisma.TransactionClient, { project, name }: QueueRef): Promise<CatalogueEntry | null> {
  const row = await prisma.catalogueEntry.findUnique({ where: { project_queue: { project, queue: name } } });
  return row && toEntry(row);
}

async function get(prisma: Prisma.TransactionClient, queue: QueueRef): Promise<CatalogueEntry> {
  const entry = await find(prisma, queue);
  if (entry === null) throw queueNotMapped(queue);
  return entry;
}

async function getMany(prisma: Prisma.TransactionClient, queues: readonly QueueRef[]): Promise<CatalogueEntry[]> {
  if (queues.length === 0) return [];
  const rows = await prisma.$queryRaw<EntryRow[]>`
    SELECT ${COLUMNS} FROM catalogue_entries
    WHERE (project, queue) IN (
      SELECT * FROM unnest(
        ${queues.map((queue) => queue.project)}::text[], ${queues.map((queue) => queue.name)}::text[]))`;
  return rows.map(toEntry);
}

async function insert(
  prisma: Prisma.TransactionClient,
  queue: QueueRef,
  pool: string,
  { ifAbsent = false }: { ifAbsent?: boolean } = {},
): Promise<CatalogueEntry> {
  const onConflict = ifAbsent
    ? Prisma.sql`DO NOTHING`
    : Prisma.sql`DO UPDATE SET pool = excluded.pool, epoch = excluded.epoch`;
  // The existing entry that stopped the insert may be deleted before it is read. Then the insert is repeated.
  for (;;) {
    const [row] = await prisma.$queryRaw<EntryRow[]>`
      WITH ${heldPool(pool)}
      INSERT INTO catalogue_entries (project, queue, pool, epoch)
      SELECT ${queue.project}, ${queue.name}, ${pool}, nextval('catalogue_epoch')
      FROM (SELECT count(*) FROM held) AS pool_held
      ON CONFLICT (project, queue) ${onConflict} RETURNING ${COLUMNS}`;
    const entry = row === undefined ? await find(prisma, queue) : toEntry(row);
    if (entry !== null) return entry;
  }
}

async function update(prisma: Prisma.TransactionClient, queue: QueueRef, pool: string): Promise<CatalogueEntry> {
  const [row] = await prisma.$queryRaw<EntryRow[]>`
    WITH ${heldPool(pool)}
    UPDATE catalogue_entries SET pool = ${pool}, epoch = nextval('catalogue_epoch')
    FROM (SELECT count(*) FROM held) AS pool_held
    WHERE project = ${queue.project} AND queue = ${queue.name} RETURNING ${COLUMNS}`;
  if (row === undefined) throw queueNotMapped(queue);
  return toEntry(row);
}

/** Entries that a statement drops. With each the facets of a queue change, which costs more than the entry itself. */
const STEP = 2000;

/** An entry that is inserted or changed meanwhile has a later epoch, and stays. */
async function dropAll({ prisma, inTransaction }: Session): Promise<void> {
  const [newest] = await prisma.$queryRaw<
    { epoch: bigint | null }[]
  >`SELECT max(epoch) AS epoch FROM catalogue_entries`;
  const last = newest?.epoch ?? null;
  let [after, dropped]: [bigint | null, number] = [0n, 0];
  while (last !== null && after !== null) {
    const step: Promise<{ position: bigint | null; dropped: bigint }[]> = prisma.$queryRaw`
      WITH step AS MATERIALIZED (
        SELECT position FROM catalogue_entries
        WHERE position > ${after} AND epoch <= ${last} ORDER BY position LIMIT ${STEP}
      ),
      dropped AS (
        DELETE FROM catalogue_entries c USING step s WHERE c.position = s.position AND c.epoch <= ${last} RETURNING 1
      )
      SELECT (SELECT max(position) FROM step) AS position, (SELECT count(*) FROM dropped) AS dropped`;
    const [done] = await step.catch((error: unknown) => {
      throw inTransaction || dropped === 0 ? error : brokeOff(dropped, translateControlError(error, { wrote: true }));
    });
    after = done?.position ?? null;
    dropped += Number(done?.dropped ?? 0);
  }
}

function brokeOff(entries: number, error: DomainError): DomainError {
  const text = `At least ${entries} entries were dropped, and there may be more. To drop the rest, do another dry run.`;
  return new DomainError(error.code, text, { details: { ...error.details, entries, partial: true }, cause: error });
}

/**
 * Prevents the deletion of the pool, if it is registered, until this statement's transaction has ended. A delete waits
 * for that, then counts this entry.
 */
function heldPool(pool: string): Prisma.Sql {
  return Prisma.sql`held AS MATERIALIZED (SELECT 1 FROM pools WHERE name = ${pool} FOR KEY SHARE)`;
}

function toEntry(row: EntryRow): CatalogueEntry {
  return { project: row.project, queue: row.queue, pool: row.pool, epoch: Number(row.epoch) };
}
