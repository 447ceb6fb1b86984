import { setTimeout as pause } from "node:timers/promises";
import { DomainError } from "../../../errors.ts";
import { textArray } from "../sql/array-parameter.ts";
import { rowOf, statement } from "../sql/statement.ts";
import type { Statements } from "../sql/statements.ts";

/** Between two looks: a statement lasts some milliseconds. */
const LOOK_EVERY_MS = 5;

/**
 * Transactions that may be writing now. A statement locks its tables before it takes the snapshot that it runs with,
 * and keeps the locks until it has committed. So one that does not show here will see whatever is committed now. That
 * holds for every session, whatever its name or its user.
 */
const WRITERS = statement({
  name: "write_barrier_writers",
  parameters: {},
  row: rowOf<{ writer: string }>(),
  text: `
    SELECT DISTINCT virtualtransaction AS writer FROM pg_locks
    WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND pid <> pg_backend_pid()
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND relation = ANY (
        ARRAY['messages'::regclass, 'claims'::regclass, 'pool_queues'::regclass, 'subscriptions'::regclass]::oid[])`,
});

const STILL_WRITING = statement({
  name: "write_barrier_still_writing",
  parameters: { writers: textArray },
  row: rowOf<{ writer: string }>(),
  text: "SELECT DISTINCT virtualtransaction AS writer FROM pg_locks WHERE virtualtransaction = ANY (:writers::text[])",
});

/**
 * Waits until every statement has ended that may have begun to write before this call: whatever writes afterwards sees
 * what was committed before it. DEADLINE_EXCEEDED when one takes longer.
 */
export async function passWriteBarrier(statements: Statements, deadlineMs: number): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  let writers = await statements.read(WRITERS, {});
  while (writers.length > 0) {
    if (performance.now() >= deadline) {
      throw new DomainError("DEADLINE_EXCEEDED", "Calls under way in the pool take too long. Try again.");
    }
    await pause(LOOK_EVERY_MS);
    writers = await statements.read(STILL_WRITING, { writers: writers.map(({ writer }) => writer) });
  }
}
