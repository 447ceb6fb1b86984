import { DomainError, isUnavailable } from "../../errors.ts";
import type { Capability } from "../../storage/data-driver.ts";
import type { PooledDataDriver } from "../../storage/pooled-data-driver.ts";

/** What the pool's storage can do. Null when it cannot be reached now. POOL_DOES_NOT_EXIST. */
export async function capabilitiesOf(data: PooledDataDriver, pool: string): Promise<Capability[] | null> {
  try {
    return [...(await data.pool(pool)).capabilities];
  } catch (error) {
    if (isUnavailable(error)) return null;
    throw error;
  }
}

/** POOL_CAPABILITIES_MISMATCH when the pool lacks a capability of the flavor's first pool. It may have more. */
export function requireCapabilities(
  pool: { flavor: string; pool: string; capabilities: ReadonlySet<Capability>; first: string },
  wanted: ReadonlySet<Capability>,
): void {
  const missing = [...wanted].filter((capability) => !pool.capabilities.has(capability));
  if (missing.length === 0) return;
  throw new DomainError(
    "POOL_CAPABILITIES_MISMATCH",
    `The pool ${pool.pool} lacks capabilities that the flavor ${pool.flavor} has in its pool ${pool.first}: ` +
      `${missing.join(", ")}. Take another storage or flavor.`,
    { details: { pool: pool.pool, flavor: pool.flavor, missing } },
  );
}
