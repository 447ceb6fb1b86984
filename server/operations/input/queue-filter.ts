import type { Limits } from "../../config.ts";
import type { QueueFilter } from "../../storage/control-driver.ts";
import { checkSearch } from "./limits.ts";
import { checkName } from "./names.ts";

/** How a request filters queues. Left out or null: no such condition. See QueueFilter. */
export interface QueueFilterInput {
  pool?: string | null;
  flavor?: string | null;
  isDeadLetterQueue?: boolean | null;
  search?: string | null;
}

/** The conditions for the driver. BAD_INPUT for what is neither a name nor "", and for a search as in checkSearch. */
export function checkQueueFilter(limits: Limits, filter: QueueFilterInput | null | undefined): QueueFilter {
  const { pool, flavor, isDeadLetterQueue, search } = filter ?? {};
  return {
    ...(pool === undefined || pool === null ? {} : { pool: nameOrNone("filter.pool", pool) }),
    ...(flavor === undefined || flavor === null ? {} : { flavor: nameOrNone("filter.flavor", flavor) }),
    ...(isDeadLetterQueue === undefined || isDeadLetterQueue === null ? {} : { isDeadLetterQueue }),
    ...checkSearch(search, limits.MAX_QUEUE_NAME_LENGTH, "filter.search"),
  };
}

function nameOrNone(field: string, name: string): string {
  return name === "" ? "" : checkName(field, name);
}
