import { setTimeout as pause } from "node:timers/promises";
import { translatePostgresError } from "./connection.ts";
import type { Statements } from "./statements.ts";
import { inTransaction, type Transaction } from "./transaction.ts";

/** While one session waits for a lock on a whole table, every session that comes later waits behind it. */
const LOCK_TIMEOUT_MS = 100;
const ATTEMPTS = 40;
const PAUSE_MS = 50;
const LOCK_NOT_AVAILABLE = "55P03";
const DEADLOCK_DETECTED = "40P01";

/**
 * Runs `work` in one transaction that gives up a lock that it does not get at once, and starts again a little later,
 * for some seconds: for locks on tables and sequences that hot statements use. DEADLINE_EXCEEDED, and nothing changed,
 * when the store is busy all the time.
 */
export async function withLockTimeout<T>(
  statements: Statements,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await inTransaction(statements, work, `BEGIN; SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (attempt === ATTEMPTS || (code !== LOCK_NOT_AVAILABLE && code !== DEADLOCK_DETECTED)) {
        throw translatePostgresError(error);
      }
    }
    await pause(PAUSE_MS * (0.5 + Math.random()));
  }
}
