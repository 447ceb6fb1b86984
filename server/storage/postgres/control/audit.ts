/**
 * The audit log: who did what, and with which outcome. Rows are inserted; an intended action gets its outcome once; old
 * rows are deleted. The table itself refuses every other change.
 */
import { type AuditEntry as AuditRow, Prisma } from "../../../../prisma/generated/client.ts";
import type { AuditController, AuditEntry, AuditFilter } from "../../control-driver.ts";
import { isNumber, numberMarker } from "../../list-pages.ts";
import { type Bound, keysetPage, operatorOf, orderOf } from "../sql/keyset.ts";
import { isProject, ofProjects } from "../sql/of-projects.ts";
import { guarded, type Session } from "./prisma-session.ts";

export function auditController({ session }: { session: Session }): AuditController {
  const { prisma } = session;
  const controller: AuditController = {
    async append(entry) {
      const { actor, action, project, target, outcome, detailsText, requestId, reason, address } = entry;
      const { id } = await prisma.auditEntry.create({
        data: { actor, action, project, target, outcome, detailsText, requestId, reason, address },
        select: { id: true },
      });
      return String(id);
    },

    async settle(id, outcome, detailsText) {
      await prisma.auditEntry.updateMany({
        where: { id: BigInt(numberMarker(id)), outcome: "intended" },
        data: { outcome, ...(detailsText === undefined ? {} : { detailsText }) },
      });
    },

    // The oldest entries have the lowest ids, so the statement reads only these.
    trim: ({ days, limit }) =>
      prisma.$executeRaw`
        DELETE FROM audit_entries WHERE id IN (
          SELECT id FROM (SELECT id, at FROM audit_entries ORDER BY id LIMIT ${limit}) AS first
          WHERE at < clock_timestamp() - make_interval(days => ${days}::int))`,

    list({ projects, page, filter = {} }) {
      const conditions = conditionsOf(filter);
      return keysetPage({
        page,
        descending: true,
        fetch(bound, order, take) {
          const beyond = bound ? [Prisma.sql`id ${operatorOf(bound)} ${idOf(bound)}`] : [];
          const select = (project: Prisma.Sql | null) => Prisma.sql`
            SELECT id, at, actor, action, project, target, outcome, details AS "detailsText",
              request_id AS "requestId", reason, address
            FROM audit_entries
            WHERE ${Prisma.join([Prisma.sql`true`, ...isProject(project), ...conditions, ...beyond], " AND ")}`;
          const tail = Prisma.sql`ORDER BY id ${orderOf(order)} LIMIT ${take}`;
          return prisma.$queryRaw<AuditRow[]>`${ofProjects(projects, select, tail)}`;
        },
        marker: (row) => String(row.id),
        item: toEntry,
      });
    },

    async getMany(ids) {
      const known = ids.filter(isNumber);
      if (known.length === 0) return [];
      return (await prisma.auditEntry.findMany({ where: { id: { in: known.map(BigInt) } } })).map(toEntry);
    },
  };
  return guarded(session, controller, ["append", "settle", "trim"]);
}

/** The columns that must have just this value. */
const COLUMNS: { [Name in keyof Omit<AuditFilter, "from" | "to">]-?: Prisma.Sql } = {
  actor: Prisma.sql`actor`,
  action: Prisma.sql`action`,
  target: Prisma.sql`target`,
  outcome: Prisma.sql`outcome`,
  requestId: Prisma.sql`request_id`,
};

function conditionsOf({ from, to, ...equal }: AuditFilter): Prisma.Sql[] {
  const names = Object.keys(COLUMNS) as (keyof typeof COLUMNS)[];
  return [
    ...names.flatMap((name) => (equal[name] === undefined ? [] : [Prisma.sql`${COLUMNS[name]} = ${equal[name]}`])),
    ...(from === undefined ? [] : [Prisma.sql`at >= ${from}`]),
    ...(to === undefined ? [] : [Prisma.sql`at < ${to}`]),
  ];
}

function toEntry(row: AuditRow): AuditEntry {
  return { ...row, id: String(row.id), outcome: row.outcome as AuditEntry["outcome"] };
}

function idOf({ marker, field }: Bound): bigint {
  return BigInt(numberMarker(marker, field));
}
