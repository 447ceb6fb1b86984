/**
 * What every door may ask for. Each operation takes who asks and what, checks rights, then input against the limits, applies defaults, calls the drivers
 * in an order that a crash cannot spoil, and gives plain records. All errors are DomainErrors; FORBIDDEN, BAD_INPUT and STORAGE_UNAVAILABLE can come from any.
 */
import type { AuditOperations } from "./audit.ts";
import type { CatalogueOperations } from "./catalogue.ts";
import type { ClaimOperations } from "./claims.ts";
import type { FlavorOperations } from "./flavors.ts";
import type { GcOperations } from "./gc.ts";
import type { HealthOperations } from "./health.ts";
import type { HealthHistoryOperations } from "./health-history.ts";
import type { JobOperations } from "./jobs.ts";
import type { KeyValueStoreOperations } from "./key-value-stores.ts";
import type { MessageOperations } from "./messages.ts";
import type { PoolPlacementOperations } from "./pool-facts/placement.ts";
import type { PoolOperations } from "./pools.ts";
import type { ProjectOperations } from "./projects.ts";
import type { QueueOperations } from "./queues.ts";
import type { SubscriptionOperations } from "./subscriptions.ts";

export interface Operations {
  readonly queues: QueueOperations;
  readonly projects: ProjectOperations;
  readonly messages: MessageOperations;
  readonly claims: ClaimOperations;
  readonly subscriptions: SubscriptionOperations;
  readonly pools: PoolOperations;
  readonly poolPlacement: PoolPlacementOperations;
  readonly flavors: FlavorOperations;
  readonly catalogue: CatalogueOperations;
  readonly jobs: JobOperations;
  readonly keyValueStores: KeyValueStoreOperations;
  readonly audit: AuditOperations;
  readonly health: HealthOperations;
  readonly healthHistory: HealthHistoryOperations;
  readonly gc: GcOperations;
  /** Whoever waits for messages is answered with what there is, now and from now on: the server is about to stop. */
  endWaits(): void;
}
