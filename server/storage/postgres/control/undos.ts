/** The records of acts that can be taken back for a while. */
import { Prisma } from "../../../../prisma/generated/client.ts";
import { DEFAULT_POOL } from "../../data-driver.ts";
import { isMoving } from "../../errors/storage-errors.ts";
import { undoDoesNotExist, undoIsOver } from "../../errors/undo-errors.ts";
import { validUuids } from "../../list-pages.ts";
import { queueKey } from "../../queue-ref.ts";
import type { Undo, UndosController } from "../../undo/undo-records.ts";
import { deadLetterQueueOf } from "./dead-letter-queues.ts";
import { guarded, type Session } from "./prisma-session.ts";

interface UndoRow {
  token: string;
  action: Undo["action"];
  project: string;
  queue: string;
  pool: string;
  messages: bigint | null;
  subscriptions: string | null;
  job: bigint | null;
  actor: string;
  created_at: Date;
  until: Date;
  state: Undo["state"];
  because: Undo["closedBecause"];
  from_epoch: bigint | null;
  new_epoch: bigint | null;
}

/** What tells an undo's state by what has happened to its queue, so that nobody who changes a queue needs to know. */
const UNDOS = Prisma.sql`
  SELECT u.*, CASE
      WHEN u.state = 'undone' THEN 'used'
      WHEN u.state = 'gone' THEN 'gone'
      WHEN u.state = 'restoring' THEN NULL
      WHEN u.until <= clock_timestamp() THEN 'expired'
      WHEN u.action = 'deleteQueue' AND q.name IS NOT NULL THEN 'created'
      WHEN u.action <> 'deleteQueue' AND q.name IS NULL THEN 'deleted'
      WHEN EXISTS (
        SELECT 1 FROM undos later WHERE later.project = u.project AND later.queue = u.queue AND later.id > u.id
          AND later.action IN ('purgeQueue', 'deleteQueue')
          -- One that removed subscriptions alone.
          AND NOT (later.action = 'purgeQueue' AND later.messages IS NOT DISTINCT FROM 0)
      ) THEN 'purged'
      WHEN u.action <> 'deleteQueue' AND c.pool IS DISTINCT FROM u.pool THEN 'moved'
    END AS because
  FROM undos u
  LEFT JOIN queues q ON q.project = u.project AND q.name = u.queue
  LEFT JOIN catalogue_entries c ON c.project = u.project AND c.queue = u.queue`;

/** Of what a job still removes, nothing is told. */
const IS_DONE = Prisma.sql`NOT (u.acting AND EXISTS (SELECT 1 FROM jobs j WHERE j.id = u.job AND j.finished_at IS NULL))`;

/** How many are listed at most, and how many of all jobs. */
const LIST_SIZE = 100;
const LIST_SIZE_OF_JOBS = 1000;
/** An idempotency key of a purge lives as long. Then its token may be used again. */
const REMEMBERED = Prisma.sql`interval '1 day'`;

export function undosController({ session }: { session: Session }): UndosController {
  const { prisma } = session;
  const controller: UndosController = {
    async add({ token, action, queue, actor, seconds, subscriptionsText = null, job = null }) {
      const rows = await prisma.$queryRaw<unknown[]>`
        INSERT INTO undos (token, action, project, queue, pool, epoch, subscriptions, metadata, queue_created_at, pause,
          job, acting, actor, until)
        SELECT ${token}::uuid, ${action}, c.project, c.queue, c.pool, c.epoch, ${subscriptionsText}, q.metadata,
          q.created_at, to_jsonb(p), ${job}::bigint, ${job !== null}, ${actor},
          clock_timestamp() + make_interval(secs => ${seconds})
        FROM catalogue_entries c JOIN queues q ON q.project = c.project AND q.name = c.queue
        LEFT JOIN pauses p ON p.scope = 'queue' AND p.project = c.project AND p.queue = c.queue
        WHERE c.project = ${queue.project} AND c.queue = ${queue.name}
        ON CONFLICT (token) DO UPDATE SET id = excluded.id, pool = excluded.pool, epoch = excluded.epoch,
          messages = NULL, subscriptions = excluded.subscriptions, pause = excluded.pause, job = excluded.job,
          acting = excluded.acting, actor = excluded.actor, state = 'open',
          created_at = excluded.created_at, until = excluded.until
        WHERE undos.created_at < clock_timestamp() - ${REMEMBERED}
        RETURNING 1 AS one`;
      return rows.length > 0;
    },

    async renew({ token, seconds }) {
      // The pool may free what it kept before a call that comes late gets there.
      const margin = seconds / 3;
      const [renewed] = await prisma.$queryRaw<{ is_open: boolean }[]>`
        UPDATE undos SET until = CASE
            WHEN until > clock_timestamp() + make_interval(secs => ${margin}::float8)
            THEN clock_timestamp() + make_interval(secs => ${seconds}::float8)
            ELSE least(until, clock_timestamp())
          END
        WHERE token = ${token}::uuid AND state = 'open' AND acting
        RETURNING until > clock_timestamp() AS is_open`;
      return renewed?.is_open ?? false;
    },

    async settle({ token, messages }) {
      await prisma.$executeRaw`UPDATE undos SET messages = ${messages}, acting = false WHERE token = ${token}::uuid`;
    },

    async remove(token) {
      await prisma.$executeRaw`DELETE FROM undos WHERE token = ${token}::uuid AND state = 'open'`;
    },

    async find(token) {
      const [row] = await prisma.$queryRaw<UndoRow[]>`
        ${UNDOS} WHERE u.token = ANY(${validUuids([token])}::uuid[]) AND ${IS_DONE}`;
      return row === undefined ? null : toUndo(row);
    },

    async openOf(queues) {
      const open = await listOpen(
        prisma,
        Prisma.sql`(u.project, u.queue) IN (
          SELECT * FROM unnest(${queues.map(({ project }) => project)}::text[], ${queues.map(({ name }) => name)}::text[]))`,
      );
      // The newest first, so that the last one set is the newest.
      const byQueue = new Map(open.toReversed().map((undo) => [queueKey({ ...undo, name: undo.queue }), undo]));
      return queues.map((queue) => byQueue.get(queueKey(queue)) ?? null);
    },

    async openOfJobs(jobs) {
      const open = await listOpen(prisma, Prisma.sql`u.job = ANY(${[...jobs]}::bigint[])`, LIST_SIZE_OF_JOBS);
      const byJob = Map.groupBy(open, ({ job }) => job);
      return jobs.map((job) => (byJob.get(job) ?? []).slice(0, LIST_SIZE));
    },

    listOpen: ({ projects }) =>
      listOpen(prisma, projects === "all" ? Prisma.sql`true` : Prisma.sql`u.project = ANY(${[...projects]}::text[])`),

    start: (token) => session.atomically((tx) => start(tx, token)),
    finish: (undo) => session.atomically((tx) => finish(tx, undo)),

    async giveUp(token) {
      await prisma.$executeRaw`UPDATE undos SET state = 'gone' WHERE token = ${token}::uuid AND state = 'restoring'`;
    },

    async listStarted(queue) {
      const ofQueue =
        queue === undefined
          ? Prisma.sql`true`
          : Prisma.sql`u.project = ${queue.project} AND u.queue = ${queue.name} AND u.action <> 'deleteQueue'`;
      const rows = await prisma.$queryRaw<UndoRow[]>`
        ${UNDOS} WHERE u.state = 'restoring' AND ${ofQueue} ORDER BY u.id LIMIT ${LIST_SIZE}`;
      return rows.map(toUndo);
    },

    async trim({ days, limit }) {
      return prisma.$executeRaw`
        DELETE FROM undos WHERE id IN (
          SELECT id FROM undos WHERE until < clock_timestamp() - make_interval(days => ${days}::int)
            AND state <> 'restoring' LIMIT ${limit})`;
    },
  };
  return guarded(session, controller, ["add", "renew", "settle", "remove", "start", "finish", "giveUp", "trim"]);
}

async function listOpen(prisma: Prisma.TransactionClient, condition: Prisma.Sql, limit = LIST_SIZE): Promise<Undo[]> {
  const isOpen = Prisma.sql`u.until > clock_timestamp() AND u.state IN ('open', 'restoring') AND ${IS_DONE}`;
  const rows = await prisma.$queryRaw<UndoRow[]>`
    SELECT * FROM (${UNDOS} WHERE ${isOpen} AND ${condition}) AS u
    WHERE because IS NULL ORDER BY id DESC LIMIT ${limit}`;
  return rows.map(toUndo);
}

async function start(tx: Prisma.TransactionClient, token: string): Promise<Undo> {
  const [row] = await tx.$queryRaw<UndoRow[]>`
    ${UNDOS} WHERE u.token = ANY(${validUuids([token])}::uuid[]) AND ${IS_DONE} FOR UPDATE OF u`;
  if (row === undefined) throw undoDoesNotExist(token);
  const queue = { project: row.project, name: row.queue };
  if (row.because !== null) throw undoIsOver(queue, row.because);
  const moves = await tx.$queryRaw<unknown[]>`
    SELECT 1 AS one FROM queue_moves WHERE project = ${row.project} AND queue = ${row.queue}`;
  if (moves.length > 0) throw isMoving(queue);
  // Another undo of the queue may have begun a new life since this one was started.
  const [started] = await tx.$queryRaw<Pick<UndoRow, "from_epoch" | "new_epoch">[]>`
    WITH entry AS MATERIALIZED (
      SELECT epoch FROM catalogue_entries WHERE project = ${row.project} AND queue = ${row.queue} FOR UPDATE
    ),
    life AS (
      SELECT CASE WHEN u.action = 'deleteQueue' THEN u.epoch ELSE (SELECT epoch FROM entry) END AS epoch
      FROM undos u WHERE u.token = ${row.token}::uuid
    )
    UPDATE undos u SET state = 'restoring', from_epoch = l.epoch, new_epoch = nextval('catalogue_epoch') FROM life l
    WHERE u.token = ${row.token}::uuid AND (u.state = 'open' OR l.epoch NOT IN (u.from_epoch, u.new_epoch))
    RETURNING u.from_epoch, u.new_epoch`;
  return toUndo({ ...row, ...started, state: "restoring" });
}

/** One transaction. See UndosController.finish. */
async function finish(tx: Prisma.TransactionClient, undo: Undo): Promise<boolean> {
  const [row] = await tx.$queryRaw<{ state: string; metadata: string; queue_created_at: Date }[]>`
    SELECT state, metadata, queue_created_at FROM undos WHERE token = ${undo.token}::uuid FOR UPDATE`;
  if (row === undefined || row.state === "undone") return row !== undefined;
  const done =
    undo.action === "deleteQueue" ? await createAgain(tx, undo, row) : undo.messages === 0 || (await renew(tx, undo));
  await tx.$executeRaw`UPDATE undos SET state = ${done ? "undone" : "gone"} WHERE token = ${undo.token}::uuid`;
  if (done) return true;
  // Whoever holds the queue in the same pool by now must have an epoch above that of the restored life, or its pool
  // would refuse it for ever.
  await tx.$executeRaw`
    UPDATE catalogue_entries SET epoch = nextval('catalogue_epoch')
    WHERE project = ${undo.project} AND queue = ${undo.queue} AND pool = ${undo.pool} AND epoch < ${undo.newEpoch}`;
  return false;
}

async function renew(tx: Prisma.TransactionClient, undo: Undo): Promise<boolean> {
  const changed = await tx.$executeRaw`
    UPDATE catalogue_entries SET epoch = ${undo.newEpoch}
    WHERE project = ${undo.project} AND queue = ${undo.queue} AND pool = ${undo.pool} AND epoch = ${undo.fromEpoch}`;
  return changed === 1;
}

async function createAgain(
  tx: Prisma.TransactionClient,
  { token, project, queue, pool, newEpoch }: Undo,
  { metadata, queue_created_at: createdAt }: { metadata: string; queue_created_at: Date },
): Promise<boolean> {
  // Keeps the pool from being deleted until the commit.
  const held = await tx.$queryRaw<unknown[]>`SELECT 1 AS one FROM pools WHERE name = ${pool} FOR KEY SHARE`;
  if (held.length === 0 && pool !== DEFAULT_POOL) return false;
  const created = await tx.$executeRaw`
    INSERT INTO queues (project, name, metadata, dead_letter_queue, created_at)
    VALUES (${project}, ${queue}, ${metadata}, ${deadLetterQueueOf(metadata)}, ${createdAt}) ON CONFLICT DO NOTHING`;
  if (created === 0) return false;
  await tx.$executeRaw`
    INSERT INTO pauses SELECT p.* FROM undos u CROSS JOIN LATERAL jsonb_populate_record(NULL::pauses, u.pause) AS p
    WHERE u.token = ${token}::uuid AND u.pause IS NOT NULL ON CONFLICT DO NOTHING`;
  await tx.$executeRaw`
    INSERT INTO catalogue_entries (project, queue, pool, epoch) VALUES (${project}, ${queue}, ${pool}, ${newEpoch})
    ON CONFLICT (project, queue) DO UPDATE SET pool = excluded.pool, epoch = excluded.epoch`;
  return true;
}

function toUndo(row: UndoRow): Undo {
  return {
    token: row.token,
    action: row.action,
    project: row.project,
    queue: row.queue,
    pool: row.pool,
    messages: row.messages === null ? null : Number(row.messages),
    subscriptionsText: row.subscriptions,
    job: row.job === null ? null : String(row.job),
    actor: row.actor,
    createdAt: row.created_at,
    until: row.until,
    state: row.because === null ? row.state : row.state === "undone" ? "undone" : "closed",
    closedBecause: row.because,
    fromEpoch: Number(row.from_epoch ?? 0),
    newEpoch: Number(row.new_epoch ?? 0),
  };
}
