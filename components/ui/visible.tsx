import type { ReactNode } from "react";

/**
 * Characters that change the direction of text, have no width, or are controls: they make a text look like another one.
 * Excluded are joiners inside other scripts and emoji, which need them, and a few signs of Arabic and Syriac.
 */
const HIDDEN =
  /((?!\t|\n|\r|\u200C|\u200D|[\u0600-\u0605]|\u06DD|\u070F|\u08E2)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|(?<!\P{ASCII})(?:\u200C|\u200D)|(?:\u200C|\u200D)(?!\P{ASCII}))/u;

/**
 * Marks the invisible characters of a text. The characters stay in the document, each in an element of its own, so that
 * a copy is the original; the marks come from the style sheet.
 */
export function visible(text: string): ReactNode {
  if (!HIDDEN.test(text)) return text;
  return text.split(HIDDEN).map((part, index) => {
    if (index % 2 === 0) return part;
    const code = `U+${part.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}`;
    return (
      // The parts of one text never change places.
      // biome-ignore lint/suspicious/noArrayIndexKey: see above
      <span key={index} data-hidden-character={code}>
        {part}
      </span>
    );
  });
}

/** As `visible`, for a node that may be something else than a text. */
export function visibleIfText(content: ReactNode): ReactNode {
  return typeof content === "string" ? visible(content) : content;
}
