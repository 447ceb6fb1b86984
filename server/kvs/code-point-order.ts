/** The order of PostgreSQL's "C" collation in UTF-8, which UTF-16's code units do not have above U+FFFF. */
export function byCodePoint(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}
