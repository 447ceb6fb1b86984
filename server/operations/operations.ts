/**
 * Everything that doors may call. An operation takes who is asking and what for. It checks rights, then the input
 * against the limits, and applies defaults. It calls the drivers in an order that a crash at any point does not spoil,
 * and returns plain records. All errors are DomainErrors. Any operation can fail with FORBIDDEN, BAD_INPUT and
 * STORAGE_UNAVAILABLE.
 */
import type { AuditOperations } from "./audit/audit.ts";
import type { BatchReadOperations } from "./batch-reads.ts";
import type { BodyOperations } from "./bodies/bodies.ts";
import type { CatalogueOperations } from "./catalogue/catalogue.ts";
import type { ClaimOperations } from "./claims/claims.ts";
import type { ConsumerOperations } from "./consumers.ts";
import type { DryRunOperations } from "./dry-runs/dry-runs.ts";
import type { FlavorOperations } from "./flavors.ts";
import type { GcOperations } from "./gc.ts";
import type { HealthOperations } from "./health/health.ts";
import type { HealthHistoryOperations } from "./health/health-history.ts";
import type { JobOperations } from "./jobs/jobs.ts";
import type { KeyValueStoreOperations } from "./key-value-stores/key-value-stores.ts";
import type { MessageOperations } from "./messages/messages.ts";
import type { MetricsOperations } from "./metrics.ts";
import type { PauseOperations } from "./pauses/pauses.ts";
import type { PeopleOperations } from "./people/people.ts";
import type { PoolPlacementOperations } from "./pool-facts/placement.ts";
import type { PoolOperations } from "./pools/pools.ts";
import type { ExplanationOperations } from "./problems/explanations.ts";
import type { ProblemRounds } from "./problems/problem-rounds.ts";
import type { ProblemOperations } from "./problems/problems.ts";
import type { ProjectOperations } from "./projects.ts";
import type { QueueOperations } from "./queues/queues.ts";
import type { ReadOnlyOperations } from "./read-only/read-only.ts";
import type { QueueSampling } from "./samples/queue-sampling.ts";
import type { SampleOperations } from "./samples/samples.ts";
import type { SettingsFileOperations } from "./settings-file/settings-file.ts";
import type { SubscriptionOperations } from "./subscriptions/subscriptions.ts";
import type { TokenOperations } from "./tokens.ts";
import type { UndoOperations } from "./undo/undo.ts";
import type { VerdictOperations } from "./verdicts.ts";

export interface Operations {
  readonly queues: QueueOperations;
  readonly projects: ProjectOperations;
  readonly bodies: BodyOperations;
  readonly messages: MessageOperations;
  readonly claims: ClaimOperations;
  readonly consumers: ConsumerOperations;
  readonly subscriptions: SubscriptionOperations;
  readonly batch: BatchReadOperations;
  readonly pools: PoolOperations;
  readonly poolPlacement: PoolPlacementOperations;
  readonly flavors: FlavorOperations;
  readonly catalogue: CatalogueOperations;
  readonly jobs: JobOperations;
  readonly pauses: PauseOperations;
  readonly dryRuns: DryRunOperations;
  readonly keyValueStores: KeyValueStoreOperations;
  readonly people: PeopleOperations;
  readonly tokens: TokenOperations;
  readonly audit: AuditOperations;
  readonly settingsFile: SettingsFileOperations;
  readonly health: HealthOperations;
  readonly healthHistory: HealthHistoryOperations;
  readonly samples: SampleOperations;
  readonly problems: ProblemOperations;
  readonly problemRounds: ProblemRounds;
  readonly explanations: ExplanationOperations;
  readonly queueSampling: QueueSampling;
  readonly metrics: MetricsOperations;
  readonly readOnly: ReadOnlyOperations;
  readonly undo: UndoOperations;
  readonly verdicts: VerdictOperations;
  readonly gc: GcOperations;
  /** For shutdown. Calls that wait for messages return at once with what there is, and later calls do not wait. */
  endWaits(): void;
}
