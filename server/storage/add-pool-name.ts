import { DomainError, STORAGE_FAILURES } from "../errors.ts";

/**
 * Throws what a pool failed with, and says which pool: drivers do not know their names. As a new error, for one failure may be that of many calls,
 * with the same code, cause and details. What names a pool already, and what a pool refuses, is thrown as it is.
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
