import { DomainError } from "../errors.ts";

/**
 * What a call about many gives for one of them: what a call about that one alone would return, or the DomainError that
 * it would throw.
 */
export type BatchResult<T> = T | DomainError;

export async function resultOf<T>(work: Promise<T>): Promise<BatchResult<T>> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
}
