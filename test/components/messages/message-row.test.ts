import { describe, expect, it } from "vitest";
import { excerpt } from "../../../components/messages/message-row.ts";

describe("the part of a body that a row shows", () => {
  const shown = (body: string, needle: string | null) => {
    const { preview, match } = excerpt(body, needle);
    return [preview, match && preview.slice(...match)];
  };

  it("is its beginning, unless something was searched for that is further on", () => {
    expect(shown("kettle", null)).toEqual(["kettle", null]);
    expect(shown("a kettle", "kettle")).toEqual(["a kettle", "kettle"]);
    expect(shown("x".repeat(300), null)).toEqual([`${"x".repeat(200)}…`, null]);
    expect(shown("x".repeat(300), "y")).toEqual([`${"x".repeat(200)}…`, null]);
    expect(shown(`${"x".repeat(300)}kettle, blue`, "kettle")).toEqual([`…${"x".repeat(24)}kettle, blue`, "kettle"]);
  });

  it("has all of what was searched for, however long", () => {
    const needle = "n".repeat(500);
    expect(shown(`${"x".repeat(100)}${needle}${"y".repeat(100)}`, needle)).toEqual([
      `…${"x".repeat(24)}${needle}…`,
      needle,
    ]);
  });

  it("does not cut a character", () => {
    expect(shown(`${"🐟".repeat(100)}kettle`, "kettle")[1]).toBe("kettle");
    expect(shown(`${"🐟".repeat(99)}x🐟kettle`, "kettle")[0]).not.toMatch(/^…[\uDC00-\uDFFF]/);
  });
});
