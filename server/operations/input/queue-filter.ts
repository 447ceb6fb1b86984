import type { Limits } from "../../config.ts";
import type { QueueFilter } from "../../storage/control-driver.ts";
import { checkSearch, checkWhole } from "./limits.ts";
import { checkName } from "./names.ts";

/** How a request filters queues. Left out or null: no such condition. See QueueFilter. */
export interface QueueFilterInput {
  pool?: string | null;
  flavor?: string | null;
  isDeadLetterQueue?: boolean | null;
  search?: string | null;
  hasReady?: boolean | null;
  hasClaimed?: boolean | null;
  hasDelayed?: boolean | null;
  hasExhausted?: boolean | null;
  oldestReadyOlderThanSeconds?: number | null;
}

const STATES = ["hasReady", "hasClaimed", "hasDelayed", "hasExhausted"] as const;
/** A hundred years. */
const MAX_AGE_SECONDS = 3_155_760_000;

/**
 * The conditions for the driver. BAD_INPUT for what is neither a name nor "", for a search as in checkSearch, and for
 * an age below 0. `now` is the clock of the samples, and is asked only if it is needed.
 */
export async function checkQueueFilter(
  limits: Limits,
  filter: QueueFilterInput | null | undefined,
  now: () => Promise<Date>,
): Promise<QueueFilter> {
  const { pool, flavor, isDeadLetterQueue, search, oldestReadyOlderThanSeconds: age } = filter ?? {};
  const states = STATES.flatMap((name) => {
    const value = filter?.[name] ?? undefined;
    return value === undefined ? [] : [[name, value]];
  });
  return {
    ...(pool === undefined || pool === null ? {} : { pool: nameOrNone("filter.pool", pool) }),
    ...(flavor === undefined || flavor === null ? {} : { flavor: nameOrNone("filter.flavor", flavor) }),
    ...(isDeadLetterQueue === undefined || isDeadLetterQueue === null ? {} : { isDeadLetterQueue }),
    ...checkSearch(search, limits.MAX_QUEUE_NAME_LENGTH, "filter.search"),
    ...Object.fromEntries(states),
    ...(age === undefined || age === null ? {} : { oldestReadyBefore: await before(age, now) }),
  };
}

async function before(age: number, now: () => Promise<Date>): Promise<Date> {
  const seconds = checkWhole("filter.oldestReadyOlderThanSeconds", age, 0, MAX_AGE_SECONDS, "seconds");
  return new Date((await now()).getTime() - seconds * 1000);
}

function nameOrNone(field: string, name: string): string {
  return name === "" ? "" : checkName(field, name);
}
