import type { Access } from "../access/access.ts";
import type { OperationHealth } from "../storage/data-driver.ts";

export interface PoolHealth {
  pool: string;
  storageReachable: boolean;
  operations: OperationHealth[];
  /** When this was really tried; at most 10 s ago. */
  checkedAt: Date;
}

export interface HealthReport {
  /** pass: all well. warn: something needs attention (a pool, a missing dead letter queue). fail: the control database cannot be reached. */
  status: "pass" | "warn" | "fail";
  control: { reachable: boolean; seconds: number };
  /** The built-in pool first. Empty when the control database cannot say which there are and none was seen before. */
  pools: PoolHealth[];
  /** The last collection in this process; null before the first. */
  gc: { at: Date; seconds: number; messages: number; claims: number; subscriptions: number; queues: number } | null;
  /** For people: what is wrong and what to do. */
  warnings: string[];
}

export interface HealthOperations {
  /** Never throws but FORBIDDEN. Every pool is really tried, at most once per 10 s whoever asks, and a pool that hangs delays the answer by its deadline only. */
  check(access: Access, params: Record<string, never>): Promise<HealthReport>;
  /** Is the control database there? For readiness; cached for a second. Asks for no rights. */
  isReady(): Promise<boolean>;
}
