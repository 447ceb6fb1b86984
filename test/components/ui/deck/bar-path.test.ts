import { expect, it } from "vitest";
import { barsPath, statePath } from "../../../../components/ui/deck/bar-path.ts";

it("a bar is as high as its value, low ones can still be seen, and a gap is a stop", () => {
  expect(barsPath([10, 0, null, 5, 0.1], 10)).toBe("M0.1 100v-100h0.8v100ZM3.1 100v-50h0.8v50ZM4.1 100v-6h0.8v6Z");
});

it("marks differ in height and form, not in colour alone", () => {
  const states = ["ok", "danger", "warn", "none"] as const;
  expect(statePath(states, "ok")).toBe("M0.1 100v-26h0.8v26Z");
  expect(statePath(states, "danger")).toBe("M1.1 100v-92h0.8v92Z");
  expect(statePath(states, "warn")).toBe("M2.1 100v-60h0.3v60ZM2.6 100v-60h0.3v60Z");
  expect(statePath(states, "none")).toBe("M3.1 100v-4h0.8v4Z");
});
