import { expect, test } from "vitest";
import { readConfig } from "../../server/config.ts";
import { type CheckedPool, judgeClock, judgePool } from "../../server/problems/pool-rules.ts";
import type { FoundProblem, Problem } from "../../server/problems/problem.ts";

const GIB = 1024 ** 3;
const START = Date.parse("2026-01-01T12:00:00Z");
const WELL: CheckedPool = {
  ...{ pool: "fast", storageReachable: true, freeBytes: null, totalBytes: null, sameAs: null },
  operations: [{ operation: "post_messages", succeeded: true }],
};
const limits = readConfig({});
/** What is found becomes what is known before. */
const known = (found: readonly FoundProblem[]) =>
  found.map((one, index) => ({ ...one, id: String(index), seenAt: one.since, snooze: null }) as Problem);

/** A pool that is checked every half minute. Returns kind and severity of what is wrong then. */
function watch() {
  let before: Problem[] = [];
  let at = START;
  return (changes: Partial<CheckedPool> = {}, refusal: "disk-full" | null = null) => {
    at += 30_000;
    const now = new Date(at);
    const found = judgePool({ check: { ...WELL, ...changes }, refusal, before, now, limits });
    before = known(found);
    return found.map(({ kind, severity }) => `${kind} ${severity}`);
  };
}

test("a pool that comes and goes has one problem, which ends when it was healthy for a minute", () => {
  const check = watch();
  expect(check()).toEqual([]);
  expect(check({ storageReachable: false, operations: [] })).toEqual(["poolUnhealthy critical"]);
  expect(check()).toEqual(["poolUnhealthy warning"]);
  expect(check({ storageReachable: false })).toEqual(["poolUnhealthy critical"]);
  expect(check()).toEqual(["poolUnhealthy warning"]);
  expect(check()).toEqual(["poolUnhealthy warning"]);
  expect(check()).toEqual([]);
  const operations = [{ operation: "post_messages", succeeded: false }];
  expect(check({ operations })).toEqual(["poolUnhealthy warning"]);
  expect(check({ operations }, "disk-full")).toEqual(["poolFull critical", "poolUnhealthy warning"]);
});

test("a storage is almost full below five GiB and a tenth of it, until it has a fifth more room", () => {
  const check = watch();
  const space = (freeBytes: number, totalBytes: number) => check({ freeBytes, totalBytes });
  expect(space(6 * GIB, 100 * GIB)).toEqual([]);
  expect(space(3 * GIB, 20 * GIB)).toEqual([]);
  expect(space(4 * GIB, 100 * GIB)).toEqual(["disk warning"]);
  expect(space(5.5 * GIB, 100 * GIB)).toEqual(["disk warning"]);
  expect(space(1 * GIB, 100 * GIB)).toEqual(["disk critical"]);
  expect(space(6 * GIB, 100 * GIB)).toEqual([]);
});

test("a clock is a problem from two seconds on, in both directions, until it differs by less than one", () => {
  const now = new Date(START);
  const judge = (seconds: number, before: Problem[] = []) => judgeClock({ pool: "fast", seconds, before, now, limits });
  expect(judge(1.9)).toEqual([]);
  for (const seconds of [2, -2]) expect(judge(seconds)).toMatchObject([{ kind: "clockSkew", numbers: { seconds } }]);
  const before = known(judge(3));
  expect(judge(1.1, before)).toHaveLength(1);
  expect(judge(-0.9, before)).toEqual([]);
});

test("how much room and which clocks are a problem is a setting, and 0 is never", () => {
  const now = new Date(START);
  const kinds = (settings: Record<string, string>) => {
    const given = { before: [], now, limits: readConfig(settings) };
    const check = { ...WELL, freeBytes: 8 * GIB, totalBytes: 100 * GIB };
    return [
      ...judgePool({ check, refusal: null, ...given }),
      ...judgeClock({ pool: "fast", seconds: 3, ...given }),
    ].map(({ kind }) => kind);
  };
  expect(kinds({ DISK_FREE_GIB: "9" })).toEqual(["disk", "clockSkew"]);
  expect(kinds({ DISK_FREE_GIB: "9", DISK_FREE_PERCENT: "7", CLOCK_SKEW_SECONDS: "4" })).toEqual([]);
  expect(kinds({ DISK_FREE_GIB: "0", CLOCK_SKEW_SECONDS: "0" })).toEqual([]);
});
