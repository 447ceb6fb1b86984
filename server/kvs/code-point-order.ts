/**
 * Compares texts as PostgreSQL's "C" collation does in UTF-8: by code points. JavaScript compares UTF-16 code units,
 * which differs above U+FFFF.
 */
export function byCodePoint(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let index = 0; index < shared; index++) {
    const [one, other] = [a.charCodeAt(index), b.charCodeAt(index)];
    if (one !== other) return rank(one) - rank(other);
  }
  return a.length - b.length;
}

/** Surrogates are halves of characters above U+FFFF. They come after all other units, which close the gap. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
