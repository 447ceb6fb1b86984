/**
 * The backend in the control database, shared by every process: tables key_values and key_locks, sequence
 * key_lock_fence. The database's clock decides all expiry.
 */

import type pg from "pg";
import { readsBackward } from "../storage/list-pages.ts";
import { translatePostgresError } from "../storage/postgres/sql/connection.ts";
import { type Clock, monotonicNow } from "./clock.ts";
import { frozenCopy } from "./json-value.ts";
import { pollForLock } from "./lock-polling.ts";
import {
  type Backend,
  type BackingStore,
  COUNT_LIMIT,
  type Grant,
  type Hold,
  LOCK_MARGIN_SECONDS,
  type LockedKey,
  type LockTimes,
  type Range,
  type StoredKey,
  type StoredLock,
} from "./region.ts";
import { isStorable, requireStorable } from "./storable-key.ts";

const SWEEP_BATCH = 1000;
/**
 * Seconds that a lock's row stays after the lock has expired. Reason: an acquisition draws its fence before it knows
 * whether the row exists. If another holder came and went meanwhile and the row was deleted, the slower holder would
 * insert the older fence, and all its writes would be refused.
 */
const LOCK_ROW_REMAINS_SECONDS = 60;

/** The time of a statement, read once. $1 is the clock's offset in seconds in every statement. */
const CLOCK = "clock AS MATERIALIZED (SELECT clock_timestamp() + make_interval(secs => $1::float8) AS now)";

/**
 * The key's lock, if this holder still has it. Its row stays locked until the write commits, so that no new holder can
 * begin between the check and the write.
 */
const HELD = `held AS MATERIALIZED (
  SELECT l.fence FROM key_locks l, clock
  WHERE l.store = $2 AND l.key = $3 AND l.holder = $4 AND l.fence = $5 AND l.expires_at > clock.now
  FOR SHARE OF l)`;

/** The regions $2, numbered from 1 by `n`, beside the clock. */
const REGIONS = "unnest($2::text[]) WITH ORDINALITY AS r(store, n) CROSS JOIN clock";

const SQL = {
  get: `WITH ${CLOCK}
    SELECT v.key, v.value FROM key_values v, clock
    WHERE v.store = $2 AND v.key = ANY ($3::text[]) AND (v.expires_at IS NULL OR v.expires_at > clock.now)`,
  // Sorted, so that two calls with the same keys lock the rows in the same order and never deadlock.
  set: `WITH ${CLOCK}
    INSERT INTO key_values AS v (store, key, value, expires_at)
    SELECT $2, e.key, e.value, clock.now + make_interval(secs => $5::float8)
    FROM unnest($3::text[], $4::text[]) AS e (key, value), clock ORDER BY e.key COLLATE "C"
    ON CONFLICT (store, key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at`,
  setHeld: `WITH ${CLOCK}, ${HELD}
    INSERT INTO key_values AS v (store, key, value, fence, expires_at)
    SELECT $2, $3, $6, held.fence, clock.now + make_interval(secs => $7::float8) FROM held, clock
    ON CONFLICT (store, key) DO UPDATE
      SET value = excluded.value, fence = excluded.fence, expires_at = excluded.expires_at
      WHERE v.fence <= excluded.fence`,
  delete: `WITH ${CLOCK}, doomed AS MATERIALIZED (
      SELECT v.store, v.key FROM key_values v
      WHERE v.store = $2 AND v.key = ANY ($3::text[]) ORDER BY v.key FOR UPDATE),
    removed AS (
      DELETE FROM key_values v USING doomed d WHERE v.store = d.store AND v.key = d.key RETURNING v.expires_at)
    SELECT false AS refused,
      count(*) FILTER (WHERE removed.expires_at IS NULL OR removed.expires_at > clock.now)::int AS deleted
    FROM removed, clock`,
  deleteHeld: `WITH ${CLOCK}, ${HELD}, old AS MATERIALIZED (
      SELECT v.fence, v.expires_at FROM key_values v WHERE v.store = $2 AND v.key = $3),
    removed AS (
      DELETE FROM key_values v USING held
      WHERE v.store = $2 AND v.key = $3 AND v.fence <= held.fence RETURNING v.expires_at)
    SELECT (
        SELECT count(*) FROM removed, clock WHERE removed.expires_at IS NULL OR removed.expires_at > clock.now
      )::int AS deleted,
      NOT EXISTS (SELECT FROM held) OR EXISTS (SELECT FROM old, held WHERE old.fence > held.fence) AS refused`,
  // The update draws its fence once it has locked the row, so fences grow in the order of holders.
  acquire: `WITH ${CLOCK}
    INSERT INTO key_locks AS l (store, key, holder, fence, expires_at)
    SELECT $2, $3, $4, nextval('key_lock_fence'), clock.now + make_interval(secs => $5::float8) FROM clock
    ON CONFLICT (store, key) DO UPDATE
      SET holder = excluded.holder, fence = nextval('key_lock_fence'), expires_at = excluded.expires_at
      WHERE l.expires_at <= (SELECT now FROM clock)
    RETURNING l.fence, l.expires_at`,
  renew: `WITH ${CLOCK}
    UPDATE key_locks l SET expires_at = clock.now + make_interval(secs => $5::float8) FROM clock
    WHERE l.store = $2 AND l.key = $3 AND l.holder = $4
      AND l.expires_at > clock.now + make_interval(secs => ${LOCK_MARGIN_SECONDS})
    RETURNING l.fence, l.expires_at`,
  release: `WITH ${CLOCK}
    UPDATE key_locks l SET expires_at = clock.now FROM clock
    WHERE l.store = $2 AND l.key = $3 AND l.holder = $4 AND l.fence = $5 AND l.expires_at > clock.now`,
  find: `WITH ${CLOCK}
    SELECT l.fence, l.expires_at, extract(epoch FROM l.expires_at - clock.now)::float8 AS remaining
    FROM key_locks l, clock
    WHERE l.store = $2 AND l.key = $3 AND l.holder = $4 AND l.expires_at > clock.now`,
  counts: `WITH ${CLOCK}
    SELECT counted.value FROM ${REGIONS} CROSS JOIN LATERAL (
      SELECT count(*)::int AS value FROM (
        SELECT FROM key_values v
        WHERE v.store = r.store AND (v.expires_at IS NULL OR v.expires_at > clock.now) LIMIT $3) AS found
    ) AS counted ORDER BY r.n`,
  sweepValues: `WITH ${CLOCK}, doomed AS MATERIALIZED (
      SELECT store, key FROM key_values WHERE expires_at <= (SELECT now FROM clock) LIMIT $2 FOR UPDATE SKIP LOCKED)
    DELETE FROM key_values v USING doomed d WHERE v.store = d.store AND v.key = d.key`,
  sweepLocks: `WITH ${CLOCK}, doomed AS MATERIALIZED (
      SELECT store, key FROM key_locks
      WHERE expires_at <= (SELECT now FROM clock) - make_interval(secs => $3::float8) LIMIT $2 FOR UPDATE SKIP LOCKED)
    DELETE FROM key_locks l USING doomed d WHERE l.store = d.store AND l.key = d.key`,
  regions: (side: Side) => `WITH RECURSIVE ${CLOCK}, names (store, found) AS (
      SELECT NULL::text COLLATE "C", 0
      UNION ALL
      SELECT next.store, names.found + 1 FROM names, LATERAL (
        SELECT v.store FROM key_values v, clock
        WHERE (coalesce(names.store, $2) IS NULL OR v.store ${side.beyond} coalesce(names.store, $2))
          AND (v.expires_at IS NULL OR v.expires_at > clock.now)
        ORDER BY v.store ${side.order} LIMIT 1) AS next
      WHERE names.found < $3::int)
    SELECT store FROM names WHERE store IS NOT NULL ORDER BY store`,
  keys: (side: Side) => `WITH ${CLOCK}
    SELECT r.n::int AS n, page.key, page.expires_at FROM ${REGIONS} CROSS JOIN LATERAL (
      SELECT v.key, v.expires_at FROM key_values v
      WHERE v.store = r.store AND ($3::text IS NULL OR v.key ${side.beyond} $3)
        AND (v.expires_at IS NULL OR v.expires_at > clock.now)
      ORDER BY v.key ${side.order} LIMIT $4) AS page ORDER BY r.n, page.key`,
  locks: (side: Side) => `WITH ${CLOCK}
    SELECT store, key, holder, fence, expires_at FROM (
      SELECT l.store, l.key, l.holder, l.fence, l.expires_at FROM key_locks l, clock
      WHERE ($2::text IS NULL OR (l.store, l.key) ${side.beyond} ($2, $3)) AND l.expires_at > clock.now
      ORDER BY l.store ${side.order}, l.key ${side.order} LIMIT $4) AS page ORDER BY store, key`,
  locksOf: (side: Side) => `WITH ${CLOCK}
    SELECT r.n::int AS n, page.* FROM ${REGIONS} CROSS JOIN LATERAL (
      SELECT l.store, l.key, l.holder, l.fence, l.expires_at FROM key_locks l
      WHERE l.store = r.store AND ($3::text IS NULL OR (l.store, l.key) ${side.beyond} ($3, $4))
        AND l.expires_at > clock.now
      ORDER BY l.key ${side.order} LIMIT $5) AS page ORDER BY r.n, page.key`,
} as const;

interface Side {
  beyond: "<" | ">";
  order: "ASC" | "DESC";
}

/** Waiters for a lock poll, and get it in no particular order. The caller closes `connections`. */
export function createPostgresBackend(params: { connections: pg.Pool; clock?: Clock }): Backend {
  const clock = params.clock ?? { offsetMs: 0 };
  const database = new Database(params.connections, clock);
  return {
    open: (region) => new PostgresRegion(region, database, clock),
    async regions(range) {
      const { side, marker } = sideOf(range);
      const rows = await database.read<{ store: string }>(SQL.regions(side), [marker ?? null, range.limit]);
      return rows.map((row) => row.store);
    },
    async counts(regions) {
      const rows = await database.read<{ value: number }>(SQL.counts, [regions, COUNT_LIMIT + 1]);
      return rows.map(({ value }) =>
        value > COUNT_LIMIT ? { value: COUNT_LIMIT, exact: false } : { value, exact: true },
      );
    },
    async keys(regions, range) {
      const { side, marker } = sideOf(range);
      const rows = await database.read<KeyRow>(SQL.keys(side), [regions, marker ?? null, range.limit]);
      return byRegion(regions, rows, (row): StoredKey => ({ key: row.key, expiresAt: row.expires_at }));
    },
    async locks(range) {
      const { side, marker } = sideOf<LockedKey>(range);
      const values = [marker?.region ?? null, marker?.key ?? null, range.limit];
      return (await database.read<LockRow>(SQL.locks(side), values)).map(toLock);
    },
    async locksOf(regions, range) {
      const { side, marker } = sideOf<LockedKey>(range);
      const values = [regions, marker?.region ?? null, marker?.key ?? null, range.limit];
      return byRegion(regions, await database.read<LockRow & { n: number }>(SQL.locksOf(side), values), toLock);
    },
    async sweep() {
      const values = await database.repeat(SQL.sweepValues, [SWEEP_BATCH]);
      return values + (await database.repeat(SQL.sweepLocks, [SWEEP_BATCH, LOCK_ROW_REMAINS_SECONDS]));
    },
  };
}

/** The rows of each region. `n` is the number of a row's region, from 1. */
function byRegion<Row extends { n: number }, T>(
  regions: readonly string[],
  rows: readonly Row[],
  read: (row: Row) => T,
): T[][] {
  const found: T[][] = regions.map(() => []);
  for (const row of rows) found[row.n - 1]?.push(read(row));
  return found;
}

function toLock(row: LockRow): StoredLock {
  const { store: region, key, holder, fence, expires_at: expiresAt } = row;
  return { region, key, holder, fence: Number(fence), expiresAt };
}

interface KeyRow {
  n: number;
  key: string;
  expires_at: Date | null;
}

interface LockRow {
  store: string;
  key: string;
  holder: string;
  fence: string;
  expires_at: Date;
}

function sideOf<M>(range: Range<M>): { side: Side; marker: M | undefined } {
  return readsBackward(range)
    ? { side: { beyond: "<", order: "DESC" }, marker: range.before }
    : { side: { beyond: ">", order: "ASC" }, marker: range.after };
}

class PostgresRegion implements BackingStore {
  readonly #name: string;
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(name: string, database: Database, clock: Clock) {
    requireStorable(name);
    this.#name = name;
    this.#database = database;
    this.#clock = clock;
  }

  async get(keys: readonly string[]): Promise<unknown[]> {
    const storable = keys.filter(isStorable);
    if (storable.length === 0) return keys.map(() => undefined);
    const rows = await this.#database.read<{ key: string; value: string }>(SQL.get, [this.#name, storable], "kvs-get");
    const values = new Map(rows.map((row) => [row.key, frozenCopy(JSON.parse(row.value))]));
    return keys.map((key) => values.get(key));
  }

  async set(
    entries: readonly (readonly [string, unknown])[],
    options: { ttlSeconds: number | null; hold?: Hold },
  ): Promise<boolean> {
    for (const [key] of entries) requireStorable(key);
    const { ttlSeconds, hold } = options;
    const [first] = entries;
    if (first === undefined) return true;
    if (hold !== undefined) {
      const values = [this.#name, first[0], hold.holder, hold.fence, JSON.stringify(first[1]), ttlSeconds];
      return (await this.#database.write(SQL.setHeld, values, "kvs-set-held")).rowCount === 1;
    }
    // A statement can write a row only once. Of two entries with the same key the last one counts.
    const texts = new Map(entries.map(([key, value]) => [key, JSON.stringify(value)]));
    await this.#database.write(SQL.set, [this.#name, [...texts.keys()], [...texts.values()], ttlSeconds], "kvs-set");
    return true;
  }

  async delete(keys: readonly string[], hold?: Hold): Promise<{ refused: boolean; deleted: number }> {
    const storable = keys.filter(isStorable);
    const sent =
      hold === undefined
        ? this.#database.write(SQL.delete, [this.#name, storable], "kvs-delete")
        : this.#database.write(SQL.deleteHeld, [this.#name, keys[0], hold.holder, hold.fence], "kvs-delete-held");
    const [row] = (await sent).rows as { refused: boolean; deleted: number }[];
    return row ?? { refused: false, deleted: 0 };
  }

  acquireLock(key: string, holder: string, times: LockTimes): Promise<Grant | null> {
    requireStorable(key);
    const values = [this.#name, key, holder, times.lifeSeconds];
    return pollForLock(this.#clock, times, async () =>
      grantIn(await this.#database.write(SQL.acquire, values, "kvs-acquire")),
    );
  }

  async renewLock(key: string, holder: string, lifeSeconds: number): Promise<Grant | null> {
    if (!isStorable(key) || !isStorable(holder)) return null;
    const values = [this.#name, key, holder, lifeSeconds];
    const once = { lifeSeconds, waitSeconds: 0 };
    return pollForLock(this.#clock, once, async () =>
      grantIn(await this.#database.write(SQL.renew, values, "kvs-renew")),
    );
  }

  async releaseLock(key: string, hold: Hold): Promise<void> {
    await this.#database.write(SQL.release, [this.#name, key, hold.holder, hold.fence], "kvs-release");
  }

  async findLock(key: string, holder: string): Promise<Grant | null> {
    if (!isStorable(key) || !isStorable(holder)) return null;
    const sentAt = monotonicNow(this.#clock);
    const values = [this.#name, key, holder];
    const [row] = await this.#database.read<GrantRow & { remaining: number }>(SQL.find, values, "kvs-find");
    if (row === undefined) return null;
    const remainingSeconds = row.remaining - (monotonicNow(this.#clock) - sentAt) / 1000;
    return { fence: Number(row.fence), expiresAt: row.expires_at, remainingSeconds };
  }
}

interface GrantRow {
  fence: string;
  expires_at: Date;
}

function grantIn({ rows }: pg.QueryResult): Pick<Grant, "fence" | "expiresAt"> | null {
  const [row] = rows as GrantRow[];
  return row === undefined ? null : { fence: Number(row.fence), expiresAt: row.expires_at };
}

/** Runs statements with the clock's offset as their first value, and translates their errors. */
class Database {
  readonly #connections: pg.Pool;
  readonly #clock: Clock;

  constructor(connections: pg.Pool, clock: Clock) {
    this.#connections = connections;
    this.#clock = clock;
  }

  async read<Row extends pg.QueryResultRow>(text: string, values: unknown[], name?: string): Promise<Row[]> {
    return (await this.#query<Row>({ text, values, name, wrote: false })).rows;
  }

  write(text: string, values: unknown[], name?: string): Promise<pg.QueryResult> {
    return this.#query({ text, values, name, wrote: true });
  }

  /**
   * Repeats a statement until it affects less than a full batch. `values[0]` is the size of a batch. Returns the number
   * of rows affected in all.
   */
  async repeat(text: string, values: [number, ...unknown[]]): Promise<number> {
    for (let sum = 0; ; ) {
      const { rowCount } = await this.write(text, values);
      sum += rowCount ?? 0;
      if ((rowCount ?? 0) < values[0]) return sum;
    }
  }

  async #query<Row extends pg.QueryResultRow>(statement: {
    text: string;
    values: unknown[];
    name?: string;
    wrote: boolean;
  }): Promise<pg.QueryResult<Row>> {
    const { text, values, name, wrote } = statement;
    try {
      return await this.#connections.query<Row>({ name, text, values: [this.#clock.offsetMs / 1000, ...values] });
    } catch (error) {
      throw translatePostgresError(error, { wrote });
    }
  }
}
