import { type Access, requireRole } from "../access/access.ts";
import { DomainError } from "../errors.ts";
import type { Pool } from "../storage/control-driver.ts";
import { type Capability, type DataDriver, DEFAULT_POOL } from "../storage/data-driver.ts";
import type { Page, PageRequest } from "../storage/list-pages.ts";
import { audited, permitted } from "./audit-trail.ts";
import type { OperationContext } from "./context.ts";
import { type DropAllParams, type DropAllResult, dropAll } from "./drop-all.ts";
import { requireNoneEmptied } from "./flavors.ts";
import type { PageParams } from "./input/addresses.ts";
import { checkObjectText } from "./input/json-text.ts";
import { badInput, checkTextSize, checkWhole, isStorable, pageRequest } from "./input/limits.ts";
import { checkName, isNameMarker } from "./input/names.ts";
import { capabilitiesOf, requireCapabilities } from "./pool-facts/capabilities.ts";

export interface PoolRecord {
  name: string;
  /** The pool "default" that the control database itself is: no weight, cannot be changed or deleted. */
  builtIn: boolean;
  /** Without its password. Null for the built-in pool. */
  maskedUri: string | null;
  /** Null for the built-in pool, which takes a queue only when no registered pool fits. 0 = no new queues. */
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
  /** null and "" take it out of its flavor; undefined leaves it. */
  flavor?: string | null;
  optionsText?: string | null;
  /**
   * false: do not connect to the URI (then nor can its capabilities be checked). What is no URI of a pool is refused
   * all the same. Default true.
   */
  verify?: boolean;
}

/** Reading needs the role viewer, changing admin. No result holds a password. */
export interface PoolOperations {
  /** By name; the built-in pool stands first, on the first page. */
  list(access: Access, params: PageParams): Promise<Page<PoolRecord>>;
  /** POOL_DOES_NOT_EXIST. */
  get(access: Access, params: { name: string }): Promise<PoolRecord>;
  exists(access: Access, params: { name: string }): Promise<boolean>;
  /** Pools of the flavor, or with null those without one (the built-in pool not among them). */
  getByFlavor(access: Access, params: { flavor: string | null }): Promise<PoolRecord[]>;
  /** How many queues it holds, exact up to 10,000. POOL_DOES_NOT_EXIST. */
  countQueues(access: Access, params: { name: string }): Promise<{ value: number; exact: boolean }>;
  /** What its storage can do; null when it cannot be reached now. POOL_DOES_NOT_EXIST. */
  capabilities(access: Access, params: { name: string }): Promise<Capability[] | null>;
  /**
   * Connects and says what is there, and which pool is that place already, whatever its URI; registers nothing, and
   * leaves nothing there. Admin. BAD_INPUT, POOL_NOT_REACHABLE.
   */
  verify(access: Access, params: { uri: string }): Promise<{ capabilities: Capability[]; registeredAs: string | null }>;
  /**
   * Registers a pool. One of that name is POOL_ALREADY_EXISTS unless `replace`, which sets everything anew (no message moves). What `verify` finds to be
   * another pool's server and namespace is POOL_URI_IN_USE, whatever the URIs say; without it only the URIs are compared, and the rest shows once the pool is opened.
   * BAD_INPUT, POOL_NOT_REACHABLE, POOL_URI_IN_USE, POOL_CAPABILITIES_MISMATCH (it lacks what the flavor's first pool can do).
   */
  create(
    access: Access,
    params: { name: string; uri: string; weight: number; replace?: boolean } & Omit<PoolChanges, "uri" | "weight">,
  ): Promise<{ pool: PoolRecord; created: boolean }>;
  /**
   * Changes what is given. Nothing given is BAD_INPUT. POOL_DOES_NOT_EXIST, POOL_IN_USE_BY_FLAVOR when it would leave its flavor without a pool, and as create. A new URI is for the same storage under another name or
   * password: no message moves. One that leads to another storage is POOL_IN_USE while the pool holds queues, unless `verify` is false.
   */
  update(access: Access, params: { name: string } & PoolChanges): Promise<PoolRecord>;
  /** `deleted` false when there was none. POOL_IN_USE (details { queues, exact }), POOL_IN_USE_BY_FLAVOR, NOT_SUPPORTED for the built-in pool. */
  delete(access: Access, params: { name: string }): Promise<{ deleted: boolean }>;
  /** Unregisters every pool, never the built-in one. POOL_IN_USE while any of them holds queues. */
  dropAll(access: Access, params: DropAllParams): Promise<DropAllResult>;
}

const MAX_URI_LENGTH = 255;
const MAX_WEIGHT = 2 ** 32 - 1;
/** Stands for the built-in pool in lists: before every name, and no name itself. */
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

  /** No message repeats it: it may hold a password. */
  function checkUri(uri: unknown): string {
    if (!isStorable(uri) || uri === "" || uri.length > MAX_URI_LENGTH) {
      throw badInput("uri", `uri must be text of 1 to ${MAX_URI_LENGTH} characters.`);
    }
    data.checkUri(uri);
    return uri;
  }

  /** Before anything is written: does what the storage can do fit the flavor? */
  async function requireFlavor(name: string, flavor: string | null, capabilities: ReadonlySet<Capability>) {
    if (flavor === null) return;
    const first = (await control.pools.getPoolsByFlavor(flavor)).find((pool) => pool.name !== name);
    if (first === undefined) return;
    const wanted = (await data.pool(first.name)).capabilities;
    requireCapabilities({ flavor, pool: name, capabilities, first: first.name }, wanted);
  }

  /**
   * Can the storage be used, and does it fit? Gives which it is: a new one becomes somebody once nothing speaks against
   * it.
   */
  async function verified(name: string, uri: string, flavor: string | null): Promise<string> {
    const { identity, capabilities } = await data.inspect(uri);
    await requireFlavor(name, flavor, capabilities);
    return identity ?? (await data.prepare(uri)).identity;
  }

  /**
   * A pool that was registered without a look, and holds queues: which store is it? One that cannot be reached now stays unknown. Of a double nothing is
   * written down, so what was seen is given on too.
   */
  async function lookAt({ name, uri, identity }: Pool): Promise<{ formerIdentity?: string }> {
    if (identity !== null || (await control.catalogue.countByPool(name)).value === 0) return {};
    const driver: DataDriver | null = await data.pool(name).catch((error: unknown) => {
      if (error instanceof DomainError && error.kind === "unavailable") return null;
      throw error;
    });
    if (driver === null) return {};
    await control.pools.note({ name, uri, identity: driver.identity });
    return { formerIdentity: driver.identity };
  }

  /** What is remembered of a pool that is no more: another one may get its name. */
  async function forget(name: string): Promise<void> {
    await data.forgetPool(name);
    await history.forget(name).catch((error: unknown) => warn("A deleted pool's history stays until it is old", error));
  }

  async function list(page: PageRequest): Promise<Page<PoolRecord>> {
    const { after, before, limit } = page;
    if (after === undefined && before === undefined) {
      const rest = await control.pools.list({ page: { limit: Math.max(limit - 1, 1) } });
      const items = rest.items.slice(0, limit - 1);
      const more = items.length === 0 && rest.items.length > 0 ? DEFAULT_MARKER : rest.nextMarker;
      return { items: [DEFAULT_RECORD, ...items.map(toRecord)], nextMarker: more, previousMarker: null };
    }
    const found = await control.pools.list({ page });
    const items = found.items.map(toRecord);
    if (before === undefined || before === DEFAULT_MARKER || found.previousMarker !== null) return { ...found, items };
    if (items.length < limit) {
      const nextMarker = found.nextMarker ?? DEFAULT_MARKER;
      return { items: [DEFAULT_RECORD, ...items], nextMarker, previousMarker: null };
    }
    return { ...found, items, previousMarker: items[0]?.name ?? null };
  }

  return {
    async list(access, params) {
      requireRole(access, "viewer");
      const isMarker = (marker: string) => marker === DEFAULT_MARKER || isNameMarker(marker);
      return list(pageRequest(limits, params.page, isMarker));
    },

    async get(access, { name }) {
      requireRole(access, "viewer");
      return name === DEFAULT_POOL ? DEFAULT_RECORD : toRecord(await control.pools.get(checkName("name", name)));
    },

    async exists(access, { name }) {
      requireRole(access, "viewer");
      return name === DEFAULT_POOL || control.pools.exists(checkName("name", name));
    },

    async getByFlavor(access, { flavor }) {
      requireRole(access, "viewer");
      return (await control.pools.getPoolsByFlavor(flavor === null ? null : checkName("flavor", flavor))).map(toRecord);
    },

    async countQueues(access, { name }) {
      requireRole(access, "viewer");
      if (name !== DEFAULT_POOL) await control.pools.get(checkName("name", name));
      return control.catalogue.countByPool(name);
    },

    async capabilities(access, { name }) {
      requireRole(access, "viewer");
      return capabilitiesOf(data, name === DEFAULT_POOL ? name : checkName("name", name));
    },

    async verify(access, { uri }) {
      requireRole(access, "admin");
      const { capabilities, identity } = await data.inspect(checkUri(uri));
      const registeredAs = identity === null ? null : await control.pools.findByIdentity(identity);
      return { capabilities: [...capabilities], registeredAs };
    },

    async create(access, params) {
      const trace = { access, action: "createPool", project: null, target: String(params.name) };
      const name = await permitted(context, trace, "admin", () => checkName("name", params.name));
      if (name === DEFAULT_POOL) {
        throw badInput("name", `${DEFAULT_POOL} is the name of the built-in pool. Take another.`);
      }
      const replace = params.replace === true;
      const { flavor = null, optionsText = "{}" } = checkChanges(params);
      const uri = checkUri(params.uri);
      const weight = checkWhole("weight", params.weight, 0, MAX_WEIGHT);
      const exists = await control.pools.exists(name);
      if (exists && !replace) throw alreadyExists(name);
      const former = exists && params.verify !== false ? await lookAt(await control.pools.get(name)) : {};
      const identity = params.verify === false ? {} : { identity: await verified(name, uri, flavor) };
      const created = await audited(context, trace, async (tx) => {
        const before = (await tx.pools.exists(name)) ? summary(await tx.pools.get(name)) : null;
        if (replace && before !== null) await requireNoneEmptied(tx, flavor, [name]);
        const result = await tx.pools.create({ name, uri, weight, flavor, optionsText, ...identity, ...former });
        // Asked again here: another may have made it since.
        if (!result && !replace) throw alreadyExists(name);
        return { result, details: { before, after: summary(await tx.pools.get(name)) } };
      });
      await data.forgetPool(name);
      return { pool: toRecord(await control.pools.get(name)), created };
    },

    async update(access, params) {
      const trace = { access, action: "updatePool", project: null, target: String(params.name) };
      const name = await permitted(context, trace, "admin", () => checkName("name", params.name));
      if (name === DEFAULT_POOL) throw builtIn("changed");
      const changes = checkChanges(params);
      if (Object.keys(changes).length === 0) {
        throw badInput("uri", "Give at least one of uri, weight, flavor and options to change.");
      }
      const now = await control.pools.get(name);
      const flavor = changes.flavor === undefined ? now.flavor : changes.flavor;
      const { uri } = changes;
      const verify = params.verify !== false;
      const former = verify && uri !== undefined ? await lookAt(now) : {};
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
      const trace = { access, action: "deletePool", project: null, target: String(params.name) };
      const name = await permitted(context, trace, "admin", () => checkName("name", params.name));
      if (name === DEFAULT_POOL) throw builtIn("deleted");
      const deleted = await audited(context, trace, async (tx) => {
        const existed = await tx.pools.exists(name);
        const before = existed ? summary(await tx.pools.get(name)) : null;
        await tx.pools.delete(name);
        return { result: existed, details: { before }, changed: existed };
      });
      await forget(name);
      return { deleted };
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
          // Counted after: deleting waited for queues that were being placed, and now they show. Throwing takes it all back.
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

/** For the audit log. Options may hold anything, so they stay out. */
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
    `The pool ${name} still holds queues, or what deleted queues left there while it could not be reached. Move or delete the queues, and take what is left out of the catalogue.`,
    {
      details: { pool: name, queues: queues.value, exact: queues.exact },
    },
  );
}
