import { beforeEach, expect, test } from "vitest";
import { DomainError } from "../../../server/errors.ts";
import { Refusals } from "../../../server/operations/pool-facts/refusals.ts";
import { writeRefusedError } from "../../../server/storage/errors/read-only-storage.ts";

let now: number;
let refusals: Refusals;
beforeEach(() => {
  now = 0;
  refusals = new Refusals(() => now);
});

const away = (pool?: string) =>
  new DomainError("STORAGE_UNAVAILABLE", "Away.", pool === undefined ? {} : { details: { pool } });
const note = (times: number, error: unknown) => {
  for (let time = 0; time < times; time += 1) refusals.note(error);
};

test("at least 20 refused calls, and half of all calls within ten seconds, are most calls", () => {
  note(19, away());
  expect(refusals.areMostCalls()).toBe(false);
  note(1, away("default"));
  expect(refusals.areMostCalls()).toBe(true);
  now += 9000;
  note(20, null);
  expect(refusals.areMostCalls()).toBe(true);
  note(1, new DomainError("BAD_INPUT", "Bad."));
  expect(refusals.areMostCalls()).toBe(false);
  note(20, away());
  expect(refusals.areMostCalls()).toBe(true);
  now += 10_000;
  expect(refusals.areMostCalls()).toBe(false);
});

test("failures of a registered pool do not count against this process", () => {
  note(100, away("far"));
  expect(refusals.areMostCalls()).toBe(false);
});

test("a refused write counts until a later check finds that the pool takes writes", () => {
  note(1, writeRefusedError("disk-full", null));
  expect([refusals.ofWrites("default"), refusals.ofWrites("far")]).toEqual(["disk-full", null]);
  now += 1000;
  refusals.refused("default", "read-only");
  refusals.takesWrites("default", now - 1);
  expect(refusals.ofWrites("default")).toBe("read-only");
  refusals.takesWrites("default", now);
  expect(refusals.ofWrites("default")).toBeNull();
});
