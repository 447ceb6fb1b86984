import { DomainError } from "../../errors.ts";

/**
 * Reads many things at once: in the order asked, null for what does not exist. What the caller may not see, and what
 * nothing can be named, is null as well, so that nobody learns what exists.
 *
 * `choose` checks one of them, and throws FORBIDDEN or BAD_INPUT. `read` gets the others, and returns those that exist
 * in any order. `keyOf` and `foundKeyOf` tell which of them is which.
 */
export async function readVisible<Wanted, Chosen, Found>(
  wanted: readonly Wanted[],
  parts: {
    choose: (one: Wanted) => Chosen;
    read: (chosen: Chosen[]) => Promise<readonly Found[]>;
    keyOf: (chosen: Chosen) => string;
    foundKeyOf: (found: Found) => string;
  },
): Promise<(Found | null)[]> {
  const chosen = wanted.map((one) => chosenOrNull(() => parts.choose(one)));
  const asked = chosen.filter((one) => one !== null);
  const found = asked.length === 0 ? [] : await parts.read(asked);
  const byKey = new Map(found.map((one) => [parts.foundKeyOf(one), one]));
  return chosen.map((one) => (one === null ? null : (byKey.get(parts.keyOf(one)) ?? null)));
}

function chosenOrNull<T>(choose: () => T): T | null {
  try {
    return choose();
  } catch (error) {
    if (error instanceof DomainError && (error.code === "FORBIDDEN" || error.code === "BAD_INPUT")) return null;
    throw error;
  }
}
