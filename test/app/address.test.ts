import { expect, test } from "vitest";
import { chosen } from "../../app/address.ts";

const CHOICES = { hour: 1, day: 2 };

test("a parameter chooses among what the page offers", () => {
  expect(chosen({ range: "day" }, "range", CHOICES)).toBe(2);
  expect(chosen({ range: ["hour", "day"] }, "range", CHOICES)).toBe(1);
});

test.each(["constructor", "__proto__", "toString", "week", "", undefined])(
  "a parameter that says %j chooses nothing",
  (range) => {
    expect(chosen({ range }, "range", CHOICES)).toBeUndefined();
  },
);
