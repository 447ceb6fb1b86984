import { type Access, requireRole } from "../access/access.ts";
import { DomainError, isUnavailable } from "../errors.ts";
import type { Pool } from "../storage/control-driver.ts";
import { type Capability, type DataDriver, DEFAULT_POOL } from "../storage/data-driver.ts";
import { type Page, type PageRequest, readsBackward } from "../storage/list-pages.ts";
import { audited, permitted } from "./audit-trail.ts";
import type { OperationContext } from "./context.ts";
import { type DropAllParams, type DropAllResult, dropAll } from "./drop-all.ts";
import { requireNoneEmptied } from "./flavors.ts";
import type { PageParams } from "./input/addresses.ts";
import { checkObjectText } from "./input/json-text.ts";
import { badInput, checkBatch, checkTextSize, checkWhole, isStorable, pageRequest } from "./input/limits.ts";
import { checkName, isNameMarker } from "./input/names.ts";
import { readVisible } from "./input/visible.ts";
import { capabilitiesOf, requireCapabilities } from "./pool-facts/capabilities.ts";

export interface PoolRecord {
  name: string;
  /** True for the pool "default": it is the control database itself, and cannot be changed or deleted. */
  builtIn: boolean;
  /** The URI with its password masked. Null for the built-in pool. */
  maskedUri: string | null;
  /**
   * The share of new queues that the pool gets. 0: none. Null for the built-in pool, which gets a queue only when no
   * registered pool fits.
   */
  weight: number | null;
  flavor: string | null;
  /** JSON text of an object. */
  optionsText: string;
  createdAt: Date | null;
  updatedAt: Date | null;
}

export interface PoolChanges {
  uri?: string | null;
  weight?: number | null;
  /** Null or "" takes the pool out of its flavor. Left out: it keeps its flavor. */
  flavor?: string | null;
  optionsText?: string | null;
  /**
   * Default true. False: do not connect to the URI, so neither capabilities nor identity are checked. A text that
   * cannot be a pool's URI is refused all the same.
   */
  verify?: boolean;
}

/** Reading needs the role viewer, changing admin. No result holds a password. */
export interface PoolOperations {
  /** By name. The built-in pool comes first, on the first page. */
  list(access: Access, params: PageParams): Promise<Page<PoolRecord>>;
  /** The pool, built in or registered. POOL_DOES_NOT_EXIST. */
  get(access: Access, params: { pool: string }): Promise<PoolRecord>;
  /** In the order asked, null for a missing pool. One statement for all. At most MAX_PAGE_SIZE. */
  getMany(access: Access, params: { pools: readonly string[] }): Promise<(PoolRecord | null)[]>;
  /** True for a registered pool and for the built-in one. */
  exists(access: Access, params: { pool: string }): Promise<boolean>;
  /** The pools of the flavor; with null, the registered pools without a flavor. Never the built-in pool. */
  getByFlavor(access: Access, params: { flavor: string | null }): Promise<PoolRecord[]>;
  /**
   * The pools of each flavor, by name, in the order asked. Does not check that the flavors exist. One statement for
   * all. At most MAX_PAGE_SIZE flavors.
   */
  getByFlavors(access: Access, params: { flavors: readonly string[] }): Promise<PoolRecord[][]>;
  /**
   * How many queues each holds, exact up to 10,000, in the order given. 0 for a pool that does not exist. One statement
   * for all. At most MAX_PAGE_SIZE pools.
   */
  countQueues(access: Access, params: { pools: readonly string[] }): Promise<{ value: number; exact: boolean }[]>;
  /** What its storage can do. Null when it cannot be reached now. POOL_DOES_NOT_EXIST. */
  capabilities(access: Access, params: { pool: string }): Promise<Capability[] | null>;
  /**
   * Connects to the URI and returns what the storage can do, and the pool that is registered for this storage already,
   * whatever that pool's URI; else null. Writes nothing. Role admin. BAD_INPUT, POOL_NOT_REACHABLE.
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
  /**
   * Unregisters the pool; its storage stays as it is. `deleted` is 0 when there was no such pool. POOL_IN_USE
   * (details `queues`, `exact`), POOL_IN_USE_BY_FLAVOR, NOT_SUPPORTED for the built-in pool.
   */
  delete(access: Access, params: { pool: string }): Promise<{ deleted: number }>;
  /**
   * Unregisters every pool but the built-in one, or none: POOL_IN_USE while one of them holds queues. See
   * DropAllParams.
   */
  dropAll(access: Access, params: DropAllParams): Promise<DropAllResult>;
}

const MAX_URI_LENGTH = 255;
const MAX_WEIGHT = 2 ** 32 - 1;
/** The built-in pool's marker in lists. It sorts before every name, and cannot be a name. */
const DEFAULT_MARKER = "!";

const DEFAULT_RECORD: PoolRecord = {
  name: DEFAULT_POOL,
  builtIn: true,
  maskedUri: null,
  weight: null,
  flavor: null,
  optionsText: "{}",
  createdAt: null,
  updatedAt: null,
};

export function createPoolOperations(context: OperationContext): PoolOperations {
  const { control, data, limits, history, warn } = context;

  function checkChanges(changes: PoolChanges): {
    uri?: string;
    weight?: number;
    flavor?: string | null;
    optionsText?: string;
  } {
    const { uri, weight, flavor, optionsText } = changes;
    return {
      ...(uri === undefined || uri === null ? {} : { uri: checkUri(uri) }),
      ...(weight === undefined || weight === null ? {} : { weight: checkWhole("weight", weight, 0, MAX_WEIGHT) }),
      ...(flavor === undefined
        ? {}
        : { flavor: flavor === null || flavor === "" ? null : checkName("flavor", flavor) }),
      ...(optionsText === undefined || optionsText === null ? {} : { optionsText: checkOptions(optionsText) }),
    };
  }

  function checkOptions(optionsText: string): string {
    checkTextSize("options", optionsText, limits.MAX_QUEUE_METADATA);
    checkObjectText("options", optionsText, limits.MAX_JSON_DEPTH);
    return optionsText;
  }

  /** Hazard: the URI may hold a password, so no error repeats it. */
  function checkUri(uri: unknown): string {
    if (!isStorable(uri) || uri === "" || uri.length > MAX_URI_LENGTH) {
      throw badInput("uri", `uri must be text of 1 to ${MAX_URI_LENGTH} characters.`, {
        ...(typeof uri === "string" ? { value: uri.length } : {}),
        minimum: 1,
        maximum: MAX_URI_LENGTH,
      });
    }
    data.checkUri(uri);
    return uri;
  }

  /** POOL_CAPABILITIES_MISMATCH unless the storage can do what the flavor's first other pool can. Writes nothing. */
  async function requireFlavor(name: string, flavor: string | null, capabilities: ReadonlySet<Capability>) {
    if (flavor === null) return;
    const first = (await control.pools.getPoolsByFlavor(flavor)).find((pool) => pool.name !== name);
    if (first === undefined) return;
    const wanted = (await data.pool(first.name)).capabilities;
    requireCapabilities({ flavor, pool: name, capabilities, first: first.name }, wanted);
  }

  /** Connects to the storage, checks it, and returns its identity. A new storage gets one only after the checks. */
  async function verified(name: string, uri: string, flavor: string | null): Promise<string> {
    const { identity, capabilities } = await data.inspect(uri);
    await requireFlavor(name, flavor, capabilities);
    return identity ?? (await data.prepare(uri)).identity;
  }

  /**
   * For a pool that was registered without verifying and holds queues: opens it, records which store it is, and returns
   * that. Returns nothing for other pools, and when the pool cannot be reached now. `note` does not record an identity
   * that another pool has; that is why the caller passes it on.
   */
  async function formerIdentityOf({ name, uri, identity }: Pool): Promise<{ formerIdentity?: string }> {
    if (identity !== null || (await control.catalogue.countByPool(name)).value === 0) return {};
    const driver: DataDriver | null = await data.pool(name).catch((error: unknown) => {
      if (isUnavailable(error)) return null;
      throw error;
    });
    if (driver === null) return {};
    await control.pools.note({ name, uri, identity: driver.identity });
    return { formerIdentity: driver.identity };
  }

  /** Drops the driver and the health history of a deleted pool: another pool may get its name. */
  async function forget(name: string): Promise<void> {
    await data.forgetPool(name);
    await history
      .forget(name)
      .catch((error: unknown) => warn("The health history of a deleted pool could not be deleted yet", error));
  }

  async function list(page: PageRequest): Promise<Page<PoolRecord>> {
    const { after, before, limit } = page;
    const backward = readsBackward(page);
    if (after === undefined && !backward) {
      const rest = await control.pools.list({ page: { limit: Math.max(limit - 1, 1) } });
      const items = rest.items.slice(0, limit - 1);
      const nextMarker = items.length === 0 && rest.items.length > 0 ? DEFAULT_MARKER : rest.nextMarker;
      return { ...withDefault(items, rest.markers.slice(0, limit - 1)), nextMarker };
    }
    const found = await control.pools.list({ page });
    const items = found.items.map(toRecord);
    if (before === DEFAULT_MARKER || found.previousMarker !== null) return { ...found, items };
    // Nothing that is registered comes before these, but the built-in pool does.
    if (!backward || items.length === limit) return { ...found, items, previousMarker: found.markers[0] ?? null };
    const nextMarker = items.length === 0 && before !== undefined ? DEFAULT_MARKER : found.nextMarker;
    return { ...withDefault(found.items, found.markers), nextMarker };
  }

  return {
    async list(access, params) {
      requireRole(access, "viewer");
      const isMarker = (marker: string) => marker === DEFAULT_MARKER || isNameMarker(marker);
      return list(pageRequest(limits, params.page, isMarker));
    },

    async get(access, { pool }) {
      requireRole(access, "viewer");
      return pool === DEFAULT_POOL ? DEFAULT_RECORD : toRecord(await control.pools.get(checkName("pool", pool)));
    },

    async getMany(access, { pools }) {
      requireRole(access, "viewer");
      return readVisible(checkBatch(limits, "pools", pools), {
        choose: (name) => checkName("pools", name),
        async read(wanted) {
          const registered = wanted.filter((name) => name !== DEFAULT_POOL);
          const found = registered.length === 0 ? [] : await control.pools.getMany(registered);
          return [DEFAULT_RECORD, ...found.map(toRecord)];
        },
        keyOf: (name) => name,
        foundKeyOf: ({ name }) => name,
      });
    },

    async exists(access, { pool }) {
      requireRole(access, "viewer");
      return pool === DEFAULT_POOL || control.pools.exists(checkName("pool", pool));
    },

    async getByFlavor(access, { flavor }) {
      requireRole(access, "viewer");
      return (await control.pools.getPoolsByFlavor(flavor === null ? null : checkName("flavor", flavor))).map(toRecord);
    },

    async getByFlavors(access, { flavors }) {
      requireRole(access, "viewer");
      const wanted = checkBatch(limits, "flavors", flavors).map((flavor) => checkName("flavors", flavor));
      const found = Map.groupBy(await control.pools.getPoolsByFlavors(wanted), ({ flavor }) => flavor);
      return wanted.map((flavor) => (found.get(flavor) ?? []).map(toRecord));
    },

    async countQueues(access, { pools }) {
      requireRole(access, "viewer");
      return control.catalogue.countByPools(checkBatch(limits, "pools", pools).map((name) => checkName("pools", name)));
    },

    async capabilities(access, { pool }) {
      requireRole(access, "viewer");
      return capabilitiesOf(data, pool === DEFAULT_POOL ? pool : checkName("pool", pool));
    },

    async verify(access, { uri }) {
      requireRole(access, "admin");
      const { capabilities, identity } = await data.inspect(checkUri(uri));
      const registeredAs = identity === null ? null : await control.pools.findByIdentity(identity);
      return { capabilities: [...capabilities], registeredAs };
    },

    async create(access, params) {
      const trace = { access, action: "createPool", project: null, target: String(params.pool) };
      const name = await permitted(context, trace, "admin", () => checkName("pool", params.pool));
      if (name === DEFAULT_POOL) {
        throw badInput("pool", `${DEFAULT_POOL} is the name of the built-in pool. Take another.`);
      }
      const replace = params.replace === true;
      const { flavor = null, optionsText = "{}" } = checkChanges(params);
      const uri = checkUri(params.uri);
      const weight = checkWhole("weight", params.weight, 0, MAX_WEIGHT);
      const exists = await control.pools.exists(name);
      if (exists && !replace) throw alreadyExists(name);
      const former = exists && params.verify !== false ? await formerIdentityOf(await control.pools.get(name)) : {};
      const identity = params.verify === false ? {} : { identity: await verified(name, uri, flavor) };
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
      const trace = { access, action: "updatePool", project: null, target: String(params.pool) };
      const name = await permitted(context, trace, "admin", () => checkName("pool", params.pool));
      if (name === DEFAULT_POOL) throw builtIn("changed");
      const changes = checkChanges(params);
      if (Object.keys(changes).length === 0) {
        throw badInput("uri", "Give at least one of uri, weight, flavor and options to change.");
      }
      const now = await control.pools.get(name);
      const flavor = changes.flavor === undefined ? now.flavor : changes.flavor;
      const { uri } = changes;
      const verify = params.verify !== false;
      const former = verify && uri !== undefined ? await formerIdentityOf(now) : {};
      const identity = verify && uri !== undefined ? { identity: await verified(name, uri, flavor) } : {};
      const joins = flavor !== null && flavor !== now.flavor;
      if (verify && uri === undefined && joins) {
        await requireFlavor(name, flavor, (await data.pool(name)).capabilities);
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

    async delete(access, params) {
      const trace = { access, action: "deletePool", project: null, target: String(params.pool) };
      const name = await permitted(context, trace, "admin", () => checkName("pool", params.pool));
      if (name === DEFAULT_POOL) throw builtIn("deleted");
      const deleted = await audited(context, trace, async (tx) => {
        const existed = await tx.pools.exists(name);
        const before = existed ? summary(await tx.pools.get(name)) : null;
        await tx.pools.delete(name);
        return { result: existed, details: { before }, changed: existed };
      });
      await forget(name);
      return { deleted: deleted ? 1 : 0 };
    },

    async dropAll(access, params) {
      const trace = { access, action: "dropAllPools", project: null, target: "*" };
      await permitted(context, trace, "admin", () => undefined);
      const dropped: string[] = [];
      const result = await dropAll(context, trace, params, {
        list: (tx, page) => tx.pools.list({ page }),
        identity: ({ name, maskedUri, weight, flavor }) => [name, maskedUri, weight, flavor],
        drop: async (tx, pools) => {
          await tx.pools.dropAll();
          // Counted after the deletion, which waited for queues that were being created, so that they count too. An
          // error rolls the deletion back.
          for (const { name } of pools) {
            const queues = await tx.catalogue.countByPool(name);
            if (queues.value > 0) throw inUse(name, queues);
            dropped.push(name);
          }
        },
      });
      await Promise.all(dropped.map(forget));
      return result;
    },
  };
}

function toRecord(pool: Pool): PoolRecord {
  const { name, maskedUri, weight, flavor, optionsText, createdAt, updatedAt } = pool;
  return { name, builtIn: false, maskedUri, weight, flavor, optionsText, createdAt, updatedAt };
}

/** The page that begins with the built-in pool. */
function withDefault(pools: readonly Pool[], markers: readonly string[]): Omit<Page<PoolRecord>, "nextMarker"> {
  return {
    items: [DEFAULT_RECORD, ...pools.map(toRecord)],
    markers: [DEFAULT_MARKER, ...markers],
    previousMarker: null,
  };
}

/** For the audit log, without the options: they may hold anything. */
function summary({ maskedUri, weight, flavor }: Pool): Record<string, unknown> {
  return { uri: maskedUri, weight, flavor };
}

function alreadyExists(name: string): DomainError {
  return new DomainError("POOL_ALREADY_EXISTS", `There is a pool ${name} already. Change it, or take another name.`, {
    details: { pool: name },
  });
}

function builtIn(what: string): DomainError {
  return new DomainError(
    "NOT_SUPPORTED",
    `The pool ${DEFAULT_POOL} is the control database itself and cannot be ${what}.`,
    {
      details: { pool: DEFAULT_POOL },
    },
  );
}

function inUse(name: string, queues: { value: number; exact: boolean }): DomainError {
  return new DomainError(
    "POOL_IN_USE",
    `The pool ${name} still holds queues, or what deleted queues left there while it could not be reached. ` +
      "Move or delete the queues, and delete the catalogue entries that are left.",
    {
      details: { pool: name, queues: queues.value, exact: queues.exact },
    },
  );
}
