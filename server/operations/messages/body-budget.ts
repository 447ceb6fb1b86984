import type { Limits } from "../../config.ts";
import type { Message } from "../../storage/data-driver.ts";

/**
 * How many bytes of message bodies a call may read for its answer. A door supplies it. A call that waits for messages
 * reserves nothing meanwhile: it spends at each look.
 */
export interface BodyBudget {
  /**
   * Runs `work`, which may read or take bodies of at most `maxBytes`. Counts the bodies of the messages that
   * `messagesOf` finds in its result, and returns the result. `most`: the most bytes that `work` can use, by default
   * MAX_PAGE_BYTES. TOO_LARGE when the answer is full; then `work` did not run.
   */
  spend<T>(
    work: (maxBytes: number) => Promise<T>,
    messagesOf: (result: T) => readonly Message[],
    most?: number,
  ): Promise<T>;
}

/** A budget for callers whose calls share no answer: MAX_PAGE_BYTES for each call. */
export function pageBudget({ MAX_PAGE_BYTES }: Limits): BodyBudget {
  return { spend: (work) => work(MAX_PAGE_BYTES) };
}
