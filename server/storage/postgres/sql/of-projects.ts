import { Prisma } from "../../../../prisma/generated/client.ts";
import type { Where } from "../../where.ts";

/** So many projects have a plan each. For more, planning would take longer than reading. */
const PLANNED_ALONE = 32;

/**
 * The rows of these projects. `select` reads those of one, given as an expression, or of all with null. `tail` orders
 * them by columns of `select`, and limits them.
 *
 * Each project's rows come from an index that begins with the project, and are merged then: so a page costs as much as
 * a page of each, however many rows lie in other projects. With `project = ANY`, PostgreSQL would filter an index over
 * all projects, or sort all that these have.
 *
 * Hazard: a lateral join has one plan for all projects. Where the statistics know a single big project, that plan may
 * search all of it for the rows of a small one. So a handful of projects have plans of their own.
 */
export function ofProjects(
  projects: Where,
  select: (project: Prisma.Sql | null) => Prisma.Sql,
  tail: Prisma.Sql,
): Prisma.Sql {
  if (projects === "all") return Prisma.sql`${select(null)} ${tail}`;
  const names = [...new Set(projects)];
  const parts = names.slice(0, PLANNED_ALONE).map((name) => Prisma.sql`(${select(Prisma.sql`${name}`)} ${tail})`);
  const others = names.slice(PLANNED_ALONE);
  if (others.length > 0 || parts.length === 0) {
    parts.push(Prisma.sql`(
      SELECT part.* FROM unnest(${others}::text[]) AS asked_projects (asked_project)
      CROSS JOIN LATERAL (${select(Prisma.sql`asked_projects.asked_project`)} ${tail}) AS part ${tail})`);
  }
  const [only] = parts;
  return only !== undefined && parts.length === 1 ? only : Prisma.sql`${Prisma.join(parts, " UNION ALL ")} ${tail}`;
}

/** A condition on the project's column. */
export function isProject(project: Prisma.Sql | null, column = Prisma.sql`project`): Prisma.Sql[] {
  return project === null ? [] : [Prisma.sql`${column} = ${project}`];
}
