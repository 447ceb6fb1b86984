/** What is wrong with a pool, by a check of it and by what was wrong before. */
import type { WriteRefusal } from "../storage/errors/read-only-storage.ts";
import { type FoundProblem, ofPool, type Problem } from "./problem.ts";

/** What the checks of pools find. */
export const POOL_KINDS = ["poolUnhealthy", "poolFull"] as const;

export interface CheckedPool {
  pool: string;
  storageReachable: boolean;
  freeBytes: number | null;
  operations: readonly { operation: string; succeeded: boolean }[];
  /** Another pool that is the same store. */
  sameAs: string | null;
}

/** A pool must be healthy for so long before its problem ends, so that one that comes and goes has one problem. */
export const HEALTHY_MS = 60_000;

export function judgePool(params: {
  check: CheckedPool;
  /** Why it takes no writes now. */
  refusal: WriteRefusal | null;
  /** What was found of it by the last check. Without it, nothing lingers. */
  before: readonly Problem[];
  now: Date;
}): FoundProblem[] {
  const { check, refusal, before, now } = params;
  const found = checkNow(check, refusal, now);
  const unhealthy = before.find((problem) => problem.kind === "poolUnhealthy");
  if (unhealthy === undefined || found.some(({ kind }) => kind === "poolUnhealthy")) return found;
  const { healthySince } = unhealthy.numbers;
  const since = healthySince ?? now.getTime();
  if (now.getTime() - since >= HEALTHY_MS) return found;
  const numbers = { reachable: true, failed: [], sameAs: null, healthySince: since };
  return [
    ...found,
    { ...ofPool(check.pool), kind: "poolUnhealthy", severity: "warning", since: unhealthy.since, numbers },
  ];
}

function checkNow(check: CheckedPool, refusal: WriteRefusal | null, since: Date): FoundProblem[] {
  const { pool, storageReachable: reachable, freeBytes, operations, sameAs } = check;
  const failed = operations.filter(({ succeeded }) => !succeeded).map(({ operation }) => operation);
  const found: FoundProblem[] = [];
  if (reachable && refusal !== null) {
    const numbers = { reason: refusal, freeBytes };
    found.push({ ...ofPool(pool), kind: "poolFull", severity: "critical", since, numbers });
  }
  if (!reachable || failed.length > 0 || sameAs !== null) {
    const severity = reachable ? "warning" : "critical";
    const numbers = { reachable, failed: reachable ? failed : [], sameAs, healthySince: null };
    found.push({ ...ofPool(pool), kind: "poolUnhealthy", severity, since, numbers });
  }
  return found;
}
