import { DomainError, STORAGE_FAILURES } from "../../errors.ts";

/**
 * Returns a handler that rethrows a storage failure with the pool's name, which drivers do not know. The error is a new
 * one with the same code, cause and details, because many calls may share one failure. Errors that name a pool already,
 * and errors that are no failures of the storage, are rethrown as they are.
 */
export function addPoolName(pool: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof DomainError) || !STORAGE_FAILURES.has(error.code) || error.details.pool !== undefined)
      throw error;
    throw new DomainError(error.code, `Pool ${JSON.stringify(pool)}: ${error.message}`, {
      details: { ...error.details, pool },
      cause: error.cause,
    });
  };
}
