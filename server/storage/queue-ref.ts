/**
 * A queue of a project. `project` "" is Zaqar's "no project" and a project of its own.
 * `epoch`, when given, must be that of the store's row for the queue, else the call affects nothing and is
 * QUEUE_EPOCH_STALE (QUEUE_IS_MOVING while it is on its way to another store). The pooling driver fills it from the catalogue; callers above leave it out.
 */
export interface QueueRef {
  readonly project: string;
  readonly name: string;
  readonly epoch?: number;
}
