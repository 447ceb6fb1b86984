/** Finds the name that was probably meant. */

/** The known name with the fewest differing characters; null when more than `most` differ. */
export function nearestName(name: string, known: readonly string[], most: number): string | null {
  const distances = known.map((one): [number, string] => [editDistance(name, one), one]);
  const [distance, nearest] = distances.reduce((best, one) => (one[0] < best[0] ? one : best), [Infinity, ""]);
  return distance <= most ? nearest : null;
}

/** The Levenshtein distance: how many characters to add, drop or replace. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let at = 0; at < a.length; at += 1) {
    const next = [at + 1];
    for (let to = 0; to < b.length; to += 1) {
      const replaced = (row[to] as number) + (a[at] === b[to] ? 0 : 1);
      next.push(Math.min(replaced, (row[to + 1] as number) + 1, (next[to] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
