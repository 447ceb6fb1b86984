/** What is wrong, and what an operator can do about it: sentences for people. */
import type { Collection } from "../../storage/control-driver.ts";
import type { WriteRefusal } from "../../storage/errors/read-only-storage.ts";
import type { ControlHealth, PoolHealth } from "./record.ts";

export function controlWarnings({ reachable }: ControlHealth): string[] {
  return reachable ? [] : ["The control database cannot be reached. Check that it runs and DATABASE_URL is right."];
}

/** Of the pools in `names`: another may be gone since the collection. */
export function gcWarnings(last: Collection | null, names: readonly string[]): string[] {
  return (last?.failed ?? [])
    .filter(({ pool }) => names.includes(pool))
    .map(({ pool, error }) => `Garbage collection failed in the pool ${pool}: ${error}`);
}

export function lossWarning({ pool, at }: { pool: string; at: Date }): string {
  return (
    `The pool ${pool} came back without what its queues held: ` +
    `on ${at.toISOString()} its storage was found empty, or was another one. ` +
    "Check that it keeps its data on disk, and post again what you can. " +
    "Then update the pool with its URI, which ends this warning."
  );
}

const REFUSALS: Record<WriteRefusal, (pool: string) => string> = {
  "disk-full": (pool) => `The disk of the pool ${pool} is full. Free some space there`,
  "memory-full": (pool) => `The memory of the pool ${pool} is full. Raise its server's maxmemory, or delete messages`,
  "out-of-memory": (pool) => `The server of the pool ${pool} is out of memory. Give it more, or fewer connections`,
  "read-only": (pool) => `The pool ${pool} is read-only. Make it writable, or give it the URI of its primary server`,
  "disk-failing": (pool) => `The pool ${pool} cannot write to its disk. Check whether it is full, and read its log`,
  "too-few-replicas": (pool) => `The pool ${pool} has too few replicas to take writes. Start them again`,
};

function refusalWarning({ pool, freeBytes }: PoolHealth, reason: WriteRefusal | null): string[] {
  if (reason === null) return [];
  const left = freeBytes === null ? "" : ` (${freeBytes} bytes are free)`;
  return [`${REFUSALS[reason](pool)}${left}. Until then it can only be read. It recovers by itself.`];
}

/** `refusal`: why the pool refuses writes now. */
export function poolWarnings(health: PoolHealth, refusal: WriteRefusal | null): string[] {
  const { pool, storageReachable, operations, sameAs } = health;
  const twin =
    sameAs === null
      ? []
      : [
          `The pool ${pool} is the same server and namespace as the pool ${sameAs}. ` +
            "Give it no new queues, move those that it has to a third pool, and delete it.",
        ];
  if (!storageReachable) {
    return [`The pool ${pool} cannot be reached, so its queues are not available. Check its server and URI.`, ...twin];
  }
  const failed = operations.filter(({ succeeded }) => !succeeded).map(({ operation }) => operation);
  return [
    ...refusalWarning(health, refusal),
    ...(failed.length === 0 ? [] : [`In the pool ${pool} these operations fail: ${failed.join(", ")}.`]),
    ...twin,
  ];
}
