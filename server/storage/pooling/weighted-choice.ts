/**
 * Chooses one candidate, at random in proportion to the weights. Null when no weight is above 0. `random` returns
 * numbers from 0 up to but not including 1, as Math.random does.
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
  // Rounding errors can leave a little beyond the last candidate.
  return weighted.at(-1) ?? null;
}
