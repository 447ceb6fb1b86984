import { setTimeout as pause } from "node:timers/promises";
import type pg from "pg";
import { DomainError } from "../../../errors.ts";
import { DRIVER_DEADLINE_MS, tooSlow, WORTH_SENDING_MS } from "../../deadlines/call-deadlines.ts";
import { CallsInFlight } from "../../deadlines/calls-in-flight.ts";
import { tooBusy } from "../../errors/storage-errors.ts";
import { STATEMENT_TIMEOUT_MS, translatePostgresError } from "./connection.ts";
import type { PoolParameters, Statement } from "./statement.ts";

/** Runs the prepared statements of one pool, and translates their errors. */
export class Statements {
  readonly connections: pg.Pool;
  readonly calls = new CallsInFlight();
  readonly pool: PoolParameters;
  /** What each connection was told of the clock. */
  readonly #toldClocks = new WeakMap<pg.ClientBase, number>();

  /** `clock` moves the pool's clock forward, for tests. */
  constructor(connections: pg.Pool, lockSpace: string, clock: { readonly offsetMs: number } = { offsetMs: 0 }) {
    this.connections = connections;
    this.pool = {
      lockSpace,
      get clockOffset() {
        return clock.offsetMs / 1000;
      },
    };
  }

  read<Parameters, Row>(statement: Statement<Parameters, Row>, parameters: NoInfer<Parameters>): Promise<Row[]> {
    const values = statement.valuesOf(parameters, this.pool);
    return this.#run(statement, values, { wrote: false, deadline: performance.now() + DRIVER_DEADLINE_MS });
  }

  /**
   * A connection that breaks after the statement was sent is OUTCOME_UNKNOWN. For RETRY_MS it repeats what PostgreSQL
   * rolled back because others were at work: the victim of a deadlock (messages that moved here from another queue can
   * be locked in another order than by their markers), and what allOrNothing refused.
   */
  async write<Parameters, Row>(statement: Statement<Parameters, Row>, parameters: NoInfer<Parameters>): Promise<Row[]> {
    const values = statement.valuesOf(parameters, this.pool);
    const began = performance.now();
    const options = { wrote: true, deadline: began + DRIVER_DEADLINE_MS };
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#run(statement, values, options);
      } catch (error) {
        if (performance.now() >= began + RETRY_MS || !ROLLED_BACK.has(sqlStateOf(error))) throw error;
      }
      // The second try comes at once. Callers that keep meeting wait at random.
      if (attempt > 1) await pause(Math.random() * attempt * 2);
    }
  }

  /** Triggers see no parameters: they read from the session how far tests have moved the clock. */
  async #tellClock(client: pg.ClientBase): Promise<void> {
    const { clockOffset } = this.pool;
    if (this.#toldClocks.get(client) === clockOffset) return;
    await client.query("SELECT set_config('isimud.clock_offset', $1, false)", [String(clockOffset)]);
    this.#toldClocks.set(client, clockOffset);
  }

  /** The wait for a connection counts: the statement gets the time that is left. */
  async #run<Row>(
    { name, text }: Statement<never, Row>,
    values: unknown[],
    { wrote, deadline }: { wrote: boolean; deadline: number },
  ): Promise<Row[]> {
    this.calls.begin();
    try {
      const client = await this.connections.connect();
      let failure: Error | undefined;
      const left = deadline - performance.now();
      try {
        if (left < WORTH_SENDING_MS) throw tooBusy();
        if (this.pool.clockOffset !== 0) await this.#tellClock(client);
        const result = await client.query({ name, text, values, query_timeout: left } as Query);
        return result.rows as Row[];
      } catch (error) {
        if (error instanceof DomainError) throw error;
        failure = error as Error;
        // A server that is up would have ended the statement itself, had it had the time.
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

/** The message of `pg` when its own time-out is over. */
const TIMED_OUT = "Query read timeout";

/** Its types lack the time-out that `pg` takes with each statement. */
type Query = pg.QueryConfig;

/** Shorter than the driver's deadline. */
const RETRY_MS = 3000;
const DEADLOCK_DETECTED = "40P01";
/** DIVISION_BY_ZERO: what allOrNothing and allThatFit fail with. */
const NOT_WHOLE = "22012";
const ROLLED_BACK: ReadonlySet<unknown> = new Set([DEADLOCK_DETECTED, NOT_WHOLE]);

/**
 * Failures after which a connection is as good as before: others were at work, a lock was not to be had (55P03), a key
 * exists (23505). To keep it saves opening a new one, which costs a look at the timeline too. After any other failure
 * it is closed, as a pool of `pg` does by itself: a plan that no longer fits the tables would fail again and again.
 */
const KEEPS_CONNECTION: ReadonlySet<unknown> = new Set([DEADLOCK_DETECTED, NOT_WHOLE, "55P03", "23505"]);

function sqlStateOf(error: unknown): unknown {
  return (error as { cause?: { code?: unknown } } | undefined)?.cause?.code;
}
