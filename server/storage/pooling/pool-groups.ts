/** Queues by the pool that holds them, for calls about many queues. */
import { DomainError } from "../../errors.ts";
import type { DataDriver } from "../data-driver.ts";
import type { QueueRef } from "../queue-ref.ts";
import type { OpenPools } from "./open-pools.ts";
import type { QueueLocation } from "./pool-catalog.ts";

/** Queues of one pool, or of one part of it that fails by itself. `indexes`: their positions in the call. */
export interface PoolGroup {
  readonly pool: string;
  readonly part: string;
  readonly indexes: number[];
}

/** Groups queues by their locations. Those without one are in no group. */
export function poolGroups(
  pools: Pick<OpenPools, "opened">,
  queues: readonly QueueRef[],
  locations: readonly (QueueLocation | DomainError | null)[],
): PoolGroup[] {
  const groups = new Map<string, PoolGroup>();
  locations.forEach((location, index) => {
    if (location === null || location instanceof DomainError) return;
    const { pool } = location;
    const part = partOf(pools.opened(pool), queues[index] as QueueRef);
    const key = `${part} ${pool}`;
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { pool, part, indexes: [index] });
    else known.indexes.push(index);
  });
  return [...groups.values()];
}

export function partOf(driver: DataDriver | undefined, queue: QueueRef): string {
  return driver?.partOf?.(queue) ?? "";
}
