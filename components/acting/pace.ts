"use client";

import { useEffect, useState } from "react";
import { ApiError, callApi } from "../api.ts";
import type { Choices } from "./choices.ts";
import { PACE_OF_TARGET } from "./documents.ts";
import type { DryRunFacts, TargetPace } from "./fragments.ts";

const MINUTE_MS = 60_000;

export interface Pace {
  queue: string;
  /** Messages a second that its consumers can take beside what comes now. Null: nobody took any in the last hour. */
  spare: number | null;
  /** How fast a job may go until this queue gets that much. */
  rate: number | null;
}

/** Messages a second in the best minute of the last hour. Null: there was none. */
export function bestRate(consumers: NonNullable<TargetPace["consumers"]>["nodes"]): number | null {
  const minutes = new Map<number, number>();
  for (const { stoppedAt, minutes: own } of consumers) {
    if (stoppedAt !== null) continue;
    for (const [index, messages] of own.messages.entries()) {
      const at = Math.round(Date.parse(own.from) / MINUTE_MS) + index;
      minutes.set(at, (minutes.get(at) ?? 0) + messages);
    }
  }
  const best = Math.max(0, ...minutes.values());
  return best === 0 ? null : best / 60;
}

/** What the queue that gets most of the messages can take. Null: unknown, or nothing goes anywhere. */
export function usePace(facts: DryRunFacts | null): Pace | null {
  const [pace, setPace] = useState<(Pace & { token: string }) | null>(null);
  const target = facts?.destinations.find(({ exists }) => exists) ?? null;
  const all = facts?.destinations.reduce((sum, { count }) => sum + count.value, 0) ?? 0;
  const token = facts?.token ?? "";
  // biome-ignore lint/correctness/useExhaustiveDependencies: a dry run never changes
  useEffect(() => {
    if (target === null) return;
    let over = false;
    callApi(PACE_OF_TARGET, { project: target.project, queue: target.queueName })
      .then(({ queue }) => {
        if (over || !queue) return;
        const best = bestRate(queue.consumers?.nodes ?? []);
        const spare = best === null ? null : Math.max(0, best - (queue.sample?.rates?.posted ?? 0));
        const share = target.count.value / Math.max(1, all);
        setPace({ token, queue: target.queueName, spare, rate: spare === null ? null : spare / share });
      })
      // The mark is a help. Without it the rate is chosen as before.
      .catch((error) => {
        if (!(error instanceof ApiError)) throw error;
      });
    return () => {
      over = true;
    };
  }, [token]);
  return pace?.token === token ? pace : null;
}

/** Messages a second. Null: no limit. Unless somebody chose one, what the consumers can take. */
export function chosenRate({ action, rate }: Choices, pace: Pace | null): number | null {
  if (action === "purge") return null;
  if (rate !== "auto") return rate;
  return pace?.rate ? atMost(pace.rate) : null;
}

/** Rounded down, to what people would choose. */
function atMost(rate: number): number {
  return Math.max(0.1, rate < 10 ? Math.floor(10 * rate) / 10 : Math.floor(rate));
}
