import type { PresentAccess } from "../access/present-access.ts";
import type { AccountSettings, Config, Limits, Retention } from "../config.ts";
import type { ConsumerStore } from "../history/consumer.ts";
import type { HealthHistory } from "../history/health-history.ts";
import type { SampleStore } from "../history/sample-history.ts";
import type { DryRunStore } from "../jobs/dry-run.ts";
import type { JobStore } from "../jobs/job.ts";
import type { KeyValueStores } from "../kvs/stores.ts";
import type { ProblemStore } from "../problems/problem.ts";
import type { ControlDriver } from "../storage/control-driver.ts";
import type { PooledDataDriver } from "../storage/pooled-data-driver.ts";

/** What every operation works with. Built once in each process. */
export interface OperationContext {
  readonly control: ControlDriver;
  readonly data: PooledDataDriver;
  readonly stores: KeyValueStores;
  readonly jobs: JobStore;
  readonly dryRuns: DryRunStore;
  readonly history: HealthHistory;
  readonly samples: SampleStore;
  readonly consumers: ConsumerStore;
  readonly problems: ProblemStore;
  readonly accounts: {
    readonly config: AccountSettings;
    /** The time by which sessions and links end. */
    readonly now: () => Date;
  };
  readonly limits: Limits & Retention & Pick<Config, "GC_INTERVAL" | "UNDO_SECONDS" | "TOKEN_REQUESTS_PER_SECOND">;
  /** What the asker of a job may do now. */
  readonly presentAccess: PresentAccess;
  /**
   * Milliseconds that only grow, for the ages of what this process caches. What is stored expires by the database's
   * clock.
   */
  readonly now: () => number;
  /** Logs a failure that does not change the answer. Never with message bodies or URIs. */
  readonly warn: (message: string, error: unknown) => void;
  /** Logs a recovery. Left out: recoveries are not logged. */
  readonly info?: (message: string) => void;
}
