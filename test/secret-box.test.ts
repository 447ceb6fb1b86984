import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSecretBox } from "../server/secret-box.ts";

const box = createSecretBox("a key of sixteen or more");
const other = createSecretBox("another key of sixteen or more");
const CANARY = "canary-Zq81";

function failureOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error("It did not fail.");
}

describe("a secret box", () => {
  it("opens what it sealed, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string(), (text, context) => {
        expect(box.open(box.seal(text, context), context)).toBe(text);
      }),
    );
  });

  it("opens it in another process with the same key", () => {
    expect(createSecretBox("a key of sixteen or more").open(box.seal("x", "c"), "c")).toBe("x");
    expect(createSecretBox("a key of sixteen or more").digest("x")).toBe(box.digest("x"));
  });

  it("seals the same text differently each time, and shows nothing of it", () => {
    const sealed = new Set(Array.from({ length: 100 }, () => box.seal(CANARY, "c")));
    expect(sealed.size).toBe(100);
    for (const text of sealed) {
      expect(text).not.toContain(CANARY);
      expect(text).not.toContain(Buffer.from(CANARY).toString("base64url"));
    }
  });

  it("names the key by an id that another key does not have", () => {
    expect(box.keyId).not.toBe(other.keyId);
    expect(box.seal("x", "c").startsWith(`${box.keyId}.`)).toBe(true);
    expect("a key of sixteen or more").not.toContain(box.keyId);
  });

  it("refuses another key's secrets and says what to do", () => {
    const error = failureOf(() => other.open(box.seal(CANARY, "c"), "c"));
    expect(error).toMatchObject({ code: "INTERNAL", details: { keyId: other.keyId, sealedWith: box.keyId } });
    expect(String(error)).toContain("OLD_SECRET_KEY");
    expect(inspect(error)).not.toContain(CANARY);
  });

  it("refuses a secret that was changed in any place, or sealed for another record", () => {
    const sealed = box.seal(CANARY, "pool a");
    expect(failureOf(() => box.open(sealed, "pool b"))).toMatchObject({ code: "INTERNAL" });
    const start = sealed.indexOf(".") + 1;
    for (let index = start; index < sealed.length; index += 1) {
      const at = sealed[index];
      // The last character of a part has bits to spare, which mean nothing.
      if (at === "." || sealed[index + 1] === "." || index === sealed.length - 1) continue;
      const changed = sealed.slice(0, index) + (at === "A" ? "B" : "A") + sealed.slice(index + 1);
      const error = failureOf(() => box.open(changed, "pool a"));
      expect(error).toMatchObject({ code: "INTERNAL" });
      expect(inspect(error)).not.toContain(CANARY);
    }
    for (const broken of ["", ".", box.keyId, `${box.keyId}...`, sealed.slice(0, -4), `${sealed}AAAA`]) {
      expect(failureOf(() => box.open(broken, "pool a"))).toMatchObject({ code: "INTERNAL" });
    }
  });

  it("gives equal texts one digest, others and other keys another", () => {
    expect(box.digest("postgres://a")).toBe(box.digest("postgres://a"));
    expect(box.digest("postgres://a")).not.toBe(box.digest("postgres://b"));
    expect(box.digest("postgres://a")).not.toBe(other.digest("postgres://a"));
    expect(box.digest("postgres://a")).toMatch(/^[0-9a-f]{64}$/);
  });
});
