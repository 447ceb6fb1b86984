/**
 * The audit log: who did what, and with which outcome. Rows are inserted; an intended action gets its outcome once; old
 * rows are deleted. The table itself refuses every other change.
 */
import type { AuditEntry as AuditRow } from "../../../../prisma/generated/client.ts";
import type { AuditController, AuditEntry } from "../../control-driver.ts";
import { isNumber, numberMarker } from "../../list-pages.ts";
import { type Bound, keysetPage } from "../sql/keyset.ts";
import { guarded, type Session } from "./prisma-session.ts";

export function auditController({ session }: { session: Session }): AuditController {
  const { prisma } = session;
  const controller: AuditController = {
    async append(entry) {
      const { actor, action, project, target, outcome, detailsText, requestId, reason } = entry;
      const { id } = await prisma.auditEntry.create({
        data: { actor, action, project, target, outcome, detailsText, requestId, reason },
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

    list: ({ page, filter: { from, to, ...equal } = {} }) =>
      keysetPage({
        page,
        descending: true,
        fetch: (bound, order, take) =>
          prisma.auditEntry.findMany({
            where: {
              ...equal,
              ...(from === undefined && to === undefined ? {} : { at: { gte: from, lt: to } }),
              ...(bound ? { id: { [bound.side]: idOf(bound) } } : {}),
            },
            orderBy: { id: order },
            take,
          }),
        marker: (row) => String(row.id),
        item: toEntry,
      }),

    async getMany(ids) {
      const known = ids.filter(isNumber);
      if (known.length === 0) return [];
      return (await prisma.auditEntry.findMany({ where: { id: { in: known.map(BigInt) } } })).map(toEntry);
    },
  };
  return guarded(session, controller, ["append", "settle", "trim"]);
}

function toEntry(row: AuditRow): AuditEntry {
  return { ...row, id: String(row.id), outcome: row.outcome as AuditEntry["outcome"] };
}

function idOf({ marker, field }: Bound): bigint {
  return BigInt(numberMarker(marker, field));
}
