import { CLOCK } from "../sql/fragments.ts";
import { int8 } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import type { Statements } from "../sql/statements.ts";
import { ALIVE } from "./rows.ts";

/** Messages above `after`, up to `upTo`: markers. */
export interface MarkerRange {
  after: string;
  upTo: string;
}

/** `found`: rows, expired ones too. `complete`: nothing is left out. */
export interface CountedRange {
  found: number;
  alive: number;
  complete: boolean;
}

/** Messages that one statement counts. */
const CHUNK = 10_000;

const COUNT = statement({
  name: "queue_purge_count",
  parameters: { queueId: int8, after: int8, upTo: int8 },
  /** `found`: with those that had expired. `last`: the marker of the last one. */
  row: rowOf<{ found: number; alive: number; last: string | null }>(),
  text: `
    WITH ${CLOCK}
    SELECT count(*)::int AS found, count(*) FILTER (WHERE ${ALIVE})::int AS alive, max(m.marker)::text AS last
    FROM clock, (
      SELECT m.marker, m.expires_at FROM messages m
      WHERE m.queue_id = :queueId AND m.marker > :after AND m.marker <= :upTo ORDER BY m.marker LIMIT ${CHUNK}
    ) AS m`,
});

/** How long a purge counts what it removed. Purging itself takes no longer for more messages. */
const COUNT_MS = 500;

/** Counts what a purge removed, or what came back of it, for COUNT_MS at most, and in `chunks` statements at most. */
export async function countPurged(
  statements: Statements,
  queueId: string,
  { after, upTo }: MarkerRange,
  chunks = Number.POSITIVE_INFINITY,
): Promise<CountedRange> {
  const deadline = performance.now() + COUNT_MS;
  const total: CountedRange = { found: 0, alive: 0, complete: false };
  for (let from = after, chunk = 1; ; chunk += 1) {
    const [counted] = await statements.read(COUNT, { queueId, after: from, upTo });
    total.found += counted?.found ?? 0;
    total.alive += counted?.alive ?? 0;
    total.complete = (counted?.found ?? 0) < CHUNK;
    if (total.complete || chunk >= chunks || performance.now() > deadline) return total;
    from = counted?.last ?? upTo;
  }
}
