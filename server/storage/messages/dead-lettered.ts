/** How a message came to a dead letter queue, the last time. */
export interface DeadLettered {
  /** The name of the queue that it came from, in the same project. */
  queue: string;
  at: Date;
  /** How often it was claimed there. */
  deliveries: number;
  /** The client that claimed it last there. Null when it gave no client id. */
  clientId: string | null;
  /** The last claim that delivered it there. Null after a release. */
  claimId: string | null;
}

/** As drivers keep it: an object with these members, in JSON. `at` is in milliseconds since 1970. */
export type KeptDeadLettered = Omit<DeadLettered, "at"> & { at: number };

export const keptDeadLettered = (from: DeadLettered | null): KeptDeadLettered | null =>
  from === null ? null : { ...from, at: from.at.getTime() };

export const readDeadLettered = (kept: KeptDeadLettered | null): DeadLettered | null =>
  kept === null ? null : { ...kept, at: new Date(kept.at) };
