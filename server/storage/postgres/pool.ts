import type { Arrivals } from "./arrivals.ts";
import type { ClaimReaper } from "./claims/reaper.ts";
import type { ScanHints } from "./claims/scan-hints.ts";
import type { LowWater } from "./low-water.ts";
import type { ByteBounds } from "./messages/byte-bounds.ts";
import type { Counters } from "./messages/counters.ts";
import type { ExhaustedFronts } from "./messages/exhausted-fronts.ts";
import type { MessageIds } from "./messages/ids.ts";
import type { QueueRows } from "./queue-rows.ts";
import type { Statements } from "./sql/statements.ts";

/** What the controllers of one open pool share. */
export interface Pool {
  readonly statements: Statements;
  readonly queues: QueueRows;
  readonly counts: Counters;
  readonly reaper: ClaimReaper;
  readonly scanHints: ScanHints;
  readonly fronts: ExhaustedFronts;
  readonly bounds: ByteBounds;
  readonly floors: LowWater;
  readonly arrivals: Arrivals;
  readonly ids: MessageIds;
  /** Moves the pool's clock forward, for tests. */
  readonly clock: { offsetMs: number };
}
