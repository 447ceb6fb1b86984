import type { Access } from "../access/access.ts";
import type { Capability, Page } from "../storage/data-driver.ts";
import type { PageParams, ProjectAddress } from "./addresses.ts";
import type { DropAllParams, DropAllResult } from "./drop-all.ts";

export interface FlavorRecord {
  project: string;
  name: string;
  createdAt: Date;
  updatedAt: Date;
}

export interface NamedFlavor extends ProjectAddress {
  name: string;
}

/** Reading needs the role viewer, changing admin. */
export interface FlavorOperations {
  list(access: Access, params: ProjectAddress & PageParams): Promise<Page<FlavorRecord>>;
  /** FLAVOR_DOES_NOT_EXIST. */
  get(access: Access, params: NamedFlavor): Promise<FlavorRecord>;
  exists(access: Access, params: NamedFlavor): Promise<boolean>;
  /** Names of its pools, ascending. */
  pools(access: Access, params: NamedFlavor): Promise<string[]>;
  /** Those of its first pool; null when it has none, or that cannot be reached now. */
  capabilities(access: Access, params: NamedFlavor): Promise<Capability[] | null>;
  /** One that exists is FLAVOR_ALREADY_EXISTS unless `replace`; pools of it from before stay in it. At least one pool. BAD_INPUT, POOL_DOES_NOT_EXIST, POOL_CAPABILITIES_MISMATCH. */
  create(
    access: Access,
    params: NamedFlavor & { pools: readonly string[]; replace?: boolean },
  ): Promise<{ flavor: FlavorRecord; created: boolean }>;
  /** Its pools are exactly these from now on. FLAVOR_DOES_NOT_EXIST, and as create. */
  update(access: Access, params: NamedFlavor & { pools: readonly string[] }): Promise<FlavorRecord>;
  /** Its queues stay where they are; new ones can no longer name it. `deleted` false when there was none. */
  delete(access: Access, params: NamedFlavor): Promise<{ deleted: boolean }>;
  /** All flavors of all projects. Needs an unlimited caller. */
  dropAll(access: Access, params: DropAllParams): Promise<DropAllResult>;
}
