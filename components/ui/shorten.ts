const SEGMENTER = new Intl.Segmenter("en", { granularity: "grapheme" });
/** Around a cut that is looked at: no character that people write is longer. */
const WINDOW = 64;

/**
 * Where to cut a text that is to be at most so long, in UTF-16 units: never inside of what a reader sees as one
 * character.
 */
export function cutAt(text: string, length: number): number {
  if (text.length <= length) return text.length;
  const from = Math.max(0, length - WINDOW);
  const around = SEGMENTER.segment(text.slice(from, length + WINDOW)).containing(length - from);
  const at = from + (around?.index ?? 0);
  const insidePair = /^[\uDC00-\uDFFF]/.test(text.slice(at, at + 1));
  return insidePair ? Math.max(0, at - 1) : at;
}

/** A text that people read, or its beginning and a sign that it goes on. */
export function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, cutAt(text, length))}…`;
}
