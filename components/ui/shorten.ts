const SEGMENTER = new Intl.Segmenter("en", { granularity: "grapheme" });
/** UTF-16 units around a cut that are examined: no written character is longer. */
const WINDOW = 64;

/** Where to cut a text to at most this length, in UTF-16 units: never inside what a reader sees as one character. */
export function cutAt(text: string, length: number): number {
  if (text.length <= length) return text.length;
  const from = Math.max(0, length - WINDOW);
  const around = SEGMENTER.segment(text.slice(from, length + WINDOW)).containing(length - from);
  const at = from + (around?.index ?? 0);
  const insidePair = /^[\uDC00-\uDFFF]/.test(text.slice(at, at + 1));
  return insidePair ? Math.max(0, at - 1) : at;
}

/** The text, or its beginning with an ellipsis. */
export function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, cutAt(text, length))}…`;
}
