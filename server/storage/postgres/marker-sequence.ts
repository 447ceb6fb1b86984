import { withBriefLocks } from "./brief-locks.ts";
import type { Statement, Statements } from "./statements.ts";

/** How many low bits of a marker count places within a statement; the bits above them come from the sequence. */
const PLACE_BITS = 0n;

const LAST: Statement = {
  name: "marker_sequence_last",
  text: "SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END::text AS last FROM message_marker",
};

/** The highest marker that this store may have given so far. */
export async function highestMarker(statements: Statements): Promise<string> {
  return (((await last(statements)) << PLACE_BITS) + (1n << PLACE_BITS) - 1n).toString();
}

/**
 * Every marker given from now on is above `marker`. Never lowers the sequence, whoever draws from it or lifts it at the same time: to change a
 * sequence waits for all who have drawn from it to commit, and keeps others from drawing until this commits.
 */
export async function liftMarkers(statements: Statements, marker: string): Promise<void> {
  const wanted = BigInt(marker) >> PLACE_BITS;
  if ((await last(statements)) >= wanted) return;
  await withBriefLocks(statements, async (client) => {
    // Changes nothing, and takes the lock.
    await client.query("ALTER SEQUENCE message_marker NO CYCLE");
    const { rows } = await client.query<{ last: string }>(LAST.text);
    if (BigInt(rows[0]?.last ?? 0) < wanted) {
      await client.query("SELECT setval('message_marker', $1)", [wanted.toString()]);
    }
  });
}

async function last(statements: Statements): Promise<bigint> {
  const [row] = await statements.read<{ last: string }>(LAST, []);
  return BigInt(row?.last ?? 0);
}
