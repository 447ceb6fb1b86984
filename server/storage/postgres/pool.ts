import type { Arrivals } from "./arrivals.ts";
import type { ClaimEnds } from "./claims/reaper.ts";
import type { ClaimStarts } from "./claims/scan-hints.ts";
import type { QueueFloors } from "./low-water.ts";
import type { ByteBounds } from "./messages/byte-bounds.ts";
import type { QueueCounts } from "./messages/counters.ts";
import type { ExhaustedFronts } from "./messages/exhausted-fronts.ts";
import type { MessageIds } from "./messages/ids.ts";
import type { PoolQueues } from "./queue-rows.ts";
import type { Statements } from "./sql/statements.ts";

/** What the controllers of one open pool share. */
export interface PoolParts {
  readonly statements: Statements;
  readonly queues: PoolQueues;
  readonly counts: QueueCounts;
  readonly claimEnds: ClaimEnds;
  readonly claimStarts: ClaimStarts;
  readonly fronts: ExhaustedFronts;
  readonly bounds: ByteBounds;
  readonly floors: QueueFloors;
  readonly arrivals: Arrivals;
  readonly ids: MessageIds;
  /** Moves the pool's clock forward, for tests. */
  readonly clock: { offsetMs: number };
}
