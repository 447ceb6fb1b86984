/** The clock of a server beside that of this machine. */

/** In milliseconds since 1970: what the server said, between two moments of this machine's clock. */
export interface ServerClock {
  now: number;
  asked: number;
  answered: number;
}

/**
 * By how many seconds the first server's clock is ahead of the second one's, at least: the way of the answers may
 * explain the rest. Negative when it is behind. Null for the second one stands for this machine.
 */
export function clockSkewSeconds(first: ServerClock, second: ServerClock | null): number {
  const [least, most] = bounds(first);
  const [leastOther, mostOther] = second === null ? [0, 0] : bounds(second);
  const [low, high] = [least - mostOther, most - leastOther];
  if (low > 0) return low / 1000;
  return high < 0 ? high / 1000 : 0;
}

/** Of what the server's clock is ahead. */
function bounds({ now, asked, answered }: ServerClock): [least: number, most: number] {
  return [now - answered, now - asked];
}
