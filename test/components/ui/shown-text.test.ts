import { isValidElement, type ReactNode } from "react";
import { expect, it } from "vitest";
import { shorten } from "../../../components/ui/shorten.ts";
import { visible } from "../../../components/ui/visible.tsx";

it("a text is never cut inside what reads as one character", () => {
  const family = "👨‍👩‍👧";
  expect(shorten(`ab📮cd`, 3)).toBe("ab…");
  expect(shorten(`ab${family}cd`, 6)).toBe("ab…");
  expect(shorten(`e\u0301e\u0301`, 3)).toBe("e\u0301…");
  expect(shorten(`${"x".repeat(199)}📮${"y".repeat(200)}`, 200)).toBe(`${"x".repeat(199)}…`);
  expect(shorten("abc", 3)).toBe("abc");
  // Longer than any written character: it may be cut, but never inside a code point.
  for (const length of [300, 301]) expect(shorten("📮\u200D".repeat(400), length).isWellFormed()).toBe(true);
});

/** Marks as [code], text as it is. */
function shownAs(text: string): string {
  const parts = [visible(text)].flat() as ReactNode[];
  return parts
    .map((part) => (isValidElement<Record<string, string>>(part) ? `[${part.props["data-hidden-character"]}]` : part))
    .join("");
}

it("invisible characters are marked, except those that scripts and emoji need", () => {
  expect(shownAs("invoice\u202Efdp.exe")).toBe("invoice[U+202E]fdp.exe");
  expect(shownAs("a\u2066b\u2069c\u200Ed\u061Ce\uFEFFf\u0000")).toBe(
    "a[U+2066]b[U+2069]c[U+200E]d[U+061C]e[U+FEFF]f[U+0000]",
  );
  expect(shownAs("ad\u200Dmin")).toBe("ad[U+200D]min");
  const plain = "Grüße 👨‍👩‍👧 می‌خواهم שלום\n\tend";
  expect(visible(plain)).toBe(plain);
});
