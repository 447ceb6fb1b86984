import { type Access, requireEverywhere } from "../../access/access.ts";
import { DomainError, isUnavailable } from "../../errors.ts";
import type { Pool } from "../../storage/control-driver.ts";
import { type Capability, type DataDriver, DEFAULT_POOL } from "../../storage/data-driver.ts";
import { audited, permitted, type Trace } from "../audit/audit-trail.ts";
import type { OperationContext } from "../context.ts";
import { requireNoneEmptied } from "../flavors.ts";
import { badInput } from "../input/limits.ts";
import { checkName } from "../input/names.ts";
import { requireCapabilities } from "../pool-facts/capabilities.ts";
import { checkChanges, checkUri, checkWeight, type PoolChanges } from "./input.ts";
import { builtIn, type PoolRecord, summary, toRecord } from "./record.ts";

/** Permission administer. No result holds a password. */
export interface PoolWrites {
  /**
   * Connects to the URI and returns what the storage can do, and the pool that is registered for this storage already,
   * whatever that pool's URI; else null. Writes nothing. BAD_INPUT, POOL_NOT_REACHABLE.
   */
  verify(access: Access, params: { uri: string }): Promise<{ capabilities: Capability[]; registeredAs: string | null }>;
  /**
   * Registers a pool. A pool of that name is POOL_ALREADY_EXISTS, unless `replace`: then all its settings are replaced,
   * and no message moves. Of two calls at once, one gets `created` true.
   *
   * With `verify` it connects to the storage first:
   *
   * - POOL_NOT_REACHABLE,
   * - POOL_CAPABILITIES_MISMATCH when the storage lacks what the flavor's first pool can do,
   * - POOL_URI_IN_USE when another pool is the same server and namespace, whatever the URIs,
   * - POOL_IN_USE when `replace` leads to another storage while the pool holds queues.
   *
   * Without `verify` only the URIs are compared; anything else shows when the pool is opened. BAD_INPUT. An error or a
   * crash can leave empty tables in the storage, which the next call uses.
   */
  create(
    access: Access,
    params: { pool: string; uri: string; weight: number; replace?: boolean } & Omit<PoolChanges, "uri" | "weight">,
  ): Promise<{ pool: PoolRecord; created: boolean }>;
  /**
   * Changes what is given; BAD_INPUT when nothing is. A new URI is meant for the same storage under another name or
   * password: no message moves. POOL_DOES_NOT_EXIST, POOL_IN_USE_BY_FLAVOR when the pool's flavor would lose its last
   * pool, NOT_SUPPORTED for the built-in pool, and the errors of `create`.
   */
  update(access: Access, params: { pool: string } & PoolChanges): Promise<PoolRecord>;
}

export function createPoolWrites(context: OperationContext): PoolWrites {
  const { control, data } = context;
  return {
    async verify(access, { uri }) {
      requireEverywhere(access, "administer");
      const { capabilities, identity } = await data.inspect(checkUri(context, uri));
      const registeredAs = identity === null ? null : await control.pools.findByIdentity(identity);
      return { capabilities: [...capabilities], registeredAs };
    },

    async create(access, params) {
      const trace: Trace = { access, action: "createPool", project: null, target: String(params.pool) };
      const name = await permitted(context, trace, () => checkName("pool", params.pool));
      if (name === DEFAULT_POOL) {
        throw badInput("pool", `${DEFAULT_POOL} is the name of the built-in pool. Take another.`);
      }
      const replace = params.replace === true;
      const { flavor = null, optionsText = "{}" } = checkChanges(context, params);
      const uri = checkUri(context, params.uri);
      const weight = checkWeight(params.weight);
      const exists = await control.pools.exists(name);
      if (exists && !replace) throw alreadyExists(name);
      const former =
        exists && params.verify !== false ? await formerIdentityOf(context, await control.pools.get(name)) : {};
      const identity = params.verify === false ? {} : { identity: await verified(context, name, uri, flavor) };
      const created = await audited(context, trace, async (tx) => {
        const before = (await tx.pools.exists(name)) ? summary(await tx.pools.get(name)) : null;
        if (replace && before !== null) await requireNoneEmptied(tx, flavor, [name]);
        const result = await tx.pools.create({ name, uri, weight, flavor, optionsText, ...identity, ...former });
        // Checked again here: another caller may have created it meanwhile.
        if (!result && !replace) throw alreadyExists(name);
        return { result, details: { before, after: summary(await tx.pools.get(name)) } };
      });
      await data.forgetPool(name);
      return { pool: toRecord(await control.pools.get(name)), created };
    },

    async update(access, params) {
      const trace: Trace = { access, action: "updatePool", project: null, target: String(params.pool) };
      const name = await permitted(context, trace, () => checkName("pool", params.pool));
      if (name === DEFAULT_POOL) throw builtIn("changed");
      const changes = checkChanges(context, params);
      if (Object.keys(changes).length === 0) {
        throw badInput("uri", "Give at least one of uri, weight, flavor and options to change.");
      }
      const now = await control.pools.get(name);
      const flavor = changes.flavor === undefined ? now.flavor : changes.flavor;
      const { uri } = changes;
      const verify = params.verify !== false;
      const former = verify && uri !== undefined ? await formerIdentityOf(context, now) : {};
      const identity = verify && uri !== undefined ? { identity: await verified(context, name, uri, flavor) } : {};
      const joins = flavor !== null && flavor !== now.flavor;
      if (verify && uri === undefined && joins) {
        await requireFlavor(context, name, flavor, (await data.pool(name)).capabilities);
      }
      const pool = await audited(context, trace, async (tx) => {
        const before = await tx.pools.get(name);
        await requireNoneEmptied(tx, flavor, [name]);
        const result = await tx.pools.update(name, { ...changes, ...identity, ...former });
        return { result, details: { before: summary(before), after: summary(result) } };
      });
      await data.forgetPool(name);
      return toRecord(pool);
    },
  };
}

/** Connects to the storage, checks it, and returns its identity. A new storage gets one only after the checks. */
async function verified(context: OperationContext, name: string, uri: string, flavor: string | null): Promise<string> {
  const { identity, capabilities } = await context.data.inspect(uri);
  await requireFlavor(context, name, flavor, capabilities);
  return identity ?? (await context.data.prepare(uri)).identity;
}

/** POOL_CAPABILITIES_MISMATCH unless the storage can do what the flavor's first other pool can. Writes nothing. */
async function requireFlavor(
  { control, data }: OperationContext,
  name: string,
  flavor: string | null,
  capabilities: ReadonlySet<Capability>,
) {
  if (flavor === null) return;
  const first = (await control.pools.getPoolsByFlavor(flavor)).find((pool) => pool.name !== name);
  if (first === undefined) return;
  const wanted = (await data.pool(first.name)).capabilities;
  requireCapabilities({ flavor, pool: name, capabilities, first: first.name }, wanted);
}

/**
 * For a pool that was registered without verifying and holds queues: opens it, records which store it is, and returns
 * that. Returns nothing for other pools, and when the pool cannot be reached now. `note` does not record an identity
 * that another pool has; that is why the caller passes it on.
 */
async function formerIdentityOf(
  { control, data }: OperationContext,
  { name, uri, identity }: Pool,
): Promise<{ formerIdentity?: string }> {
  if (identity !== null || (await control.catalogue.countByPool(name)).value === 0) return {};
  const driver: DataDriver | null = await data.pool(name).catch((error: unknown) => {
    if (isUnavailable(error)) return null;
    throw error;
  });
  if (driver === null) return {};
  await control.pools.note({ name, uri, identity: driver.identity });
  return { formerIdentity: driver.identity };
}

function alreadyExists(name: string): DomainError {
  return new DomainError("POOL_ALREADY_EXISTS", `There is a pool ${name} already. Change it, or take another name.`, {
    details: { pool: name },
  });
}
