/** What is paused: a queue, all queues of a project, or everything. */
export type PauseScope =
  | { readonly scope: "queue"; readonly project: string; readonly queue: string }
  | { readonly scope: "project"; readonly project: string }
  | { readonly scope: "everything" };

/** What is paused gives out no messages. Messages are posted, renewed, released and deleted as always. */
export type Pause = PauseScope & { readonly at: Date; readonly actor: string; readonly reason: string };

/** Pauses that there may be. Each process reads them all once a second while it is asked for messages. */
export const MAX_PAUSES = 1000;

export interface PausesController {
  /** All: everything first, then projects, then queues, by name. */
  list(): Promise<Pause[]>;
  /**
   * Pauses it. What is paused already stays as it is, and that pause is returned. A deleted queue is paused no more.
   * QUEUE_DOES_NOT_EXIST; TOO_LARGE beyond MAX_PAUSES.
   */
  set(scope: PauseScope, by: { actor: string; reason: string }): Promise<{ pause: Pause; created: boolean }>;
  /** Ends the pause, and returns it. Null when there was none of just this scope. */
  end(scope: PauseScope): Promise<Pause | null>;
}
