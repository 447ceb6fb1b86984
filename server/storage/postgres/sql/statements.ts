import { setTimeout as pause } from "node:timers/promises";
import type pg from "pg";
import { DomainError } from "../../../errors.ts";
import { DRIVER_DEADLINE_MS, tooBusy, tooSlow, WORTH_SENDING_MS } from "../../call-deadlines.ts";
import { CallsInFlight } from "../../calls-in-flight.ts";
import { STATEMENT_TIMEOUT_MS, translatePostgresError } from "./connection.ts";

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
    return this.#run(statement, values, { wrote: false, deadline: performance.now() + DRIVER_DEADLINE_MS });
  }

  /**
   * A connection that breaks after this was sent is OUTCOME_UNKNOWN. What met others' work and was rolled back is sent again: the victim of a
   * deadlock (messages that moved here from another queue can be locked in another order than by their markers), and what was not done whole.
   */
  async write<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    const began = performance.now();
    const options = { wrote: true, deadline: began + DRIVER_DEADLINE_MS };
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#run<Row>(statement, values, options);
      } catch (error) {
        if (performance.now() >= began + RETRY_MS || !ROLLED_BACK.has(sqlStateOf(error))) throw error;
      }
      // The first again at once; those who keep meeting step out of each other's way.
      if (attempt > 1) await pause(Math.random() * attempt * 2);
    }
  }

  /** Waiting for a connection counts: what is left of the time is the statement's. */
  async #run<Row>(
    statement: Statement,
    values: readonly unknown[],
    { wrote, deadline }: { wrote: boolean; deadline: number },
  ): Promise<Row[]> {
    this.calls.begin();
    try {
      const client = await this.connections.connect();
      let failure: Error | undefined;
      const left = deadline - performance.now();
      try {
        if (left < WORTH_SENDING_MS) throw tooBusy();
        const result = await client.query({ ...statement, values: values as unknown[], query_timeout: left } as Query);
        return result.rows as Row[];
      } catch (error) {
        if (error instanceof DomainError) throw error;
        failure = error as Error;
        // A server that lives would have ended the statement itself, had it had the time.
        throw left < STATEMENT_TIMEOUT_MS && failure.message === TIMED_OUT ? tooSlow({ wrote }) : error;
      } finally {
        client.release(
          failure !== undefined && KEEPS_CONNECTION.has((failure as { code?: unknown }).code) ? undefined : failure,
        );
      }
    } catch (error) {
      throw translatePostgresError(error, { wrote });
    } finally {
      this.calls.end();
    }
  }
}

/** What `pg` says when its own time-out is over. */
const TIMED_OUT = "Query read timeout";

/** Its types lack the time-out that `pg` takes with each statement. */
type Query = pg.QueryConfig;

/** In milliseconds; the driver's deadline is longer. */
const RETRY_MS = 3000;
const DEADLOCK_DETECTED = "40P01";
const NOT_WHOLE = "22012";
const ROLLED_BACK: ReadonlySet<unknown> = new Set([DEADLOCK_DETECTED, NOT_WHOLE]);

/**
 * What a statement may meet on a connection that is as good as before: others' work, a lock that it did not get, a key
 * that is there. A new one costs a look at the timeline too. After anything else it is closed, as a pool does by
 * itself: a plan that no longer fits the tables would fail again and again.
 */
const KEEPS_CONNECTION: ReadonlySet<unknown> = new Set([DEADLOCK_DETECTED, NOT_WHOLE, "55P03", "23505"]);

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
 * A column that lets the statement fail, and change nothing, unless two counts agree: of the rows that were locked, and of those that were then changed.
 *
 * Hazard: a row is locked in its latest version, but a place is looked up in the statement's snapshot. A row that somebody changed between
 * the snapshot and the lock is not found by its place; the next try sees it. It is rare, and a search by key for each row would cost everybody.
 */
export function allOrNothing(changed: string, locked: string): string {
  return `1 / CASE WHEN (${changed}) = (${locked}) THEN 1 ELSE 0 END AS whole`;
}

/**
 * The same for a statement that leaves some of the rows that it locked as they are, since their bodies would pass its
 * bound: those that do not `fit`. Gives how many were locked, so that the caller knows whether there were more than it
 * gets.
 */
export function allThatFit(changed: string, locked: string): string {
  return `(SELECT count(*)::int / CASE WHEN count(*) FILTER (WHERE l.fits) = (SELECT count(*) FROM ${changed}) THEN 1 ELSE 0 END FROM ${locked} l) AS locked`;
}

/** A moment as whole milliseconds since 1970: JavaScript reads a number faster than a timestamp, and PostgreSQL prints a whole one faster. */
export function milliseconds(expression: string): string {
  return `floor(date_part('epoch', ${expression}) * 1000)`;
}

/** Whether one parameter can stand for all: requests that come together mostly ask for the same, and a statement costs by what it has to set up. */
export const alike = (values: readonly unknown[]): boolean => values.every((value) => value === values[0]);
