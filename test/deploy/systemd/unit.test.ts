/** The unit of systemd, as systemd judges it without running it. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { has } from "../../support/programs.ts";
import { UNIT, unitSettings } from "./unit.ts";

/** Tenths of systemd's exposure, which goes from 0 to 10. */
const MOST_EXPOSURE = 15;

test.runIf(has("systemd-analyze"))("the unit is exposed to little", () => {
  const path = fileURLToPath(UNIT);
  const argv = ["security", "--offline=true", "--no-pager", `--threshold=${MOST_EXPOSURE}`, path];
  // It fails above the threshold.
  expect(execFileSync("systemd-analyze", argv, { encoding: "utf8", stdio: "pipe" })).toContain(
    "Overall exposure level",
  );
});

test("the unit gives the process more time to end than it needs, and does not repeat wrong settings", () => {
  // docs/operating.md promises 20 s.
  expect(Number(unitSettings("TimeoutStopSec")[0])).toBeGreaterThan(20);
  // The exit code of `isimud start` for wrong settings.
  expect(unitSettings("RestartPreventExitStatus")).toEqual(["2"]);
  expect(unitSettings("ReadWritePaths")).toEqual([]);
});
