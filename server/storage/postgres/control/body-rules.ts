/** Who reads the bodies of messages. */
import type { Prisma } from "../../../../prisma/generated/client.ts";
import type { BodyRule, BodyRulesController } from "../../body-rule.ts";
import { guarded, type Session } from "./prisma-session.ts";

export function bodyRulesController({ session }: { session: Session }): BodyRulesController {
  const controller: BodyRulesController = {
    async getMany(projects) {
      const rows = await session.prisma.bodyRule.findMany({ where: { project: { in: [...projects] } } });
      return rows.map(ruleOf);
    },

    async set({ project, readBy, maskedPaths, actor }) {
      const rows = await session.prisma.$queryRaw<BodyRule[]>`
        INSERT INTO body_rules (project, read_by, masked_paths, actor)
        VALUES (${project}, ${readBy}, ${[...maskedPaths]}, ${actor})
        ON CONFLICT (project) DO UPDATE SET read_by = excluded.read_by, masked_paths = excluded.masked_paths,
          actor = excluded.actor, at = excluded.at
        RETURNING project, read_by AS "readBy", masked_paths AS "maskedPaths", actor, at`;
      return rows[0] as BodyRule;
    },
  };
  return guarded(session, controller, ["set"]);
}

function ruleOf({ readBy, ...rule }: Prisma.BodyRuleGetPayload<object>): BodyRule {
  return { ...rule, readBy: readBy as BodyRule["readBy"] };
}
