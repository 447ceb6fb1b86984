import { type Access, requirePermission } from "../../access/access.ts";
import type { BatchResult } from "../../storage/batch-result.ts";
import type { QueueOrder } from "../../storage/control-driver.ts";
import type { Page } from "../../storage/list-pages.ts";
import { queueKey } from "../../storage/queue-ref.ts";
import type { QueueStats } from "../../storage/queue-stats.ts";
import { onlyProject } from "../../storage/where.ts";
import type { OperationContext } from "../context.ts";
import type { PageParams, ProjectAddress, QueueAddress } from "../input/addresses.ts";
import { checkBatch, pageRequest } from "../input/limits.ts";
import { chosenProject, chosenQueue, chosenScope, isNameMarker } from "../input/names.ts";
import { checkQueueFilter, type QueueFilterInput } from "../input/queue-filter.ts";
import { readMetadata } from "../input/queue-metadata.ts";
import { readVisible } from "../input/visible.ts";
import { type QueueRecord, queueRecord } from "../lifecycle/queue-record.ts";
import { type StatsParts, tryStatsOf } from "./statistics.ts";

export interface ListedQueue extends QueueRecord {
  /** Null when not asked for, or as `statsMany` has it; the error of a queue whose pool fails. */
  stats: BatchResult<QueueStats | null>;
}

/** Which queues are listed. */
export interface QueueScope extends ProjectAddress {
  allProjects?: boolean;
  filter?: QueueFilterInput | null;
}

/** Permission read. */
export interface QueueReads {
  /** The queue with its metadata. QUEUE_DOES_NOT_EXIST. */
  get(access: Access, params: QueueAddress): Promise<QueueRecord>;
  /**
   * In the order asked, null for a missing queue and for one that the caller may not see. One statement for all. At
   * most MAX_PAGE_SIZE.
   */
  getMany(access: Access, params: { queues: readonly QueueAddress[] }): Promise<(QueueRecord | null)[]>;
  /** True when the queue's record exists, whatever its pool says. */
  exists(access: Access, params: QueueAddress): Promise<boolean>;
  /**
   * A page of one project's queues, or with `allProjects` of all that the caller may see. `detailed` adds the metadata,
   * `withStats` the statistics of this page's queues, with one call to each pool.
   */
  list(
    access: Access,
    params: QueueScope & PageParams & { orderBy?: QueueOrder; detailed?: boolean; withStats?: boolean },
  ): Promise<Page<ListedQueue>>;
  /**
   * For each queue the names of those whose dead letter queue it is, ascending, at most MAX_DEAD_LETTER_SOURCES. In the
   * order asked, with one statement. At most MAX_PAGE_SIZE queues.
   */
  deadLetterSources(access: Access, params: { queues: readonly QueueAddress[] }): Promise<string[][]>;
  /** Counts the queues that `list` would list. Exact up to 10,000. */
  count(access: Access, params: QueueScope): Promise<{ value: number; exact: boolean }>;
  /** Counts the queues of each project, in the order given, with one statement. At most MAX_PAGE_SIZE projects. */
  countByProjects(
    access: Access,
    params: { projects: readonly string[] },
  ): Promise<{ value: number; exact: boolean }[]>;
}

/** Of the queues that use one dead letter queue, so many are named. */
export const MAX_DEAD_LETTER_SOURCES = 100;

const BY_NAME: QueueOrder = { field: "name", direction: "asc" };

export function createQueueReads(context: OperationContext, parts: StatsParts): QueueReads {
  const { control, samples, limits } = context;
  return {
    async get(access, params) {
      requirePermission(access, "read");
      return queueRecord(limits, await control.queues.get(chosenQueue(limits, access, "read", params)));
    },

    async getMany(access, { queues }) {
      requirePermission(access, "read");
      const found = await readVisible(checkBatch(limits, "queues", queues), {
        choose: (queue) => chosenQueue(limits, access, "read", queue),
        read: (wanted) => control.queues.getMany(wanted),
        keyOf: queueKey,
        foundKeyOf: queueKey,
      });
      return found.map((queue) => queue && queueRecord(limits, queue));
    },

    async exists(access, params) {
      requirePermission(access, "read");
      return control.queues.exists(chosenQueue(limits, access, "read", params));
    },

    async list(access, params) {
      requirePermission(access, "read");
      const projects = chosenScope(limits, access, "read", params);
      const { orderBy = BY_NAME, detailed = false, withStats = false } = params;
      // In other orders a marker is more than a name, and the driver checks it.
      const isMarker = orderBy.field === "name" && onlyProject(projects) !== null ? isNameMarker : undefined;
      const page = await control.queues.list({
        projects,
        page: pageRequest(limits, params.page, isMarker),
        filter: await checkQueueFilter(limits, params.filter, samples.now),
        orderBy,
        // The statistics need the metadata: it says from which claim count messages are exhausted.
        detailed: detailed || withStats,
      });
      const metadata = detailed || withStats ? page.items.map((queue) => readMetadata(limits, queue.metadataText)) : [];
      const attributes = metadata.map(({ effective }) => effective);
      const stats = withStats ? await tryStatsOf(context, parts, page.items, attributes) : [];
      const items = page.items.map((queue, index) => ({
        ...queueRecord(limits, queue, detailed ? metadata[index] : null),
        stats: stats[index] ?? null,
      }));
      return { ...page, items };
    },

    async deadLetterSources(access, { queues }) {
      requirePermission(access, "read");
      const chosen = checkBatch(limits, "queues", queues).map((queue) => chosenQueue(limits, access, "read", queue));
      return control.queues.listByDeadLetterQueues({ queues: chosen, limit: MAX_DEAD_LETTER_SOURCES });
    },

    async count(access, params) {
      requirePermission(access, "read");
      const projects = chosenScope(limits, access, "read", params);
      const filter = await checkQueueFilter(limits, params.filter, samples.now);
      return control.queues.count({ projects, filter });
    },

    async countByProjects(access, { projects }) {
      requirePermission(access, "read");
      const chosenOnes = checkBatch(limits, "projects", projects);
      return control.queues.countByProjects(
        chosenOnes.map((project) => chosenProject(limits, access, "read", project)),
      );
    },
  };
}
