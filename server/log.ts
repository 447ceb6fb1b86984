/** The process's log: one JSON object a line on standard output. */
import { type Logger, pino } from "pino";
import type { Config } from "./config.ts";

export function createLog(config: Pick<Config, "LOG_LEVEL">): Logger {
  return pino({ level: config.LOG_LEVEL, serializers: { err: describeError } });
}

/** How deep a chain of causes is followed: an error may cause itself. */
const DEEPEST_CAUSE = 5;

/**
 * An error without what hangs on it: a database's error carries its connection, with addresses and settings, and
 * perhaps the values that were sent.
 */
export function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    message: error.message,
    ...(typeof code === "string" && { code }),
    stack: error.stack,
    ...(error.cause !== undefined && depth < DEEPEST_CAUSE && { cause: describeError(error.cause, depth + 1) }),
  };
}
