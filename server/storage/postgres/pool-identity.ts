/**
 * Which store this is: see StoreFacts. The seed is drawn when the pool's tables are created, and is half of every
 * message id.
 */
export function identityOf(seed: bigint): string {
  return `postgresql:${seed}`;
}
