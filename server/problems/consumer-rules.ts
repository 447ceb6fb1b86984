/** Whether consumers that have stopped are a problem of their queue. */
import type { QueueRef } from "../storage/queue-ref.ts";
import { type FoundProblem, ofQueue } from "./problem.ts";

export interface StoppedConsumer {
  name: string;
  stoppedAt: Date;
}

export interface QueueWithoutSome {
  queue: QueueRef;
  /** At least one. */
  stopped: readonly StoppedConsumer[];
  /** Somebody else claims or pops. */
  othersPresent: boolean;
  /** By the last sample. */
  ready: number;
  oldestReadyAt: Date | null;
  /** Messages that the claims of those that stopped hold. */
  held: number;
  goneSeconds: number;
  now: Date;
}

/** Names that the text tells. */
const MAX_NAMES = 3;
/** What stopped so long before the last one had another cause. */
const TOGETHER_MS = 600_000;

/**
 * Consumers that leave while others take all that comes were replaced, or are not needed. It is a problem when nobody
 * is left, or when messages wait for longer than the silence.
 */
export function judgeConsumers(facts: QueueWithoutSome): FoundProblem | null {
  const { queue, stopped, othersPresent, ready, oldestReadyAt, held, goneSeconds, now } = facts;
  const waitsSince = oldestReadyAt === null ? now : oldestReadyAt;
  const isLate = ready > 0 && now.getTime() - waitsSince.getTime() >= goneSeconds * 1000;
  if (othersPresent && !isLate) return null;
  const newest = Math.max(...stopped.map(({ stoppedAt }) => stoppedAt.getTime()));
  const together = stopped
    .filter(({ stoppedAt }) => stoppedAt.getTime() > newest - TOGETHER_MS)
    .sort((a, b) => a.stoppedAt.getTime() - b.stoppedAt.getTime() || a.name.localeCompare(b.name));
  return {
    ...ofQueue(queue),
    kind: "consumerGone",
    severity: ready > 0 && !othersPresent ? "critical" : "warning",
    since: together[0]?.stoppedAt ?? now,
    numbers: {
      consumers: together.length,
      names: together.slice(0, MAX_NAMES).map(({ name }) => name),
      held,
      ready,
      othersPresent,
    },
  };
}
