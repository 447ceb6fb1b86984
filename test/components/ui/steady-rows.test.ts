import { expect, it } from "vitest";
import { keepPlaces, type SteadyRow } from "../../../components/ui/steady-rows.ts";

const rows = (keys: string): SteadyRow<string>[] => [...keys].map((key) => ({ key, row: key, removed: false }));
const shownAs = (all: SteadyRow<string>[]) => all.map(({ key, removed }) => (removed ? `-${key}` : key)).join(" ");

it("the row under the pointer and those above keep their places, and removed rows are marked", () => {
  expect(shownAs(keepPlaces(rows("abcd"), rows("bcd"), ["a", null]))).toBe("-a b c d");
  expect(shownAs(keepPlaces(rows("abcd"), rows("nabcd"), ["b", null]))).toBe("a b n c d");
  expect(shownAs(keepPlaces(rows("abcd"), rows("dcb"), ["b", "c"]))).toBe("-a b c d");
});

it("below it, and without a pointer, rows are in the order of the answer, and removed rows are left out", () => {
  const before = keepPlaces(rows("abcd"), rows("bd"), ["a", null]);
  expect(shownAs(before)).toBe("-a b d");
  expect(shownAs(keepPlaces(before, rows("bd"), [null, null]))).toBe("b d");
  expect(shownAs(keepPlaces(rows("abc"), rows("xyz"), ["no row of these", null]))).toBe("x y z");
});
