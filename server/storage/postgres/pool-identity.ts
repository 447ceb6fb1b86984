/** Which store this is: see StoreFacts. The seed is drawn with the pool's tables, and is half of every message id made here. */
export function identityOf(seed: bigint): string {
  return `postgresql:${seed}`;
}
