import { type Access, requirePermission } from "../../access/access.ts";
import type { Pool } from "../../storage/control-driver.ts";
import { type Capability, DEFAULT_POOL } from "../../storage/data-driver.ts";
import { type Page, type PageRequest, readsBackward } from "../../storage/list-pages.ts";
import type { OperationContext } from "../context.ts";
import type { PageParams } from "../input/addresses.ts";
import { checkBatch, pageRequest } from "../input/limits.ts";
import { checkName, isNameMarker } from "../input/names.ts";
import { readVisible } from "../input/visible.ts";
import { capabilitiesOf } from "../pool-facts/capabilities.ts";
import { DEFAULT_RECORD, type PoolRecord, toRecord } from "./record.ts";

/**
 * Permission read, in any project: whoever uses queues sees the names and states of pools. Where a pool is, its masked
 * URI, is shown only to those who may read all projects. No result holds a password.
 */
export interface PoolReads {
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
   * How many of the queues that the caller may see each holds, exact up to 10,000, in the order given. 0 for a pool
   * that does not exist. One statement for all. At most MAX_PAGE_SIZE pools.
   */
  countQueues(access: Access, params: { pools: readonly string[] }): Promise<{ value: number; exact: boolean }[]>;
  /** What its storage can do. Null when it cannot be reached now. POOL_DOES_NOT_EXIST. */
  capabilities(access: Access, params: { pool: string }): Promise<Capability[] | null>;
}

const shownTo =
  ({ rights }: Access) =>
  (pool: PoolRecord): PoolRecord =>
    rights.read === "all" ? pool : { ...pool, maskedUri: null };

/** The built-in pool's marker in lists. It sorts before every name, and cannot be a name. */
const DEFAULT_MARKER = "!";

export function createPoolReads({ control, data, limits }: OperationContext): PoolReads {
  return {
    async list(access, params) {
      requirePermission(access, "read");
      const isMarker = (marker: string) => marker === DEFAULT_MARKER || isNameMarker(marker);
      const page = await listWithDefault(control, pageRequest(limits, params.page, isMarker));
      return { ...page, items: page.items.map(shownTo(access)) };
    },

    async get(access, { pool }) {
      requirePermission(access, "read");
      if (pool === DEFAULT_POOL) return DEFAULT_RECORD;
      return shownTo(access)(toRecord(await control.pools.get(checkName("pool", pool))));
    },

    async getMany(access, { pools }) {
      requirePermission(access, "read");
      const found = await readVisible(checkBatch(limits, "pools", pools), {
        choose: (name) => checkName("pools", name),
        async read(wanted) {
          const registered = wanted.filter((name) => name !== DEFAULT_POOL);
          const found = registered.length === 0 ? [] : await control.pools.getMany(registered);
          return [DEFAULT_RECORD, ...found.map(toRecord)];
        },
        keyOf: (name) => name,
        foundKeyOf: ({ name }) => name,
      });
      return found.map((pool) => pool && shownTo(access)(pool));
    },

    async exists(access, { pool }) {
      requirePermission(access, "read");
      return pool === DEFAULT_POOL || control.pools.exists(checkName("pool", pool));
    },

    async getByFlavor(access, { flavor }) {
      requirePermission(access, "read");
      const found = await control.pools.getPoolsByFlavor(flavor === null ? null : checkName("flavor", flavor));
      return found.map(toRecord).map(shownTo(access));
    },

    async getByFlavors(access, { flavors }) {
      requirePermission(access, "read");
      const wanted = checkBatch(limits, "flavors", flavors).map((flavor) => checkName("flavors", flavor));
      const found = Map.groupBy(await control.pools.getPoolsByFlavors(wanted), ({ flavor }) => flavor);
      return wanted.map((flavor) => (found.get(flavor) ?? []).map(toRecord).map(shownTo(access)));
    },

    async countQueues(access, { pools }) {
      requirePermission(access, "read");
      const names = checkBatch(limits, "pools", pools).map((name) => checkName("pools", name));
      return control.catalogue.countByPools({ pools: names, projects: access.rights.read });
    },

    async capabilities(access, { pool }) {
      requirePermission(access, "read");
      return capabilitiesOf(data, pool === DEFAULT_POOL ? pool : checkName("pool", pool));
    },
  };
}

async function listWithDefault(control: OperationContext["control"], page: PageRequest): Promise<Page<PoolRecord>> {
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

/** The page that begins with the built-in pool. */
function withDefault(pools: readonly Pool[], markers: readonly string[]): Omit<Page<PoolRecord>, "nextMarker"> {
  return {
    items: [DEFAULT_RECORD, ...pools.map(toRecord)],
    markers: [DEFAULT_MARKER, ...markers],
    previousMarker: null,
  };
}
