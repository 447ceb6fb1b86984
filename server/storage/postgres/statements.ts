import { setTimeout as pause } from "node:timers/promises";
import type pg from "pg";
import { CallsInFlight } from "../calls-in-flight.ts";
import { outcomeUnknown, translatePostgresError } from "./connection.ts";

/** A statement that PostgreSQL plans once per connection. Its parameters are positional. */
export interface Statement {
  name: string;
  text: string;
}

/** Runs prepared statements on a pool and translates their errors. */
export class Statements {
  readonly connections: pg.Pool;
  readonly calls = new CallsInFlight();
  /** Added to a queue's id it is the queue's advisory lock: two pools may share a database, apart by schema. */
  readonly lockSpace: string;

  constructor(connections: pg.Pool, lockSpace: string) {
    this.connections = connections;
    this.lockSpace = lockSpace;
  }

  read<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    return this.#run(statement, values, false);
  }

  /**
   * A connection that breaks after this was sent is OUTCOME_UNKNOWN. What met others' work and was rolled back is sent again: the victim of a
   * deadlock (messages that moved here from another queue can be locked in another order than by their markers), and what was not done whole.
   */
  write<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    return this.#again(() => this.#run<Row>(statement, values, true));
  }

  /**
   * As `write`, for a statement with `commitEarly` that is told to: its locks are free, and others see what it did, before the log is on disk. The
   * rows come then, and nobody outside may hear of them before `durable`: a crash until then takes everything back, and `durable` fails with OUTCOME_UNKNOWN.
   */
  writeEarly<Row>(statement: Statement, values: readonly unknown[]): Promise<Committed<Row>> {
    return this.#again(() => this.#runEarly<Row>(statement, values));
  }

  async #again<Result>(run: () => Promise<Result>): Promise<Result> {
    const until = performance.now() + RETRY_MS;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await run();
      } catch (error) {
        if (performance.now() >= until || !ROLLED_BACK.has(sqlStateOf(error))) throw error;
      }
      // The first again at once; those who keep meeting step out of each other's way.
      if (attempt > 1) await pause(Math.random() * attempt * 2);
    }
  }

  async #runEarly<Row>(statement: Statement, values: readonly unknown[]): Promise<Committed<Row>> {
    this.calls.begin();
    let durable: Promise<void> | null = null;
    try {
      const client = await this.connections.connect();
      // Both are on their way before the first has an answer.
      const executed = client.query({ ...statement, values: values as unknown[] });
      durable = client.query({ ...FLUSH }).then(
        () => client.release(),
        (error: unknown) => {
          client.release(true);
          throw outcomeUnknown(error);
        },
      );
      return { rows: (await executed).rows as Row[], durable };
    } catch (error) {
      throw translatePostgresError(error, { wrote: true });
    } finally {
      // Whoever waits for it hears how it ended.
      void Promise.allSettled([durable]).then(() => this.calls.end());
    }
  }

  async #run<Row>(statement: Statement, values: readonly unknown[], wrote: boolean): Promise<Row[]> {
    this.calls.begin();
    try {
      const result = await this.connections.query({ ...statement, values: values as unknown[] });
      return result.rows as Row[];
    } catch (error) {
      throw translatePostgresError(error, { wrote });
    } finally {
      this.calls.end();
    }
  }
}

/** What a statement did that others see already. */
export interface Committed<Row> {
  rows: Row[];
  durable: Promise<void>;
}

/**
 * A transaction of nothing but its commit, which ends when the log is on disk up to there. It goes out with the statement that committed early, on the
 * same connection: a session does not outlive a crash of its server, so that it answers means that what it followed is not lost.
 */
const FLUSH: Statement = { name: "log_flush", text: "SELECT pg_logical_emit_message(true, 'isimud', '')" };

/** In milliseconds; the driver's deadline is longer. */
const RETRY_MS = 3000;
const DEADLOCK_DETECTED = "40P01";
const NOT_WHOLE = "22012";
const ROLLED_BACK: ReadonlySet<unknown> = new Set([DEADLOCK_DETECTED, NOT_WHOLE]);

function sqlStateOf(error: unknown): unknown {
  return (error as { cause?: { code?: unknown } } | undefined)?.cause?.code;
}

/**
 * The first of a statement's CTEs: the one clock. `offset` is the number of the parameter that moves it, in seconds, which only tests do.
 * `after` names a CTE that must be done first, so that a time is never older than the lock it was read under.
 */
export function clockCte(offset: number, after?: string): string {
  const from = after === undefined ? "" : ` FROM (SELECT count(*) FROM ${after}) AS done`;
  return `clock AS MATERIALIZED (SELECT clock_timestamp() + make_interval(secs => $${offset}::float8) AS now${from})`;
}

/**
 * An expression that lets the statement's transaction commit without waiting for the disk, when the parameter says so. Somewhere it must be evaluated
 * once at least, when the statement does anything. Not where replicas have a say: what only they lack is on disk here, and `FLUSHED` could not tell.
 */
export const commitEarly = (parameter: number): string =>
  `CASE WHEN $${parameter}::boolean AND current_setting('synchronous_standby_names') = '' THEN set_config('synchronous_commit', 'off', true) END`;

/**
 * A column for statements whose rows outlive a crash in somebody's hands: a reader that pages by marker, a copy in another store, what this process
 * remembers of a queue. Their snapshot may hold what was committed early and is not on disk yet; a crash would take that back and give its markers
 * to other messages, which the reader would then never see. So where the log is ahead of the disk, the statement ends with a flush.
 */
export const FLUSHED = `CASE WHEN pg_is_in_recovery() THEN NULL
          WHEN pg_current_wal_flush_lsn() < pg_current_wal_insert_lsn() THEN pg_logical_emit_message(true, 'isimud', '') END AS flushed`;

/** As `clockCte`, for statements that need `FLUSHED`, and refer to `clock`: one that nobody refers to is never evaluated. */
export function durableClockCte(offset: number): string {
  return `clock AS MATERIALIZED (SELECT clock_timestamp() + make_interval(secs => $${offset}::float8) AS now, ${FLUSHED})`;
}

/**
 * A column that lets the statement fail, and change nothing, unless two counts agree: of the rows that were locked, and of those that were then changed.
 *
 * Hazard: a row is locked in its latest version, but a place is looked up in the statement's snapshot. A row that somebody changed between
 * the snapshot and the lock is not found by its place; the next try sees it. It is rare, and a search by key for each row would cost everybody.
 */
export function allOrNothing(changed: string, locked: string): string {
  return `1 / CASE WHEN (${changed}) = (${locked}) THEN 1 ELSE 0 END AS whole`;
}

/** A moment as whole milliseconds since 1970: JavaScript reads a number faster than a timestamp, and PostgreSQL prints a whole one faster. */
export function milliseconds(expression: string): string {
  return `floor(date_part('epoch', ${expression}) * 1000)`;
}

/** Whether one parameter can stand for all: requests that come together mostly ask for the same, and a statement costs by what it has to set up. */
export const alike = (values: readonly unknown[]): boolean => values.every((value) => value === values[0]);
