import type { Limits } from "../config.ts";
import type { Message } from "../storage/data-driver.ts";

/**
 * What a door lets a call read of bodies. A call that waits holds nothing of it meanwhile: it asks anew at each look.
 */
export interface BodyBudget {
  /**
   * Gives what `work` gives, which may read or take at most `maxBytes` of bodies, and counts them. `most`: it has no
   * use for more; left out, a page's worth. TOO_LARGE, before `work` began, when the answer is full.
   */
  spend<T>(
    work: (maxBytes: number) => Promise<T>,
    messagesOf: (given: T) => readonly Message[],
    most?: number,
  ): Promise<T>;
}

/** A page's worth for each call, for those who have no answer to share. */
export function pageBudget({ MAX_PAGE_BYTES }: Limits): BodyBudget {
  return { spend: (work) => work(MAX_PAGE_BYTES) };
}
