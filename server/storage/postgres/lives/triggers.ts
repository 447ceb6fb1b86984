/**
 * The triggers that write down what happens to messages. One for each kind of statement, whatever the number of queues,
 * and only while some queue of the pool keeps lives. Its condition names those queues, so a statement on others pays
 * for one comparison a row. The database writes the events: processes of earlier versions leave out nothing but why a
 * message was deleted.
 */
import { DomainError } from "../../../errors.ts";
import { rowOf, statement } from "../sql/statement.ts";
import type { Transaction } from "../sql/transaction.ts";

/** Most queues of a pool that keep lives: their ids are part of each trigger. */
const MAX_KEEPING_QUEUES = 1000;

/** Put in front of a statement that deletes messages for another reason than a client's delete. */
export const deletes = (cause: "popped" | "expired" | "unreachable" | "deadLettered" | "moved") =>
  `/* life=${cause} */`;

/** The same for a statement that brings deleted messages back. */
export const RESTORES = "/* life=restored */";

/** Held while the triggers are changed, so that none is made of an old list. */
const LIVES_LOCK = statement({
  name: "message_life_lock",
  parameters: {},
  text: `SELECT pg_advisory_xact_lock(${0x6c69}, quote_ident(current_schema())::regnamespace::oid::int)`,
});

const KEEPING = statement({
  name: "message_life_keeping",
  parameters: {},
  row: rowOf<{ id: string }>(),
  text: `
    SELECT l.queue_id::text AS id FROM message_life_queues l JOIN pool_queues q ON q.id = l.queue_id
    WHERE l.seconds > 0 AND q.state IN ('live', 'moving') ORDER BY l.queue_id`,
});

const TRIGGERS = [
  { name: "message_life_insert", on: "INSERT", rows: ["NEW"] },
  { name: "message_life_update", on: "UPDATE", rows: ["OLD", "NEW"] },
  { name: "message_life_delete", on: "DELETE", rows: ["OLD"] },
] as const;

/**
 * Changes which queues keep lives, and makes the triggers follow. Waits for all who are writing messages: whoever
 * writes later sees the triggers.
 */
export async function withTriggers<T>(transaction: Transaction, change: () => Promise<T>): Promise<T> {
  await transaction.run(LIVES_LOCK, {});
  const before = await transaction.run(KEEPING, {});
  const result = await change();
  const after = await transaction.run(KEEPING, {});
  if (after.length > Math.max(before.length, MAX_KEEPING_QUEUES)) throw tooManyKeep();
  await follow(transaction, after.map(({ id }) => id).join(","));
  return result;
}

/** A command that creates a trigger has no parameters, so the numbers are checked before they go into the text. */
async function follow(transaction: Transaction, ids: string): Promise<void> {
  if (!/^[\d,]*$/.test(ids)) throw new DomainError("INTERNAL", "Rows of queues have numbers.");
  for (const { name, on, rows } of TRIGGERS) {
    const isOurs = rows.map((row) => `${row}.queue_id = ANY ('{${ids}}'::bigint[])`).join(" OR ");
    await transaction.execute(
      ids === ""
        ? `DROP TRIGGER IF EXISTS ${name} ON messages`
        : `CREATE OR REPLACE TRIGGER ${name} AFTER ${on} ON messages
           FOR EACH ROW WHEN (${isOurs}) EXECUTE FUNCTION message_life_note()`,
    );
  }
}

function tooManyKeep(): DomainError {
  return new DomainError(
    "NOT_SUPPORTED",
    `${MAX_KEEPING_QUEUES} queues of this pool keep the lives of their messages already. Set _history_seconds to 0 in another one first.`,
    { details: { field: "_history_seconds", maximum: MAX_KEEPING_QUEUES } },
  );
}
