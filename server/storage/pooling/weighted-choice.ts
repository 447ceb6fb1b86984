/**
 * Draws one candidate in proportion to its weight; null when none has a weight above 0. `random` gives numbers from 0
 * up to but not including 1, as Math.random does. Pure, so that a test can decide the draw.
 */
export function weightedChoice<T extends { readonly weight: number }>(
  candidates: readonly T[],
  random: () => number,
): T | null {
  const weighted = candidates.filter((candidate) => candidate.weight > 0);
  const total = weighted.reduce((sum, candidate) => sum + candidate.weight, 0);
  let left = random() * total;
  for (const candidate of weighted) {
    left -= candidate.weight;
    if (left < 0) return candidate;
  }
  // Rounding can leave a crumb beyond the last one.
  return weighted.at(-1) ?? null;
}
