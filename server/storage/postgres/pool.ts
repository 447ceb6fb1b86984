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

/** What the files of the driver share for one open pool. */
export interface Pool {
  readonly statements: Statements;
  readonly queues: QueueRows;
  readonly counters: Counters;
  readonly reaper: ClaimReaper;
  readonly scanHints: ScanHints;
  readonly exhaustedFronts: ExhaustedFronts;
  readonly byteBounds: ByteBounds;
  readonly lowWater: LowWater;
  readonly arrivals: Arrivals;
  readonly ids: MessageIds;
  /** See MAX_KEPT_POPS_BYTES. */
  readonly keptPopsBytes: number;
}
