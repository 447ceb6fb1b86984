/** Messages on PostgreSQL: which file answers which call. */
import type { MessageController } from "../../data-driver.ts";
import type { Pool } from "../pool.ts";
import { countMessages } from "./count.ts";
import { MessageDeleter } from "./delete.ts";
import { holdMessages } from "./hold.ts";
import { MessageInserter } from "./insert.ts";
import { MessageReader } from "./list.ts";
import { popMessages } from "./pop.ts";
import { purgeMessages } from "./purge.ts";
import { removeCopiedMessages } from "./remove-copied.ts";
import { selectMessages } from "./select.ts";
import { queueStatistics } from "./statistics.ts";
import { adoptMessages, copyMessages, transferMessages } from "./transfer.ts";

export function postgresMessages(pool: Pool): MessageController {
  const { list, get, bulkGet, first } = new MessageReader(pool);
  const { deleteOne, deleteMany } = new MessageDeleter(pool);
  return {
    post: new MessageInserter(pool).post,
    list,
    get,
    bulkGet,
    first,
    select: selectMessages(pool, bulkGet),
    count: countMessages(pool, bulkGet),
    pop: popMessages(pool),
    delete: deleteOne,
    bulkDelete: deleteMany,
    purge: purgeMessages(pool),
    stats: queueStatistics(pool),
    hold: holdMessages(pool),
    transfer: transferMessages(pool),
    copy: copyMessages(pool),
    adopt: adoptMessages(pool),
    removeCopied: removeCopiedMessages(pool),
  };
}
