/** Pools as callers see them: those that are registered, and the built-in one. */
import { DomainError } from "../../errors.ts";
import type { Pool } from "../../storage/control-driver.ts";
import { DEFAULT_POOL } from "../../storage/data-driver.ts";

export interface PoolRecord {
  name: string;
  /** True for the pool "default": it is the control database itself, and cannot be changed or deleted. */
  builtIn: boolean;
  /** The URI with its password masked. Null for the built-in pool, and for callers who may not see where pools are. */
  maskedUri: string | null;
  /**
   * The share of new queues that the pool gets. 0: none. Null for the built-in pool, which gets a queue only when no
   * registered pool fits.
   */
  weight: number | null;
  flavor: string | null;
  /** JSON text of an object. */
  optionsText: string;
  createdAt: Date | null;
  updatedAt: Date | null;
}

export const DEFAULT_RECORD: PoolRecord = {
  name: DEFAULT_POOL,
  builtIn: true,
  maskedUri: null,
  weight: null,
  flavor: null,
  optionsText: "{}",
  createdAt: null,
  updatedAt: null,
};

export function toRecord(pool: Pool): PoolRecord {
  const { name, maskedUri, weight, flavor, optionsText, createdAt, updatedAt } = pool;
  return { name, builtIn: false, maskedUri, weight, flavor, optionsText, createdAt, updatedAt };
}

/** For the audit log, without the options: they may hold anything. */
export function summary({ maskedUri, weight, flavor }: Pool): Record<string, unknown> {
  return { uri: maskedUri, weight, flavor };
}

export function builtIn(what: string): DomainError {
  return new DomainError(
    "NOT_SUPPORTED",
    `The pool ${DEFAULT_POOL} is the control database itself and cannot be ${what}.`,
    {
      details: { pool: DEFAULT_POOL },
    },
  );
}
