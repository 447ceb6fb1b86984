/**
 * A queue of a project. Project "" is Zaqar's "no project", and a project of its own.
 *
 * `epoch` is the number of one life of the queue in a store. With an epoch, a call that meets another life changes
 * nothing and fails with QUEUE_EPOCH_STALE, or with QUEUE_IS_MOVING while a move has frozen the queue. Only the pooling
 * driver sets it, from the catalogue; its callers leave it out.
 */
export interface QueueRef {
  readonly project: string;
  readonly name: string;
  readonly epoch?: number;
}

/** A key for maps and caches. The length in front keeps ("a", "bc") and ("ab", "c") different. */
export function queueKey({ project, name }: QueueRef): string {
  return `${project.length}:${project}${name}`;
}
