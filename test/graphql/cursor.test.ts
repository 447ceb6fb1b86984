/** A cursor holds its marker, whatever that is, and nothing but a cursor is one. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { readCursor, readMessagePosition, readPagePosition, writeCursor } from "../../server/graphql/schema/cursor.ts";

test("every marker comes back from its cursor, which is no marker itself and fits into an address", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (marker) => {
      const cursor = writeCursor("keyValueKeys", marker);
      expect(readCursor("keyValueKeys", cursor, "after")).toBe(marker);
      expect(cursor).toMatch(/^[A-Za-z][\w-]+$/);
    }),
  );
});

test("a cursor of one order is none of another, even of one whose name begins alike", () => {
  for (const marker of ["a", "all:a", ".all:a"]) {
    const cursor = writeCursor("queues.name", marker);
    for (const order of ["queues.name.all", "queues.createdAt", "pools"] as const) {
      expect(() => readCursor(order, cursor, "before")).toThrow("before is no cursor of this list");
    }
  }
});

test("no text of a client's own is a cursor", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string(), (text, other) => {
      const own = [
        text,
        Buffer.from(text).toString("base64url"),
        Buffer.from(`messages:${text}`).toString("base64url"),
      ];
      for (const cursor of [...own, `${writeCursor("messages", "1")}${other}x`]) {
        expect(() => readCursor("messages", cursor, "after")).toThrow("after is no cursor of this list");
      }
    }),
  );
});

test("a position among messages is a marker or a cursor", () => {
  expect(readMessagePosition("0", "after")).toBe("0");
  expect(readMessagePosition(writeCursor("messages", "17"), "after")).toBe("17");
  expect(() => readMessagePosition("-1", "after")).toThrow("after is no cursor");
});

test("a page after the beginning is the first page, and a page before it is empty", () => {
  expect(readPagePosition("0", "after")).toBeUndefined();
  expect(readPagePosition("000", "after")).toBeUndefined();
  expect(readPagePosition("10", "after")).toBe("10");
  expect(readPagePosition("0", "before")).toBe("0");
});
