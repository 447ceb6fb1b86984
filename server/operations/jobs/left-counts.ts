import type { LeftBehind, LeftWhy } from "../../jobs/job.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";

/** Queues that are named for each reason. What is left in others is counted under the last of them. */
const MAX_NAMED = 100;

/** What was left, by reason and queue. */
export class LeftCounts {
  readonly #counts = new Map<string, LeftBehind>();

  constructor(counted: readonly LeftBehind[] = []) {
    for (const one of counted) this.#counts.set(keyOf(one.why, one.project, one.queue), { ...one });
  }

  add(why: LeftWhy, { project, name }: QueueRef, messages = 1): void {
    if (messages === 0) return;
    const key = keyOf(why, project, name);
    const known = this.#counts.get(key) ?? this.#last(why);
    if (known === undefined) this.#counts.set(key, { why, project, queue: name, messages });
    else known.messages += messages;
  }

  list(): LeftBehind[] {
    return Array.from(this.#counts.values(), (one) => ({ ...one }));
  }

  /** The last queue of this reason, once too many are named. */
  #last(why: LeftWhy): LeftBehind | undefined {
    const named = [...this.#counts.values()].filter((one) => one.why === why);
    return named.length < MAX_NAMED ? undefined : named.at(-1);
  }
}

const keyOf = (...parts: string[]) => JSON.stringify(parts);
