/** The records, in the control database, of moves that have not ended. */
import { Prisma } from "../../../../prisma/generated/client.ts";
import type { MoveLedger, QueueMove } from "../../control-driver.ts";
import { guarded, type Session } from "./prisma-session.ts";

interface MoveRow {
  project: string;
  queue: string;
  source: string;
  target: string;
  source_epoch: bigint;
  epoch: bigint;
  phase: QueueMove["phase"];
  holder: string;
  started_at: Date;
}

const COLUMNS = Prisma.sql`project, queue, source, target, source_epoch, epoch, phase, holder, started_at`;
const lease = (seconds: number) => Prisma.sql`clock_timestamp() + make_interval(secs => ${seconds})`;

export function moveLedger({ session }: { session: Session }): MoveLedger {
  const { prisma } = session;

  /** Finds the record of this attempt only. After a take-over the record has another epoch or holder. */
  const isOurs = (move: QueueMove) =>
    Prisma.sql`project = ${move.project} AND queue = ${move.queue}
      AND epoch = ${move.epoch} AND holder = ${move.holder}`;

  const controller: MoveLedger = {
    async begin({ queue: { project, name }, target, holder, leaseSeconds }) {
      const [row] = await prisma.$queryRaw<MoveRow[]>`
        INSERT INTO queue_moves (project, queue, source, target, source_epoch, epoch, holder, lease_expires_at)
        SELECT c.project, c.queue, c.pool, ${target}, c.epoch, nextval('catalogue_epoch'), ${holder},
          ${lease(leaseSeconds)}
        FROM catalogue_entries c WHERE c.project = ${project} AND c.queue = ${name} AND c.pool <> ${target}
        ON CONFLICT (project, queue) DO NOTHING
        RETURNING ${COLUMNS}`;
      return row === undefined ? null : toMove(row);
    },

    async renew({ move, leaseSeconds }) {
      const rows = await prisma.$queryRaw<unknown[]>`
        UPDATE queue_moves SET lease_expires_at = ${lease(leaseSeconds)} WHERE ${isOurs(move)} RETURNING 1 AS one`;
      return rows.length > 0;
    },

    async switch(move, openEpoch = move.epoch) {
      return session.atomically(async (tx) => {
        const ours = await tx.$queryRaw<unknown[]>`
          SELECT 1 AS one FROM queue_moves WHERE ${isOurs(move)} AND phase = 'copying' FOR UPDATE`;
        if (ours.length === 0) return false;
        const [entry] = await tx.$queryRaw<unknown[]>`
          WITH held AS MATERIALIZED (SELECT 1 FROM pools WHERE name = ${move.target} FOR KEY SHARE)
          UPDATE catalogue_entries SET pool = ${move.target}, epoch = ${openEpoch}
          FROM (SELECT count(*) FROM held) AS pool_held
          WHERE project = ${move.project} AND queue = ${move.queue}
            AND epoch = ${move.sourceEpoch} AND pool = ${move.source}
          RETURNING 1 AS one`;
        if (entry === undefined) return false;
        await tx.$executeRaw`UPDATE queue_moves SET phase = 'switched' WHERE ${isOurs(move)}`;
        return true;
      });
    },

    async takeOver({ move, holder, leaseSeconds, own = false }) {
      const [row] = await prisma.$queryRaw<MoveRow[]>`
        UPDATE queue_moves SET holder = ${holder}, lease_expires_at = ${lease(leaseSeconds)},
          epoch = CASE WHEN phase = 'copying' THEN nextval('catalogue_epoch') ELSE epoch END
        WHERE ${isOurs(move)} AND (${own} OR lease_expires_at <= clock_timestamp())
        RETURNING ${COLUMNS}`;
      return row === undefined ? null : toMove(row);
    },

    async end(move) {
      await prisma.$executeRaw`DELETE FROM queue_moves WHERE ${isOurs(move)}`;
    },

    async find({ project, name }) {
      const [row] = await prisma.$queryRaw<MoveRow[]>`
        SELECT ${COLUMNS} FROM queue_moves WHERE project = ${project} AND queue = ${name}`;
      return row === undefined ? null : toMove(row);
    },

    async listLapsed({ limit, exceptSources = [] }) {
      const rows = await prisma.$queryRaw<MoveRow[]>`
        SELECT ${COLUMNS} FROM queue_moves
        WHERE lease_expires_at <= clock_timestamp() AND source <> ALL(${exceptSources}::text[])
        ORDER BY lease_expires_at LIMIT ${limit}`;
      return rows.map(toMove);
    },
  };
  return guarded(session, controller, ["begin", "renew", "switch", "takeOver", "end"]);
}

function toMove(row: MoveRow): QueueMove {
  return {
    project: row.project,
    queue: row.queue,
    source: row.source,
    target: row.target,
    sourceEpoch: Number(row.source_epoch),
    epoch: Number(row.epoch),
    phase: row.phase,
    holder: row.holder,
    startedAt: row.started_at,
  };
}
