import type { Limits } from "../../config.ts";
import type { Message } from "../../storage/data-driver.ts";
import { headersBytes } from "../../storage/messages/message-headers.ts";

/**
 * How many bytes of messages a call may read for its answer: of their bodies and headers. A door supplies it. A call
 * that waits for messages reserves nothing meanwhile: it spends at each look.
 */
export interface BodyBudget {
  /**
   * Runs `work`, which may read or take at most `maxBytes`. Counts the messages that
   * `messagesOf` finds in its result, and returns the result. `most`: the most bytes that `work` can use, by default
   * MAX_PAGE_BYTES. TOO_LARGE when the answer is full; then `work` did not run.
   */
  spend<T>(
    work: (maxBytes: number) => Promise<T>,
    messagesOf: (result: T) => readonly Message[],
    most?: number,
  ): Promise<T>;
}

/** The bytes of a message's headers that budgets count. */
export const bytesOfHeaders = ({ headers }: Message) => (headers === null ? 0 : headersBytes(headers));

/** A budget for callers whose calls share no answer: MAX_PAGE_BYTES for each call. */
export function pageBudget({ MAX_PAGE_BYTES }: Limits): BodyBudget {
  return { spend: (work) => work(MAX_PAGE_BYTES) };
}
