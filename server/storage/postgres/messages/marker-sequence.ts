import { withBriefLocks } from "../sql/lock-timeout.ts";
import type { Statement, Statements } from "../sql/statements.ts";

/** One draw from the sequence gives the markers up to the next draw: see insert.ts. `next` is what the next one begins with. */
const NEXT: Statement = {
  name: "marker_sequence_next",
  text: `
    SELECT (s.last_value + CASE WHEN s.is_called THEN p.seqincrement ELSE 0 END)::text AS next
    FROM message_marker s, pg_sequence p WHERE p.seqrelid = 'message_marker'::regclass`,
};

/** No marker that this store has given is above it. */
export async function highestMarker(statements: Statements): Promise<string> {
  return ((await next(statements)) - 1n).toString();
}

/**
 * Every marker given from now on is above `marker`. Never lowers the sequence, whoever draws from it or lifts it at the same time: to change a
 * sequence waits for all who have drawn from it to commit, and keeps others from drawing until this commits.
 */
export async function liftMarkers(statements: Statements, marker: string): Promise<void> {
  if ((await next(statements)) > BigInt(marker)) return;
  await withBriefLocks(statements, async (transaction) => {
    // Changes nothing, and takes the lock.
    await transaction.query("ALTER SEQUENCE message_marker NO CYCLE");
    const { rows } = await transaction.query<{ next: string }>(NEXT.text);
    if (BigInt(rows[0]?.next ?? 0) > BigInt(marker)) return;
    await transaction.query("SELECT setval('message_marker', $1)", [marker]);
  });
}

async function next(statements: Statements): Promise<bigint> {
  const [row] = await statements.read<{ next: string }>(NEXT, []);
  return BigInt(row?.next ?? 0);
}
