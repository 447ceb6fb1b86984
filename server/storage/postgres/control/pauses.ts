/** What is paused. */
import type { Prisma } from "../../../../prisma/generated/client.ts";
import { DomainError } from "../../../errors.ts";
import { MAX_PAUSES, type Pause, type PauseScope, type PausesController } from "../../pause.ts";
import { guarded, type Session } from "./prisma-session.ts";
import { queueDoesNotExist } from "./queues.ts";

type PauseRow = Prisma.PauseGetPayload<object>;

export function pausesController({ session }: { session: Session }): PausesController {
  const controller: PausesController = {
    async list() {
      const rows = await session.prisma.pause.findMany({
        // Not cut: two callers at once, or an undo, may exceed the bound a little, and each pause must count.
        orderBy: [{ scope: "asc" }, { project: "asc" }, { queue: "asc" }],
      });
      return rows.map(pauseOf);
    },

    set: (scope, { actor, reason }) =>
      session.atomically(async (tx) => {
        const key = keyOf(scope);
        // Keeps the queue from being deleted before the pause is there: nothing would end it then.
        if (scope.scope === "queue") {
          const { project, queue } = scope;
          const found = await tx.$queryRaw<unknown[]>`
            SELECT 1 FROM queues WHERE project = ${project} AND name = ${queue} FOR KEY SHARE`;
          if (found.length === 0) throw queueDoesNotExist();
        }
        const { count } = await tx.pause.createMany({ data: [{ ...key, actor, reason }], skipDuplicates: true });
        if (count > 0 && (await tx.pause.count()) > MAX_PAUSES) {
          throw new DomainError("TOO_LARGE", `At most ${MAX_PAUSES} pauses may exist. Pause a whole project instead.`, {
            details: { maximum: MAX_PAUSES },
          });
        }
        const row = await tx.pause.findUniqueOrThrow({ where: { scope_project_queue: key } });
        return { pause: pauseOf(row), created: count > 0 };
      }),

    end: (scope) =>
      session.atomically(async (tx) => {
        const where = keyOf(scope);
        const row = await tx.pause.findUnique({ where: { scope_project_queue: where } });
        const { count } = await tx.pause.deleteMany({ where });
        return row === null || count === 0 ? null : pauseOf(row);
      }),
  };
  return guarded(session, controller, ["set", "end"]);
}

function keyOf(scope: PauseScope): Pick<PauseRow, "scope" | "project" | "queue"> {
  return {
    scope: scope.scope,
    project: scope.scope === "everything" ? "" : scope.project,
    queue: scope.scope === "queue" ? scope.queue : "",
  };
}

function pauseOf({ scope, project, queue, at, actor, reason }: PauseRow): Pause {
  const by = { at, actor, reason };
  if (scope === "queue") return { scope, project, queue, ...by };
  return scope === "project" ? { scope, project, ...by } : { scope: "everything", ...by };
}
