/** Which queues a job goes over. */
import type { Access } from "../../access/access.ts";
import { DomainError } from "../../errors.ts";
import type { MessageAction } from "../../jobs/dry-run.ts";
import type { ControlDriver, Queue, QueueFilter } from "../../storage/control-driver.ts";
import { queueDoesNotExist } from "../../storage/errors/storage-errors.ts";
import { type QueueRef, queueKey } from "../../storage/queue-ref.ts";
import { onlyProject } from "../../storage/where.ts";
import type { OperationContext } from "../context.ts";
import type { ProjectAddress, QueueAddress } from "../input/addresses.ts";
import { badInput, checkBatch } from "../input/limits.ts";
import { chosenQueue, chosenScope } from "../input/names.ts";
import { checkQueueFilter, type QueueFilterInput } from "../input/queue-filter.ts";

/** Exactly one is given. */
export interface QueueScopeInput {
  queue?: QueueAddress | null;
  /** At most MAX_PAGE_SIZE. */
  queues?: readonly QueueAddress[] | null;
  project?: string | null;
  filter?: (ProjectAddress & { allProjects?: boolean | null; queues: QueueFilterInput }) | null;
}

/** The most queues of one job. */
export const MAX_JOB_QUEUES = 1000;

export interface Scope {
  queues: Queue[];
  /** Null for queues of several projects. */
  project: string | null;
  /** The queue's name, when it was named. Else "". */
  target: string;
}

/**
 * The queues that exist now. A redrive over those that are not named goes over dead letter queues alone. BAD_INPUT,
 * FORBIDDEN, QUEUE_DOES_NOT_EXIST for a queue that is named; TOO_LARGE for more than MAX_JOB_QUEUES.
 */
export async function chosenQueues(
  { control, samples, limits }: OperationContext,
  access: Access,
  { kind }: MessageAction,
  scope: QueueScopeInput,
): Promise<Scope> {
  if (scope.queue) {
    const queue = chosenQueue(limits, access, "operate", scope.queue);
    return { queues: [await control.queues.get(queue)], project: queue.project, target: queue.name };
  }
  if (scope.queues) {
    const named = checkBatch(limits, "queues", scope.queues).map((one) => chosenQueue(limits, access, "operate", one));
    return namedQueues(control, named);
  }
  if (!scope.filter && (scope.project === null || scope.project === undefined)) {
    throw badInput("queues", "Say which queues: give exactly one of `queue`, `queues`, `project` and `filter`.");
  }
  const named = scope.filter
    ? { project: scope.filter.project ?? null, allProjects: scope.filter.allProjects === true }
    : { project: scope.project ?? null };
  const projects = chosenScope(limits, access, "operate", named);
  const filter: QueueFilter = {
    ...(kind === "redriveMessages" ? { isDeadLetterQueue: true } : {}),
    ...(scope.filter ? await checkQueueFilter(limits, scope.filter.queues, samples.now) : {}),
  };
  const { items, nextMarker } = await control.queues.list({
    projects,
    page: { limit: MAX_JOB_QUEUES },
    filter,
  });
  if (nextMarker !== null) {
    throw new DomainError(
      "TOO_LARGE",
      `A job may go over at most ${MAX_JOB_QUEUES} queues, and more fit. Narrow them, such as by how their names begin.`,
      { details: { field: "queues", maximum: MAX_JOB_QUEUES } },
    );
  }
  return { queues: items, project: onlyProject(projects), target: "" };
}

async function namedQueues(control: ControlDriver, named: readonly QueueRef[]): Promise<Scope> {
  const wanted = [...new Map(named.map((queue) => [queueKey(queue), queue])).values()];
  const [first] = wanted;
  if (first === undefined) throw badInput("queues", "Name at least one queue.");
  const queues = await control.queues.getMany(wanted);
  const found = new Set(queues.map(queueKey));
  const missing = wanted.find((queue) => !found.has(queueKey(queue)));
  if (missing !== undefined) throw queueDoesNotExist(missing);
  const isOfOne = wanted.every(({ project }) => project === first.project);
  return { queues, project: isOfOne ? first.project : null, target: wanted.length === 1 ? first.name : "" };
}
