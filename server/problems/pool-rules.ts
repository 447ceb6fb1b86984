/** What is wrong with a pool, by a check of it and by what was wrong before. */
import type { ProblemSettings } from "../config.ts";
import type { WriteRefusal } from "../storage/errors/read-only-storage.ts";
import { type FoundProblem, ofPool, type Problem } from "./problem.ts";

/** What the checks of pools find. */
export const POOL_KINDS = ["poolUnhealthy", "poolFull", "disk"] as const;

export interface CheckedPool {
  pool: string;
  storageReachable: boolean;
  freeBytes: number | null;
  totalBytes: number | null;
  operations: readonly { operation: string; succeeded: boolean }[];
  /** Another pool that is the same store. */
  sameAs: string | null;
}

type SpaceLimits = Pick<ProblemSettings, "DISK_FREE_PERCENT" | "DISK_FREE_GIB">;

/**
 * A clock that differs by CLOCK_SKEW_SECONDS is a problem, and one until it differs by less than half of that.
 * `seconds`: by how much the pool's clock is ahead of the control database's, at least.
 */
export function judgeClock(params: {
  pool: string;
  seconds: number;
  before: readonly Problem[];
  now: Date;
  limits: Pick<ProblemSettings, "CLOCK_SKEW_SECONDS">;
}) {
  const { pool, seconds, before, now, limits } = params;
  const isKnown = before.some(({ kind }) => kind === "clockSkew");
  const most = limits.CLOCK_SKEW_SECONDS;
  if (most === 0 || Math.abs(seconds) < (isKnown ? most / 2 : most)) return [];
  const found: FoundProblem = {
    ...ofPool(pool),
    ...{ kind: "clockSkew", severity: "warning", since: now, numbers: { seconds } },
  };
  return [found];
}

/** A pool must be healthy for so long before its problem ends, so that one that comes and goes has one problem. */
const HEALTHY_MS = 60_000;

export function judgePool(params: {
  check: CheckedPool;
  /** Why it takes no writes now. */
  refusal: WriteRefusal | null;
  /** What was found of it by the last check. Without it, nothing lingers. */
  before: readonly Problem[];
  now: Date;
  limits: SpaceLimits;
}): FoundProblem[] {
  const { check, refusal, before, now } = params;
  const found = [...checkNow(check, refusal, now), ...judgeSpace(params)];
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

/** Below this share, soon nothing can be stored. */
const CRITICAL_SHARE = 0.02;
/** It must have so many times as much before that ends. */
const ROOMY = 1.2;

/** How bad it is that no more is free; null while it is enough. `isKnown`: it was too little before. */
export function spaceSeverity(
  { freeBytes, totalBytes }: { freeBytes: number; totalBytes: number },
  limits: SpaceLimits,
  isKnown = false,
): "critical" | "warning" | null {
  const least = Math.min(limits.DISK_FREE_GIB * 1024 ** 3, (totalBytes * limits.DISK_FREE_PERCENT) / 100);
  if (totalBytes === 0 || freeBytes >= least * (isKnown ? ROOMY : 1)) return null;
  return freeBytes < totalBytes * CRITICAL_SHARE ? "critical" : "warning";
}

function judgeSpace({ check, refusal, before, now, limits }: Parameters<typeof judgePool>[0]): FoundProblem[] {
  const { pool, freeBytes, totalBytes } = check;
  // A full storage is a problem of its own.
  if (freeBytes === null || totalBytes === null || refusal !== null) return [];
  const isKnown = before.some(({ kind }) => kind === "disk");
  const severity = spaceSeverity({ freeBytes, totalBytes }, limits, isKnown);
  if (severity === null) return [];
  return [{ ...ofPool(pool), kind: "disk", severity, since: now, numbers: { freeBytes, totalBytes } }];
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
