/** The sequence that all markers of the pool are drawn from. */

import { withLockTimeout } from "../sql/lock-timeout.ts";
import { int8 } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import type { Statements } from "../sql/statements.ts";

/** The marker that the next draw begins with. One draw gives a block of markers (see insert.ts). */
const NEXT = statement({
  name: "marker_sequence_next",
  parameters: {},
  row: rowOf<{ next: string }>(),
  text: `
    SELECT (s.last_value + CASE WHEN s.is_called THEN p.seqincrement ELSE 0 END)::text AS next
    FROM message_marker s, pg_sequence p WHERE p.seqrelid = 'message_marker'::regclass`,
});

const SET = statement({
  name: "marker_sequence_set",
  parameters: { marker: int8 },
  text: "SELECT setval('message_marker', :marker)",
});

/** This store has given no marker above it. */
export async function highestMarker(statements: Statements): Promise<string> {
  const [row] = await statements.read(NEXT, {});
  return (nextOf(row) - 1n).toString();
}

/**
 * Every marker given from now on is above `marker`. Never lowers the sequence, also when others draw from it or lift it
 * at the same time: changing a sequence waits until all who have drawn from it have committed, and keeps others from
 * drawing until this commits.
 */
export async function liftMarkers(statements: Statements, marker: string): Promise<void> {
  const [row] = await statements.read(NEXT, {});
  if (nextOf(row) > BigInt(marker)) return;
  await withLockTimeout(statements, async (transaction) => {
    // Changes nothing, and takes the lock. Hazard: a change of any property writes the sequence to a new file, and
    // whoever reads it meanwhile, as each new connection does, may find nothing. The owner is no such property.
    await transaction.execute("ALTER SEQUENCE message_marker OWNED BY NONE");
    const [locked] = await transaction.run(NEXT, {});
    if (nextOf(locked) <= BigInt(marker)) await transaction.run(SET, { marker });
  });
}

function nextOf(row: { next: string } | undefined): bigint {
  if (row === undefined) throw new Error("The marker sequence cannot be read.");
  return BigInt(row.next);
}
