import fc from "fast-check";
import { expect, it } from "vitest";
import { byCodePoint } from "../../server/kvs/code-point-order.ts";

it("orders texts as their UTF-8 bytes are ordered", () => {
  const text = fc.string({
    unit: fc.constantFrom("a", "b", "\ud7ff", "\ue000", "\uffff", "🐪", "\u{10ffff}", "é"),
    maxLength: 4,
  });
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(Math.sign(byCodePoint(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
});
