import { setTimeout as sleep } from "node:timers/promises";
import { type Clock, monotonicNow } from "./clock.ts";
import type { Grant, LockTimes } from "./region.ts";

/**
 * The pause between two tries for a lock that another holder has. It doubles, and is random so that waiters do not try
 * all at once.
 */
const FIRST_WAIT_MS = 10;
const LONGEST_WAIT_MS = 200;

/**
 * Tries to acquire a lock until it is granted, `waitSeconds` are over or `signal` aborts; then null. Tries at least
 * once. `tryOnce` returns null while another holder has the lock.
 *
 * The time of the grant counts from before the try, so the grant never outlasts the lock.
 */
export async function pollForLock(
  clock: Clock,
  { lifeSeconds, waitSeconds, signal }: LockTimes,
  tryOnce: () => Promise<Pick<Grant, "fence" | "expiresAt"> | null>,
): Promise<Grant | null> {
  const deadline = monotonicNow(clock) + waitSeconds * 1000;
  for (let attempt = 0; ; attempt++) {
    const sentAt = monotonicNow(clock);
    const granted = await tryOnce();
    const now = monotonicNow(clock);
    if (granted !== null) return { ...granted, remainingSeconds: lifeSeconds - (now - sentAt) / 1000 };
    if (now >= deadline || signal?.aborted) return null;
    const longest = Math.min(FIRST_WAIT_MS * 2 ** attempt, LONGEST_WAIT_MS);
    const pause = Math.min(longest * (0.5 + Math.random() / 2), deadline - now);
    // It rejects when the signal aborts. The wait is over then.
    const isOver = await sleep(pause, false, { signal }).catch(() => true);
    if (isOver) return null;
  }
}
