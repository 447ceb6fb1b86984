import { type Access, type Permission, requirePermission } from "../access/access.ts";
import type { Action } from "../access/needs.ts";
import { DomainError } from "../errors.ts";
import { type BatchResult, resultOf } from "../storage/batch-result.ts";
import { type Capability, DEFAULT_POOL } from "../storage/data-driver.ts";
import type { Page } from "../storage/list-pages.ts";
import { onlyProject } from "../storage/where.ts";
import { audited, permitted, type Trace, type Transaction } from "./audit/audit-trail.ts";
import type { OperationContext } from "./context.ts";
import { type DropAllParams, type DropAllResult, dropAll } from "./drop-all.ts";
import type { PageParams, ProjectAddress } from "./input/addresses.ts";
import { badInput, checkBatch, pageRequest } from "./input/limits.ts";
import { checkName, chosenProject, chosenScope, isNameMarker } from "./input/names.ts";
import { readVisible } from "./input/visible.ts";
import { capabilitiesOf, requireCapabilities } from "./pool-facts/capabilities.ts";

export interface FlavorRecord {
  project: string;
  name: string;
  createdAt: Date;
  updatedAt: Date;
}

export interface FlavorAddress extends ProjectAddress {
  flavor: string;
}

/** One project, or all. */
interface ProjectScope extends ProjectAddress {
  allProjects?: boolean;
}

/** Reading needs the permission read, changing administer. */
export interface FlavorOperations {
  /**
   * The project's flavors by name, or with `allProjects` those of all projects that the caller may see, by project and
   * name.
   */
  list(access: Access, params: ProjectScope & PageParams): Promise<Page<FlavorRecord>>;
  /** The flavor. FLAVOR_DOES_NOT_EXIST. */
  get(access: Access, params: FlavorAddress): Promise<FlavorRecord>;
  /**
   * In the order asked, null for a missing flavor and for one that the caller may not see. One statement for all. At
   * most MAX_PAGE_SIZE.
   */
  getMany(access: Access, params: { flavors: readonly FlavorAddress[] }): Promise<(FlavorRecord | null)[]>;
  /** True when the project has this flavor. */
  exists(access: Access, params: FlavorAddress): Promise<boolean>;
  /** The capabilities of its first pool by name. Null when it has no pool, or that pool cannot be reached now. */
  capabilities(access: Access, params: FlavorAddress): Promise<Capability[] | null>;
  /** The same of many flavors, in the order given. At most MAX_PAGE_SIZE. */
  capabilitiesOfMany(
    access: Access,
    params: { flavors: readonly FlavorAddress[] },
  ): Promise<BatchResult<Capability[] | null>[]>;
  /**
   * Creates the flavor and sets it on the pools, which leave the flavor that they had. Pools that have this flavor
   * already keep it; if there is one, `pools` may be empty. All or nothing, also after a crash.
   *
   * - `replace`: accepts a flavor that exists, and adds the pools to it. Without: FLAVOR_ALREADY_EXISTS. Of two calls
   *   at once, one gets `created` true.
   * - `verify` (default true): POOL_CAPABILITIES_MISMATCH unless each pool can do what the flavor's first pool can. A
   *   pool that cannot be reached fails the call. With false the pools are not asked.
   *
   * BAD_INPUT, POOL_DOES_NOT_EXIST, POOL_IN_USE_BY_FLAVOR when another flavor would lose its last pool.
   */
  create(
    access: Access,
    params: FlavorAddress & { pools: readonly string[]; replace?: boolean; verify?: boolean },
  ): Promise<{ flavor: FlavorRecord; created: boolean }>;
  /** Makes these its only pools. FLAVOR_DOES_NOT_EXIST, and the errors of `create`. */
  update(access: Access, params: FlavorAddress & { pools: readonly string[]; verify?: boolean }): Promise<FlavorRecord>;
  /**
   * Deletes the flavor. Queues stay in its pools, but no new queue can name it. `deleted` is 0 when there was no
   * such flavor.
   */
  delete(access: Access, params: FlavorAddress): Promise<{ deleted: number }>;
  /** Deletes all flavors of the project, or of all projects as in `list`. See DropAllParams. */
  dropAll(access: Access, params: ProjectScope & DropAllParams): Promise<DropAllResult>;
}

export function createFlavorOperations(context: OperationContext): FlavorOperations {
  return { ...reads(context), ...writes(context), ...deletes(context) };
}

function reads(
  context: OperationContext,
): Pick<FlavorOperations, "list" | "get" | "getMany" | "exists" | "capabilities" | "capabilitiesOfMany"> {
  const { control, data, limits } = context;
  return {
    async list(access, params) {
      requirePermission(access, "read");
      const projects = chosenScope(limits, access, "read", params);
      const isMarker = onlyProject(projects) === null ? undefined : isNameMarker;
      return control.flavors.list({ projects, page: pageRequest(limits, params.page, isMarker) });
    },

    async get(access, params) {
      requirePermission(access, "read");
      return control.flavors.get(chosen(limits, access, "read", params));
    },

    async getMany(access, { flavors }) {
      requirePermission(access, "read");
      return readVisible(checkBatch(limits, "flavors", flavors), {
        choose: (flavor) => chosen(limits, access, "read", flavor),
        read: (wanted) => control.flavors.getMany(wanted),
        keyOf: flavorKey,
        foundKeyOf: flavorKey,
      });
    },

    async exists(access, params) {
      requirePermission(access, "read");
      return control.flavors.exists(chosen(limits, access, "read", params));
    },

    async capabilities(access, params) {
      requirePermission(access, "read");
      const [first] = await poolsOf(control, chosen(limits, access, "read", params).name);
      return first === undefined ? null : capabilitiesOf(data, first);
    },

    async capabilitiesOfMany(access, { flavors }) {
      requirePermission(access, "read");
      const names = checkBatch(limits, "flavors", flavors).map((flavor) => chosen(limits, access, "read", flavor).name);
      const pools = await control.pools.getPoolsByFlavors([...new Set(names)]);
      const firsts = new Map<string | null, string>();
      for (const { flavor, name } of pools) {
        const first = firsts.get(flavor);
        if (first === undefined || name < first) firsts.set(flavor, name);
      }
      return Promise.all(
        names.map((name) => {
          const first = firsts.get(name);
          return first === undefined ? null : resultOf(capabilitiesOf(data, first));
        }),
      );
    },
  };
}

function writes(context: OperationContext): Pick<FlavorOperations, "create" | "update"> {
  const { control, data, limits } = context;
  return {
    async create(access, params) {
      const { flavor, trace } = await changing(context, access, "createFlavor", params);
      const pools = checkPools(limits, params.pools);
      const replace = params.replace === true;
      if (!replace && (await control.flavors.exists(flavor))) throw alreadyExists(flavor.name);
      await requirePools(control, pools);
      if (params.verify !== false) {
        await requireSameCapabilities(data, flavor.name, [
          ...new Set([...(await poolsOf(control, flavor.name)), ...pools]),
        ]);
      }
      const created = await audited(context, trace, async (tx) => {
        const before = await poolsOf(tx, flavor.name);
        if (before.length + pools.length === 0) throw withoutPools();
        await requireNoneEmptied(tx, flavor.name, pools);
        const result = await tx.flavors.create({ ...flavor, pools });
        // Checked again here: another caller may have created it meanwhile.
        if (!result && !replace) throw alreadyExists(flavor.name);
        return { result, details: { before, after: await poolsOf(tx, flavor.name) } };
      });
      return { flavor: await control.flavors.get(flavor), created };
    },

    async update(access, params) {
      const { flavor, trace } = await changing(context, access, "updateFlavor", params);
      const pools = checkPools(limits, params.pools);
      if (pools.length === 0) throw withoutPools();
      await control.flavors.get(flavor);
      await requirePools(control, pools);
      if (params.verify !== false) await requireSameCapabilities(data, flavor.name, pools);
      return audited(context, trace, async (tx) => {
        // Checked again here: another caller may have deleted it meanwhile.
        await tx.flavors.get(flavor);
        const before = await poolsOf(tx, flavor.name);
        await requireNoneEmptied(tx, flavor.name, pools);
        await tx.flavors.update({ ...flavor, pools });
        return { result: await tx.flavors.get(flavor), details: { before, after: pools } };
      });
    },
  };
}

function deletes(context: OperationContext): Pick<FlavorOperations, "delete" | "dropAll"> {
  const { limits } = context;
  return {
    async delete(access, params) {
      const { flavor, trace } = await changing(context, access, "deleteFlavor", params);
      const deleted = await audited(context, trace, async (tx) => {
        const result = await tx.flavors.exists(flavor);
        const pools = await poolsOf(tx, flavor.name);
        if (result) await tx.flavors.delete(flavor);
        return { result, details: { pools }, changed: result };
      });
      return { deleted: deleted ? 1 : 0 };
    },

    async dropAll(access, params) {
      const named: Trace = { access, action: "dropAllFlavors", project: params.project ?? null, target: "*" };
      const projects = await permitted(context, named, (permission) => chosenScope(limits, access, permission, params));
      return dropAll(context, { ...named, project: onlyProject(projects) }, params, {
        list: (tx, page) => tx.flavors.list({ page, projects }),
        identity: (flavor) => [flavor.project, flavor.name],
        drop: async (tx, flavors) => {
          if (projects === "all") await tx.flavors.dropAll();
          else for (const { project, name } of flavors) await tx.flavors.delete({ project, name });
        },
      });
    },
  };
}

function chosen(
  limits: OperationContext["limits"],
  access: Access,
  permission: Permission,
  { project, flavor }: FlavorAddress,
): { project: string; name: string } {
  return { project: chosenProject(limits, access, permission, project), name: checkName("flavor", flavor) };
}

function changing(context: OperationContext, access: Access, action: Action, params: FlavorAddress) {
  const trace: Trace = { access, action, project: params.project ?? null, target: String(params.flavor) };
  return permitted(context, trace, (permission) => {
    const flavor = chosen(context.limits, access, permission, params);
    return { flavor, trace: { ...trace, project: flavor.project } };
  });
}

function checkPools(limits: OperationContext["limits"], pools: readonly string[]): string[] {
  const names = [...new Set(checkBatch(limits, "pools", pools))].map((pool) => checkName("pools", pool));
  if (names.includes(DEFAULT_POOL)) {
    throw badInput("pools", `The built-in pool ${DEFAULT_POOL} cannot have a flavor. Register another pool.`);
  }
  return names;
}

/** POOL_DOES_NOT_EXIST with all pools that are missing (`details.pools`). */
async function requirePools({ pools }: OperationContext["control"], names: readonly string[]): Promise<void> {
  const found = new Set((await pools.getMany(names)).map(({ name }) => name));
  const missing = names.filter((name) => !found.has(name));
  if (missing.length === 0) return;
  const list = missing.map((name) => JSON.stringify(name)).join(", ");
  const says = missing.length === 1 ? `There is no pool named ${list}.` : `There are no pools named ${list}.`;
  throw new DomainError("POOL_DOES_NOT_EXIST", `${says}`, { details: { pools: missing } });
}

/** POOL_CAPABILITIES_MISMATCH unless each pool can do what the first one by name can. */
async function requireSameCapabilities(
  data: OperationContext["data"],
  flavor: string,
  pools: readonly string[],
): Promise<void> {
  const [first, ...others] = [...pools].sort();
  if (first === undefined) return;
  const wanted = (await data.pool(first)).capabilities;
  for (const pool of others) {
    requireCapabilities({ flavor, pool, capabilities: (await data.pool(pool)).capabilities, first }, wanted);
  }
}

function flavorKey({ project, name }: { project: string; name: string }): string {
  return JSON.stringify([project, name]);
}

async function poolsOf(from: Pick<Transaction, "pools">, name: string): Promise<string[]> {
  return (await from.pools.getPoolsByFlavor(name)).map((pool) => pool.name).sort();
}

/**
 * Checks that these pools can get this flavor, or none with null. POOL_IN_USE_BY_FLAVOR if a flavor that exists in any
 * project would lose its last pool. POOL_DOES_NOT_EXIST.
 */
export async function requireNoneEmptied(
  tx: Pick<Transaction, "pools" | "flavors">,
  flavor: string | null,
  pools: readonly string[],
): Promise<void> {
  for (const name of pools) {
    const former = (await tx.pools.get(name)).flavor;
    if (former === null || former === flavor) continue;
    const left = (await poolsOf(tx, former)).filter((pool) => !pools.includes(pool));
    if (left.length === 0 && (await tx.flavors.exists({ name: former }))) {
      throw new DomainError(
        "POOL_IN_USE_BY_FLAVOR",
        `The pool ${name} is the last of the flavor ${former}. Give that flavor another pool, or delete it, first.`,
        { details: { pool: name, flavor: former } },
      );
    }
  }
}

function withoutPools(): DomainError {
  return badInput("pools", "A flavor needs at least one pool. Name one, or register one with this flavor first.");
}

function alreadyExists(name: string): DomainError {
  return new DomainError(
    "FLAVOR_ALREADY_EXISTS",
    `There is a flavor ${name} in this project already. Change it, or take another name.`,
    {
      details: { flavor: name },
    },
  );
}
