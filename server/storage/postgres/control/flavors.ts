/** Flavors: names of groups of pools, in projects. */
import type { Prisma } from "../../../../prisma/generated/client.ts";
import { DomainError } from "../../../errors.ts";
import type { FlavorsController } from "../../control-driver.ts";
import { onlyProject } from "../../where.ts";
import { type Bound, keysetPage, readMarker, writeMarker } from "../sql/keyset.ts";
import { lockPools, poolDoesNotExist } from "./pools.ts";
import { guarded, type Session } from "./prisma-session.ts";

export function flavorsController({ session }: { session: Session }): FlavorsController {
  const { prisma } = session;
  const controller: FlavorsController = {
    list({ projects, page }) {
      const isOne = onlyProject(projects) !== null;
      const within = projects === "all" ? {} : { project: { in: [...projects] } };
      const beyond = (bound: Bound) => (isOne ? { name: { [bound.side]: bound.marker } } : beyondBoth(bound));
      return keysetPage({
        page,
        fetch: (bound, order, take) =>
          prisma.flavor.findMany({
            where: { AND: [within, bound ? beyond(bound) : {}] },
            orderBy: [{ project: order }, { name: order }],
            take,
          }),
        marker: (row) => (isOne ? row.name : writeMarker([row.project, row.name])),
        item: (row) => row,
      });
    },

    async get({ project, name }) {
      const row = await prisma.flavor.findUnique({ where: { project_name: { project, name } } });
      if (row === null) throw doesNotExist(name);
      return row;
    },

    async getMany(flavors) {
      if (flavors.length === 0) return [];
      return prisma.flavor.findMany({ where: { OR: flavors.map(({ project, name }) => ({ project, name })) } });
    },

    create: ({ project, name, pools }) =>
      session.atomically(async (tx) => {
        await lockPools(tx);
        const { count } = await tx.flavor.createMany({ data: [{ project, name }], skipDuplicates: true });
        if (count === 0) {
          await tx.flavor.updateMany({ where: { project, name }, data: { updatedAt: new Date() } });
        }
        await assignPools(tx, name, pools);
        return count === 1;
      }),

    update: ({ project, name, pools }) =>
      session.atomically(async (tx) => {
        await lockPools(tx);
        const { count } = await tx.flavor.updateMany({ where: { project, name }, data: { updatedAt: new Date() } });
        if (count === 0) throw doesNotExist(name);
        await assignPools(tx, name, pools);
        await tx.pool.updateMany({
          where: { flavor: name, name: { notIn: [...pools] } },
          data: { flavor: null, updatedAt: new Date() },
        });
      }),

    delete: ({ project, name }) =>
      session.atomically(async (tx) => {
        await lockPools(tx);
        const { count } = await tx.flavor.deleteMany({ where: { project, name } });
        if (count === 0 || (await tx.flavor.count({ where: { name } })) > 0) return;
        await tx.pool.updateMany({ where: { flavor: name }, data: { flavor: null, updatedAt: new Date() } });
      }),

    async exists({ project, name }) {
      return (await prisma.flavor.count({ where: { name, ...(project === undefined ? {} : { project }) } })) > 0;
    },

    dropAll: () =>
      session.atomically(async (tx) => {
        await lockPools(tx);
        await tx.$executeRaw`
          UPDATE pools SET flavor = NULL, updated_at = ${new Date()} WHERE flavor IN (SELECT name FROM flavors)`;
        await tx.flavor.deleteMany();
      }),
  };
  return guarded(session, controller, ["create", "update", "delete", "dropAll"]);
}

/** Rows beyond a marker in the order of project and name. The first condition is a range of the primary key. */
function beyondBoth(bound: Bound): Prisma.FlavorWhereInput {
  const [project = "", name = ""] = readMarker(bound, ["text", "text"]);
  const forward = bound.side === "gt" || bound.side === "gte";
  return {
    project: forward ? { gte: project } : { lte: project },
    OR: [{ project: forward ? { gt: project } : { lt: project } }, { name: { [bound.side]: name } }],
  };
}

/** Sets the flavor of these pools. POOL_DOES_NOT_EXIST names the first that is missing. */
async function assignPools(tx: Prisma.TransactionClient, flavor: string, pools: readonly string[]): Promise<void> {
  const names = [...new Set(pools)];
  const changed = await tx.pool.updateManyAndReturn({
    where: { name: { in: names } },
    data: { flavor, updatedAt: new Date() },
    select: { name: true },
  });
  if (changed.length === names.length) return;
  const found = new Set(changed.map((row) => row.name));
  throw poolDoesNotExist(names.find((name) => !found.has(name)) ?? "");
}

function doesNotExist(name: string): DomainError {
  return new DomainError("FLAVOR_DOES_NOT_EXIST", `There is no flavor named ${JSON.stringify(name)} in this project.`);
}
