/** Notices that a store has lost its last writes, and keeps it from giving the lost numbers once more. */
import type pg from "pg";
import { DomainError } from "../../errors.ts";
import { textArray } from "./sql/array-parameter.ts";
import { translatePostgresError } from "./sql/connection.ts";
import { int8, orNull, text } from "./sql/parameter-types.ts";
import { runOn, statement } from "./sql/statement.ts";

/**
 * More markers than a store loses. A statement draws 1,024, so this is a billion statements: days of a busy store.
 * JavaScript and Redis can count 6,000 such steps.
 */
const STEP = 1n << 40n;

/**
 * Other sequences whose numbers are kept: ids of remembered rows, marks of changes, epochs, positions, fences, jobs,
 * the audit.
 */
const OTHER_SEQUENCES = [
  "pool_queues_id_seq",
  "queue_totals_change",
  "catalogue_epoch",
  "catalogue_entries_position_seq",
  "key_lock_fence",
  "jobs_id_seq",
  "audit_entries_id_seq",
];

interface Look {
  standby: boolean;
  /** The cluster of the server and the number of its timeline. Null on a server that does not tell. */
  timeline: string | null;
  recorded: string | null;
  above: string;
  /** The first marker of the block that was drawn last. */
  marker: string;
  /** Microseconds since 1970. */
  now: string;
}

/**
 * The name of a WAL file begins with the timeline. The last checkpoint would tell an older one, for minutes after a
 * standby took over.
 */
const TIMELINE = `CASE WHEN NOT pg_is_in_recovery() THEN
    (SELECT system_identifier FROM pg_control_system()) || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) END`;

const look = (timeline: string) => `
  SELECT pg_is_in_recovery() AS standby, ${timeline} AS timeline, i.timeline AS recorded,
    i.markers_above::text AS above,
    s.last_value::text AS marker, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text AS now
  FROM pool_identity i, message_marker s`;

const WITHOUT_TIMELINE = look("NULL");

/** Never lowers the sequence: a queue that arrives here lifts the markers too, perhaps at the same time. */
const LIFT_MARKERS = statement({
  name: "timeline_lift_markers",
  parameters: { above: int8 },
  text: "SELECT setval('message_marker', greatest(:above, last_value)) FROM message_marker",
});

const LIFT_OTHERS = statement({
  name: "timeline_lift_others",
  parameters: { sequences: textArray },
  text: `
    SELECT setval(s.id, greatest(
      pg_sequence_last_value(s.id) + 1000000, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint))
    FROM unnest(:sequences::text[]) AS w(name) CROSS JOIN LATERAL (SELECT to_regclass(w.name) AS id) AS s
    WHERE s.id IS NOT NULL`,
});

const RECORD_LIFT = statement({
  name: "timeline_record_lift",
  parameters: { above: int8 },
  text: "UPDATE pool_identity SET markers_above = :above",
});

const RECORD_TIMELINE = statement({
  name: "timeline_record",
  parameters: { timeline: orNull(text) },
  text: "UPDATE pool_identity SET timeline = :timeline",
});

/**
 * insufficient_privilege, feature_not_supported, undefined_function: every user may ask an ordinary server for its
 * timeline, but not every hosted one.
 */
const DOES_NOT_TELL: ReadonlySet<unknown> = new Set(["42501", "0A000", "42883"]);

/**
 * With asynchronous replication a standby can take over without the last writes. The sequences fall back with the data,
 * but must not give the same numbers again: a message's id is its marker, and a reader pages by markers. PostgreSQL
 * begins a new timeline whenever a standby or a restored backup becomes a primary; within a connection it never
 * changes, because connections to standbys are refused. So each new connection asks for the timeline before it is used.
 * The first that finds another one than the store has recorded lifts the sequences, before any caller draws from them.
 *
 * Which numbers were given and lost is unknown. They are within a STEP of what the store still knows, and below the
 * time in microseconds unless a million markers a second were drawn all the while; the higher of the two counts. Each
 * timeline in between that the store has no record of may have begun with a STEP, and adds another. A process that was
 * running adds what it has seen; so it also notices a store that fell back on the same timeline, because its disk was
 * restored.
 *
 * Price: two cases go unnoticed. A disk is restored while no process runs; or a dump is restored to the server that it
 * is from. A dump that is restored to another server is noticed.
 */
export class Timeline {
  readonly #onFallBack: (error: Error) => void;
  /** What this process saw last; null before the first look. */
  #history: string | null = null;
  #highest = 0n;
  #look = look(TIMELINE);
  /** Called when the store has lost writes: what the process remembers of its rows may be wrong. */
  forget: () => void = () => undefined;

  constructor(onFallBack: (error: Error) => void) {
    this.#onFallBack = onFallBack;
  }

  /** For each new connection, before it is used. STORAGE_UNAVAILABLE for one to a standby. */
  async check(client: pg.ClientBase): Promise<void> {
    try {
      const highest = this.#highest;
      let seen = await this.#lookWith(client);
      if (seen.standby) throw isStandby();
      if (isNew(seen) || hasFallenBack(seen, highest)) seen = await this.#settle(client);
      this.#remember(seen);
    } catch (error) {
      throw translatePostgresError(error);
    }
  }

  /** When several connections notice at once, one lifts the sequences and the others wait for it. */
  async #settle(client: pg.ClientBase): Promise<Look> {
    const highest = this.#highest;
    await client.query("BEGIN");
    // A server that just took over may have no standby yet that confirms a commit, and all connections wait for this
    // one. If this commit is lost too, the next connection notices again.
    await client.query("SET LOCAL synchronous_commit = local");
    await client.query("SELECT 1 FROM pool_identity FOR UPDATE");
    const seen = await this.#lookWith(client);
    if (hasFallenBack(seen, highest)) await lift(client, aboveAll(seen, highest));
    if (isNew(seen)) await runOn(client, RECORD_TIMELINE, { timeline: seen.timeline });
    const settled = await this.#lookWith(client);
    await client.query("COMMIT");
    return settled;
  }

  async #lookWith(client: pg.ClientBase): Promise<Look> {
    try {
      const { rows } = await client.query<Look>(this.#look);
      const [row] = rows;
      if (row === undefined) throw new Error("The pool has no identity.");
      return row;
    } catch (error) {
      // The first look of all is outside of a transaction, which would end here.
      if (this.#look === WITHOUT_TIMELINE || !DOES_NOT_TELL.has((error as { code?: unknown }).code)) throw error;
      this.#look = WITHOUT_TIMELINE;
      return this.#lookWith(client);
    }
  }

  #remember({ timeline, above, marker }: Look): void {
    if (BigInt(marker) > this.#highest) this.#highest = BigInt(marker);
    const history = `${timeline} ${above}`;
    if (history === this.#history) return;
    const before = this.#history;
    this.#history = history;
    if (before === null) return;
    this.forget();
    this.#onFallBack(
      new Error(
        "Another server has taken over, or a backup was restored: the last writes may be lost. " +
          `Markers go on above ${above}, so none is given twice.`,
      ),
    );
  }
}

const isNew = ({ timeline, recorded }: Look): boolean => timeline !== null && timeline !== recorded;

/** A store without a record was never looked at: it cannot have fallen back. */
const hasFallenBack = (seen: Look, highest: bigint): boolean =>
  (isNew(seen) && seen.recorded !== null) || BigInt(seen.marker) < highest;

function aboveAll({ timeline, recorded, marker, now }: Look, highest: bigint): bigint {
  const unheard = BigInt(timelinesBetween(recorded, timeline) - 1);
  let above = 0n;
  for (const bound of [BigInt(now), BigInt(marker) + STEP, highest + STEP]) if (bound > above) above = bound;
  return above + unheard * STEP;
}

function timelinesBetween(recorded: string | null, timeline: string | null): number {
  const [oldCluster, before] = (recorded ?? "").split("/");
  const [cluster, after] = (timeline ?? "").split("/");
  const steps = Number.parseInt(after ?? "", 16) - Number.parseInt(before ?? "", 16);
  return cluster === oldCluster && steps > 1 ? steps : 1;
}

/**
 * Lifts the markers above `above`, and the other sequences above the time in microseconds: they are drawn from far less
 * often than that. They rise by a million at least, in case the server's clock is behind.
 */
async function lift(client: pg.ClientBase, above: bigint): Promise<void> {
  await runOn(client, LIFT_MARKERS, { above: above.toString() });
  await runOn(client, LIFT_OTHERS, { sequences: OTHER_SEQUENCES });
  await runOn(client, RECORD_LIFT, { above: above.toString() });
}

function isStandby(): DomainError {
  return new DomainError(
    "STORAGE_UNAVAILABLE",
    "The storage is a standby that has not taken over. Try again in a few seconds.",
  );
}
