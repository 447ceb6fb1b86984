/** Whether the whole service is read-only. */
import type { ReadOnlyController } from "../../read-only.ts";
import { guarded, type Session } from "./prisma-session.ts";

/** The table's only row. */
const ROW = { id: 1 };
const SHOWN = { at: true, actor: true, reason: true } as const;

export function readOnlyController({ session }: { session: Session }): ReadOnlyController {
  const controller: ReadOnlyController = {
    get: () => session.prisma.readOnly.findUnique({ where: ROW, select: SHOWN }),

    begin: ({ actor, reason }) =>
      session.atomically(async (tx) => {
        const { count } = await tx.readOnly.createMany({ data: [{ ...ROW, actor, reason }], skipDuplicates: true });
        const readOnly = await tx.readOnly.findUniqueOrThrow({ where: ROW, select: SHOWN });
        return { readOnly, begun: count > 0 };
      }),

    end: () =>
      session.atomically(async (tx) => {
        const readOnly = await tx.readOnly.findUnique({ where: ROW, select: SHOWN });
        const { count } = await tx.readOnly.deleteMany({ where: ROW });
        return count === 0 ? null : readOnly;
      }),
  };
  return guarded(session, controller, ["begin", "end"]);
}
