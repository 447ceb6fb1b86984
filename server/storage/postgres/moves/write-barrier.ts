import { setTimeout as pause } from "node:timers/promises";
import { DomainError } from "../../../errors.ts";
import type { Statement, Statements } from "../sql/statements.ts";

/** Between two looks: a statement lasts some milliseconds. */
const LOOK_EVERY_MS = 5;

/**
 * Who may be writing now. A statement locks its tables before it takes the snapshot that it runs with, and keeps the locks until it has committed;
 * so one that does not show here will see whatever is committed now. That holds for every session, whatever its name or its user.
 */
const WRITERS: Statement = {
  name: "write_barrier_writers",
  text: `
    SELECT DISTINCT virtualtransaction AS writer FROM pg_locks
    WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND pid <> pg_backend_pid()
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND relation = ANY (ARRAY['messages'::regclass, 'claims'::regclass, 'pool_queues'::regclass, 'subscriptions'::regclass]::oid[])`,
};

const STILL_THERE: Statement = {
  name: "write_barrier_still_there",
  text: "SELECT DISTINCT virtualtransaction AS writer FROM pg_locks WHERE virtualtransaction = ANY ($1::text[])",
};

/**
 * Waits until every statement has ended that may have begun to write before this call: what was committed before it is seen by all that
 * write afterwards. DEADLINE_EXCEEDED when one takes longer.
 */
export async function passWriteBarrier(statements: Statements, deadlineMs: number): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  let writers = await look(statements, WRITERS, []);
  while (writers.length > 0) {
    if (performance.now() >= deadline) {
      throw new DomainError("DEADLINE_EXCEEDED", "What is under way in the pool takes too long. Try again.");
    }
    await pause(LOOK_EVERY_MS);
    writers = await look(statements, STILL_THERE, [writers]);
  }
}

async function look(statements: Statements, statement: Statement, values: readonly unknown[]): Promise<string[]> {
  return (await statements.read<{ writer: string }>(statement, values)).map(({ writer }) => writer);
}
