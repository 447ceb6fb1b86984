import type { Limits, Retention } from "../config.ts";
import type { HealthHistory } from "../history/history.ts";
import type { JobStore } from "../jobs/job.ts";
import type { KeyValueStores } from "../kvs/stores.ts";
import type { ControlDriver } from "../storage/control-driver.ts";
import type { PooledDataDriver } from "../storage/data-driver.ts";

/** What every operation works with. Built once by createOperations. */
export interface OperationContext {
  readonly control: ControlDriver;
  readonly data: PooledDataDriver;
  readonly stores: KeyValueStores;
  readonly jobs: JobStore;
  readonly history: HealthHistory;
  readonly limits: Limits & Retention;
  /** Milliseconds that only ever grow, for ages of what this process remembers. The data itself goes by the database's clock. */
  readonly now: () => number;
  /** For what went wrong behind an answer that is nevertheless right. Never bodies or URIs. */
  readonly warn: (message: string, error: unknown) => void;
  /** For what is well again. Left out: nobody hears it. */
  readonly info?: (message: string) => void;
}
