import { setTimeout as pause } from "node:timers/promises";
import { translatePostgresError } from "./connection.ts";
import type { Statements } from "./statements.ts";

/** Whoever wants a lock on a whole table makes everybody behind him wait as long as he waits. */
const LOCK_TIMEOUT_MS = 100;
const ATTEMPTS = 40;
const PAUSE_MS = 50;
const LOCK_NOT_AVAILABLE = "55P03";
const DEADLOCK_DETECTED = "40P01";

/** A transaction's connection. A statement whose answer never comes fails. */
export interface BriefTransaction {
  query<Row>(text: string, values?: readonly unknown[]): Promise<{ rows: Row[] }>;
}

/**
 * Runs `work` in one transaction that gives up a lock that it does not get at once, and begins anew a little later, some seconds long: for locks on
 * tables and sequences that hot statements use. DEADLINE_EXCEEDED, and nothing changed, when the store is busy all the time.
 */
export async function withBriefLocks<T>(
  statements: Statements,
  work: (transaction: BriefTransaction) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await once(statements, work);
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (attempt === ATTEMPTS || (code !== LOCK_NOT_AVAILABLE && code !== DEADLOCK_DETECTED)) {
        throw translatePostgresError(error);
      }
    }
    await pause(PAUSE_MS * (0.5 + Math.random()));
  }
}

async function once<T>(statements: Statements, work: (transaction: BriefTransaction) => Promise<T>): Promise<T> {
  statements.calls.begin();
  try {
    const client = await statements.connections.connect();
    let broken = false;
    const query = async (text: string, values?: readonly unknown[]) =>
      client.query({ text, values: values as unknown[] });
    try {
      await query(`BEGIN; SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
      const result = await work({ query: query as BriefTransaction["query"] });
      await query("COMMIT");
      return result;
    } catch (error) {
      // The connection may be what failed; then there is nothing to roll back.
      broken = await query("ROLLBACK").then(
        () => false,
        () => true,
      );
      throw error;
    } finally {
      client.release(broken);
    }
  } finally {
    statements.calls.end();
  }
}
