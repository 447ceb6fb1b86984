import type { OperationContext } from "./context.ts";
import { createPoolDeletes, type PoolDeletes } from "./pools/delete.ts";
import { createPoolReads, type PoolReads } from "./pools/read.ts";
import { createPoolWrites, type PoolWrites } from "./pools/write.ts";

/** Reading needs the role viewer, changing admin. No result holds a password. */
export interface PoolOperations extends PoolReads, PoolWrites, PoolDeletes {}

export function createPoolOperations(context: OperationContext): PoolOperations {
  return { ...createPoolReads(context), ...createPoolWrites(context), ...createPoolDeletes(context) };
}
