/** The process's log: one JSON object a line on standard output. */
import { type Logger, pino } from "pino";
import type { Config } from "../config.ts";
import { DomainError } from "../errors.ts";

export function createLog(config: Pick<Config, "LOG_LEVEL">): Logger {
  return pino({ level: config.LOG_LEVEL, serializers: { err: (error) => describeError(error) } });
}

/** How deep a chain of causes is followed: an error may cause itself. */
const DEEPEST_CAUSE = 5;

/**
 * An error without what hangs on it: a database's error carries its connection, with addresses and settings, and
 * perhaps the values that were sent. Without a stack when a storage is away.
 */
export function describeError(error: unknown, depth = 0, foreseen = false): unknown {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  const known = isForeseen(error, foreseen);
  return {
    type: error.name,
    message: error.message,
    ...(typeof code === "string" && { code }),
    ...(!known && { stack: error.stack }),
    ...(error.cause !== undefined && depth < DEEPEST_CAUSE && { cause: describeError(error.cause, depth + 1, known) }),
  };
}

/** That a storage is away is no defect, and where that was met says nothing, nor does what it is caused by unless that is one. */
function isForeseen(error: Error, cause: boolean): boolean {
  if (error instanceof DomainError) return error.kind === "unavailable";
  return cause && ![TypeError, ReferenceError, RangeError, SyntaxError].some((defect) => error instanceof defect);
}
