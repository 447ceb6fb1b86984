/** The log of the process: one JSON object per line on standard output. */
import { type Logger, pino } from "pino";
import type { Config } from "../config.ts";
import { DomainError, isUnavailable } from "../errors.ts";

export function createLog(config: Pick<Config, "LOG_LEVEL">): Logger {
  return pino({ level: config.LOG_LEVEL, serializers: { err: (error) => describeError(error) } });
}

/** How many causes are followed: an error may be its own cause. */
const MAX_CAUSES = 5;

/**
 * Only these parts of an error are logged: the error of a database carries its connection, with addresses and settings,
 * and perhaps the values that were sent. An unreachable storage has no stack.
 */
export function describeError(error: unknown, depth = 0, isForeseenCause = false): unknown {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  const known = isForeseen(error, isForeseenCause);
  return {
    type: error.name,
    message: error.message,
    ...(typeof code === "string" && { code }),
    ...(!known && { stack: error.stack }),
    ...(error.cause !== undefined && depth < MAX_CAUSES && { cause: describeError(error.cause, depth + 1, known) }),
  };
}

/**
 * An unreachable storage is no defect, so the stack of such an error says nothing. Neither does that of its cause,
 * unless the cause is a defect.
 */
function isForeseen(error: Error, isForeseenCause: boolean): boolean {
  if (error instanceof DomainError) return isUnavailable(error);
  return (
    isForeseenCause && ![TypeError, ReferenceError, RangeError, SyntaxError].some((defect) => error instanceof defect)
  );
}
