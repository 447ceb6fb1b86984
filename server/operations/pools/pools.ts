import type { OperationContext } from "../context.ts";
import { createPoolDeletes, type PoolDeletes } from "./delete.ts";
import { createPoolReads, type PoolReads } from "./read.ts";
import { createPoolWrites, type PoolWrites } from "./write.ts";

/** Reading needs the permission read, changing administer. No result holds a password. */
export interface PoolOperations extends PoolReads, PoolWrites, PoolDeletes {}

export function createPoolOperations(context: OperationContext): PoolOperations {
  return { ...createPoolReads(context), ...createPoolWrites(context), ...createPoolDeletes(context) };
}
