import type { Access } from "../access/access.ts";
import type { GcResult } from "../storage/data-driver.ts";

export interface GcReport {
  pools: { pool: string; collected: GcResult | null; error: string | null }[];
  total: GcResult;
  seconds: number;
}

export interface GcOperations {
  /** Frees what is expired, purged or deleted in one pool or all. Needs the role operator. A pool that fails is reported and stops no other. */
  collect(access: Access, params: { pool?: string | null }): Promise<GcReport>;
}
