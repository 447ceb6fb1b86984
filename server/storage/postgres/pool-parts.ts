import type { Arrivals } from "./arrivals.ts";
import type { ClaimEnds } from "./claim-ends.ts";
import type { ClaimStarts } from "./claim-starts.ts";
import type { ExhaustedFronts } from "./exhausted-fronts.ts";
import type { MessageIds } from "./message-id.ts";
import type { PoolQueues } from "./pool-queues.ts";
import type { QueueCounts } from "./queue-counts.ts";
import type { QueueFloors } from "./queue-floors.ts";
import type { Statements } from "./statements.ts";

/** What the controllers of one open pool share. */
export interface PoolParts {
  readonly statements: Statements;
  readonly queues: PoolQueues;
  readonly counts: QueueCounts;
  readonly claimEnds: ClaimEnds;
  readonly claimStarts: ClaimStarts;
  readonly fronts: ExhaustedFronts;
  readonly floors: QueueFloors;
  readonly arrivals: Arrivals;
  readonly ids: MessageIds;
  /** Moves the pool's clock forward, for tests. */
  readonly clock: { offsetMs: number };
}
