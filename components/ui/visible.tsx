import type { ReactNode } from "react";

/**
 * Characters that turn the text around them, have no width, or are controls: what is shown would not be what is there.
 * Not joiners inside of other scripts and of emoji, which need them, nor the few that are signs of Arabic and Syriac.
 */
const HIDDEN =
  /((?!\t|\n|\r|\u200C|\u200D|[\u0600-\u0605]|\u06DD|\u070F|\u08E2)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|(?<!\P{ASCII})(?:\u200C|\u200D)|(?:\u200C|\u200D)(?!\P{ASCII}))/u;

/**
 * A text with marks for the characters in it that nobody would see. The characters stay in the document, each kept to
 * itself, so that a copy is the original; the marks come from the style sheet.
 */
export function visible(text: string): ReactNode {
  if (!HIDDEN.test(text)) return text;
  return text.split(HIDDEN).map((part, index) => {
    if (index % 2 === 0) return part;
    const code = `U+${part.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}`;
    return (
      // The parts are those of one text and never move.
      // biome-ignore lint/suspicious/noArrayIndexKey: see above
      <span key={index} data-hidden-character={code}>
        {part}
      </span>
    );
  });
}

/** As `visible`, for what is perhaps no text. */
export function visibleIfText(content: ReactNode): ReactNode {
  return typeof content === "string" ? visible(content) : content;
}
