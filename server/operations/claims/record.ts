import type { Claim } from "../../storage/data-driver.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";

/** A claim, with the project and queue that it is in. */
export interface ClaimRecord extends Claim {
  project: string;
  queue: string;
}

/** Who holds it: its client id, or else its actor, as consumers are named. Null when neither is known. */
export function holderOf({ clientId, actor }: Pick<Claim, "clientId" | "actor">): string | null {
  return clientId ?? actor;
}

/** Writes into the object, because the driver created it for this call alone. */
export function claimed(queue: QueueRef, claim: Claim): ClaimRecord {
  return Object.assign(claim, { project: queue.project, queue: queue.name });
}
