import { type Access, requireRole } from "../access/access.ts";
import { DomainError, withDetails } from "../errors.ts";
import type { BatchResult } from "../storage/batch-result.ts";
import type { QueueOrder } from "../storage/control-driver.ts";
import type { PurgeBound, QueueStats } from "../storage/data-driver.ts";
import type { Page } from "../storage/list-pages.ts";
import { type QueueRef, queueKey } from "../storage/queue-ref.ts";
import { intended, permitted } from "./audit-trail.ts";
import type { OperationContext } from "./context.ts";
import type { PageParams, ProjectAddress, QueueAddress } from "./input/addresses.ts";
import { type AttributeChanges, attributeChanges, naming } from "./input/attribute-changes.ts";
import { badInput, checkBatch, pageRequest } from "./input/limits.ts";
import { checkToken, chosenProject, chosenQueue, chosenScope, isNameMarker } from "./input/names.ts";
import type { ReservedAttributes } from "./input/queue-attributes.ts";
import { checkQueueFilter, type QueueFilterInput } from "./input/queue-filter.ts";
import { checkMetadata, type MetadataChange, patchedMetadata, readMetadata } from "./input/queue-metadata.ts";
import { refuseUnknownAttributes, unknownAttributes } from "./input/unknown-attributes.ts";
import { readVisible } from "./input/visible.ts";
import type { JobOperations } from "./jobs.ts";
import type { DeadLetters } from "./lifecycle/dead-letters.ts";
import { createMetadataChanges, type MetadataRules } from "./lifecycle/metadata-changes.ts";
import type { QueueLifecycle } from "./lifecycle/queue-lifecycle.ts";
import { orIfMissing, type QueueLookup } from "./lifecycle/queue-lookup.ts";
import { type QueueRecord, queueRecord } from "./lifecycle/queue-record.ts";
import { type StatsChange, StatsWatch } from "./live/stats-watch.ts";
import type { Ticker } from "./live/ticker.ts";

export interface ListedQueue extends QueueRecord {
  /** Null when not asked for, or as `statsMany` has it; the error of a queue whose pool fails. */
  stats: BatchResult<QueueStats | null>;
}

/** Which queues are listed. */
export interface QueueScope extends ProjectAddress {
  allProjects?: boolean;
  filter?: QueueFilterInput | null;
}

export type PurgeResource = "messages" | "subscriptions";

/** Reading needs the role viewer, changing operator. */
export interface QueueOperations {
  /**
   * Creates a queue. If it exists, `created` is false, and `metadataText` is only checked; with `replaceMetadata` it
   * becomes the queue's metadata, as with `setMetadata`. Of two calls at once, one gets `created` true. After a crash
   * the queue exists as a whole or not at all; the call may be repeated. BAD_INPUT, TOO_LARGE, FLAVOR_DOES_NOT_EXIST,
   * NO_POOL_FOUND, NOT_SUPPORTED.
   */
  create(
    access: Access,
    params: QueueAddress & MetadataRules & { metadataText?: string | null; replaceMetadata?: boolean },
  ): Promise<{ queue: QueueRecord; created: boolean }>;
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
   * A page of one project's queues, or with `allProjects` of all that the caller may see (needs an unlimited caller or
   * one with a single project). `detailed` adds the metadata, `withStats` the statistics of this page's queues, with
   * one call to each pool.
   */
  list(
    access: Access,
    params: QueueScope & PageParams & { orderBy?: QueueOrder; detailed?: boolean; withStats?: boolean },
  ): Promise<Page<ListedQueue>>;
  /** Counts the queues that `list` would list. Exact up to 10,000. */
  count(access: Access, params: QueueScope): Promise<{ value: number; exact: boolean }>;
  /** Counts the queues of each project, in the order given, with one statement. At most MAX_PAGE_SIZE projects. */
  countByProjects(
    access: Access,
    params: { projects: readonly string[] },
  ): Promise<{ value: number; exact: boolean }[]>;
  /**
   * Replaces all metadata. A change of `_flavor` moves the queue: see MetadataChanges. BAD_INPUT, TOO_LARGE,
   * QUEUE_DOES_NOT_EXIST, FLAVOR_DOES_NOT_EXIST, NO_POOL_FOUND, NOT_SUPPORTED.
   */
  setMetadata(access: Access, params: QueueAddress & MetadataRules & { metadataText: string }): Promise<QueueRecord>;
  /**
   * Changes top-level keys in the order given, all or none. Changes by several callers at once are all kept. The values
   * of other keys stay exactly as they are. `_flavor` and errors as for `setMetadata`.
   */
  patchMetadata(
    access: Access,
    params: QueueAddress & MetadataRules & { changes: readonly MetadataChange[] },
  ): Promise<QueueRecord>;
  /**
   * Changes the reserved attributes that are given, all or none; null resets one to its default. BAD_INPUT when none is
   * given. Else as `patchMetadata`.
   */
  setAttributes(access: Access, params: QueueAddress & { attributes: AttributeChanges }): Promise<QueueRecord>;
  /**
   * Deletes the queue with its messages and claims, at once. Its subscriptions stay in its pool, and belong to the
   * queue again if it is created again. `deleted` is 0 when there was no such queue. After a crash the queue is
   * deleted or not; garbage collection frees what is left in the pool.
   */
  delete(access: Access, params: QueueAddress): Promise<{ deleted: number }>;
  /**
   * Removes all messages (claimed ones too), all subscriptions, or both, at once. Default: both. The metadata stays. A
   * crash can leave the subscriptions, and the audit entry "intended".
   *
   * With `before`, removes only messages, those before that bound: see MessageController.purge. BAD_INPUT together with
   * subscriptions. `messages` is how many were removed, null when that is not known.
   *
   * With an `idempotencyKey`, a repeat within a day removes no messages that were posted since the first call. It
   * removes subscriptions each time. BAD_INPUT, QUEUE_DOES_NOT_EXIST, IDEMPOTENCY_KEY_REUSED.
   */
  purge(
    access: Access,
    params: QueueAddress & {
      resources?: readonly PurgeResource[] | null;
      before?: { marker?: string | null; time?: Date | null } | null;
      idempotencyKey?: string | null;
    },
  ): Promise<{ messages: number | null; subscriptions: number }>;
  /** Counts the queue's messages by state. QUEUE_DOES_NOT_EXIST, QUEUE_NOT_MAPPED, and the errors of its pool. */
  stats(access: Access, params: QueueAddress): Promise<QueueStats>;
  /**
   * In the order asked. Null for a queue that does not exist or is not in the catalogue; the error of a queue whose
   * pool fails. One call to each pool. At most MAX_PAGE_SIZE.
   */
  statsMany(access: Access, params: { queues: readonly QueueAddress[] }): Promise<BatchResult<QueueStats | null>[]>;
  /**
   * Yields the statistics of each queue now, then each change, at most once a second for each queue. All watchers of a
   * queue share one poll; without watchers there is none. A slow reader gets the latest statistics, not every change.
   * Ends when `signal` aborts. The call itself throws FORBIDDEN and BAD_INPUT.
   */
  watchStats(
    access: Access,
    params: { queues: readonly QueueAddress[]; signal: AbortSignal },
  ): AsyncIterableIterator<StatsChange>;
}

const MAX_CHANGES = 1000;
const BY_NAME: QueueOrder = { field: "name", direction: "asc" };
const PURGE_RESOURCES: readonly PurgeResource[] = ["messages", "subscriptions"];

export function createQueueOperations(
  context: OperationContext,
  parts: {
    lookup: QueueLookup;
    lifecycle: QueueLifecycle;
    ticker: Ticker;
    jobs: Pick<JobOperations, "followFlavor">;
    deadLetters: Pick<DeadLetters, "counted">;
  },
): QueueOperations {
  const { control, data, limits } = context;
  const { lookup, lifecycle, jobs, deadLetters } = parts;
  const metadataChanges = createMetadataChanges(context, { lookup, jobs });
  const watch = new StatsWatch({ ticker: parts.ticker, read: statsOf, batch: limits.MAX_PAGE_SIZE });

  async function statsOf(queues: readonly QueueRef[]): Promise<(QueueStats | null)[]> {
    return data.messages.stats(await deadLetters.counted(queues, await lookup.find(queues)));
  }

  async function tryStatsOf(
    queues: readonly QueueRef[],
    attributes?: readonly ReservedAttributes[],
  ): Promise<BatchResult<QueueStats | null>[]> {
    const results = await data.tryStats(await deadLetters.counted(queues, attributes ?? (await lookup.find(queues))));
    return results.map((result, index) => {
      const { project, name } = queues[index] as QueueRef;
      return withDetails(result, { project, queue: name });
    });
  }

  function chosenMany(access: Access, queues: readonly QueueAddress[]): QueueRef[] {
    requireRole(access, "viewer");
    return checkBatch(limits, "queues", queues).map((queue) => chosenQueue(limits, access, queue));
  }

  /** Checks the role operator and the queue's name. FORBIDDEN is audited as a refusal. */
  function changing(access: Access, action: string, params: QueueAddress): Promise<QueueRef> {
    const trace = { access, action, project: params.project ?? null, target: String(params.queue) };
    return permitted(context, trace, "operator", () => chosenQueue(limits, access, params));
  }

  return {
    async create(access, params) {
      const queue = await changing(access, "createQueue", params);
      const metadata = checkMetadata(limits, queue.name, params.metadataText ?? "{}");
      const unknown = unknownAttributes(metadata.text);
      if (params.strict === true && unknown.size > 0) {
        const [existing] = await control.queues.getMany([queue]);
        refuseUnknownAttributes(unknown, existing?.metadataText ?? "{}");
      }
      for (;;) {
        const created = await lifecycle.create(access, queue, metadata);
        const [record] = await control.queues.getMany([queue]);
        if (record !== undefined && (created || params.replaceMetadata !== true)) {
          return { queue: queueRecord(limits, record), created };
        }
        if (record !== undefined) {
          const trace = { access, action: "createQueue", project: queue.project, target: queue.name };
          const replaced = await orIfMissing<QueueRecord | null>(
            () => metadataChanges.apply(queue, trace, params, () => metadata),
            () => null,
          );
          if (replaced !== null) return { queue: replaced, created };
        }
        // Missing: another caller has deleted it just now, so it is created again.
      }
    },

    async get(access, params) {
      requireRole(access, "viewer");
      return queueRecord(limits, await control.queues.get(chosenQueue(limits, access, params)));
    },

    async getMany(access, { queues }) {
      requireRole(access, "viewer");
      const found = await readVisible(checkBatch(limits, "queues", queues), {
        choose: (queue) => chosenQueue(limits, access, queue),
        read: (wanted) => control.queues.getMany(wanted),
        keyOf: queueKey,
        foundKeyOf: queueKey,
      });
      return found.map((queue) => queue && queueRecord(limits, queue));
    },

    async exists(access, params) {
      requireRole(access, "viewer");
      return control.queues.exists(chosenQueue(limits, access, params));
    },

    async list(access, params) {
      requireRole(access, "viewer");
      const project = chosenScope(limits, access, params);
      const { orderBy = BY_NAME, detailed = false, withStats = false } = params;
      // In other orders a marker is more than a name, and the driver checks it.
      const isMarker = orderBy.field === "name" && project !== undefined ? isNameMarker : undefined;
      const page = await control.queues.list({
        ...(project === undefined ? {} : { project }),
        page: pageRequest(limits, params.page, isMarker),
        filter: checkQueueFilter(limits, params.filter),
        orderBy,
        // The statistics need the metadata: it says from which claim count messages are exhausted.
        detailed: detailed || withStats,
      });
      const metadata = detailed || withStats ? page.items.map((queue) => readMetadata(limits, queue.metadataText)) : [];
      const attributes = metadata.map(({ effective }) => effective);
      const stats = withStats ? await tryStatsOf(page.items, attributes) : [];
      const items = page.items.map((queue, index) => ({
        ...queueRecord(limits, queue, detailed ? metadata[index] : null),
        stats: stats[index] ?? null,
      }));
      return { ...page, items };
    },

    async count(access, params) {
      requireRole(access, "viewer");
      const project = chosenScope(limits, access, params);
      const filter = checkQueueFilter(limits, params.filter);
      return control.queues.count({ ...(project === undefined ? {} : { project }), filter });
    },

    async countByProjects(access, { projects }) {
      requireRole(access, "viewer");
      const chosenOnes = checkBatch(limits, "projects", projects);
      return control.queues.countByProjects(chosenOnes.map((project) => chosenProject(limits, access, project)));
    },

    async setMetadata(access, params) {
      const queue = await changing(access, "updateQueueMetadata", params);
      const after = checkMetadata(limits, queue.name, params.metadataText);
      const trace = { access, action: "updateQueueMetadata", project: queue.project, target: queue.name };
      return metadataChanges.apply(queue, trace, params, () => after);
    },

    async patchMetadata(access, params) {
      const queue = await changing(access, "patchQueueMetadata", params);
      if (!Array.isArray(params.changes) || params.changes.length > MAX_CHANGES) {
        throw badInput("changes", `changes must be a list of at most ${MAX_CHANGES}.`, {
          ...(Array.isArray(params.changes) ? { value: params.changes.length } : {}),
          maximum: MAX_CHANGES,
        });
      }
      const trace = { access, action: "patchQueueMetadata", project: queue.project, target: queue.name };
      return metadataChanges.apply(queue, trace, params, (before) =>
        patchedMetadata(limits, queue.name, before.text, params.changes),
      );
    },

    async setAttributes(access, params) {
      const queue = await changing(access, "updateQueueAttributes", params);
      const changes = attributeChanges(params.attributes);
      if (changes.length === 0) throw badInput("attributes", "Give at least one attribute to change.");
      const trace = { access, action: "updateQueueAttributes", project: queue.project, target: queue.name };
      return naming(() =>
        metadataChanges.apply(queue, trace, {}, (before) => patchedMetadata(limits, queue.name, before.text, changes)),
      );
    },

    async delete(access, params) {
      const queue = await changing(access, "deleteQueue", params);
      return { deleted: (await lifecycle.delete(access, queue)) ? 1 : 0 };
    },

    async purge(access, params) {
      const queue = await changing(access, "purgeQueue", params);
      const before = checkBound(params.before);
      const resources = checkResources(params.resources, before);
      const idempotencyKey = checkToken("idempotencyKey", params.idempotencyKey) ?? undefined;
      await lookup.attributes(queue);
      const trace = { access, action: "purgeQueue", project: queue.project, target: queue.name };
      const bound = before === undefined ? {} : { before };
      const purge = async () => {
        const { messages } = resources.includes("messages")
          ? await data.messages.purge({ queue, ...bound, ...(idempotencyKey ? { idempotencyKey } : {}) })
          : { messages: 0 };
        const subscriptions = resources.includes("subscriptions") ? await data.subscriptions.deleteAll({ queue }) : 0;
        return { messages, subscriptions };
      };
      return intended(context, trace, { resources, ...bound }, purge, (purged) => purged);
    },

    async stats(access, params) {
      requireRole(access, "viewer");
      const queue = chosenQueue(limits, access, params);
      await lookup.attributes(queue);
      const [stats] = await statsOf([queue]);
      if (stats !== undefined && stats !== null) return stats;
      if (await control.queues.exists(queue)) await control.catalogue.get(queue);
      throw queueDoesNotExist(queue);
    },

    async statsMany(access, { queues }) {
      return tryStatsOf(chosenMany(access, queues));
    },

    watchStats(access, { queues, signal }) {
      return watch.watch(chosenMany(access, queues), signal);
    },
  };
}

/** Null is refused, because it would remove everything where a caller lost the bound. */
function checkBound(before: { marker?: string | null; time?: Date | null } | null | undefined): PurgeBound | undefined {
  if (before === undefined) return undefined;
  const { marker = null, time = null } = before ?? {};
  if ((marker === null) === (time === null)) {
    throw badInput("before", "Give `before` either a marker or a time, or leave it out to remove all messages.");
  }
  if (time !== null) return { time };
  if (!isMarker(marker as string)) {
    throw badInput("before.marker", "before.marker must be a message's marker, which is a number as text.");
  }
  return { marker: marker as string };
}

const isMarker = (text: string) => /^\d{1,19}$/.test(text) && BigInt(text) < 1n << 63n;

/** The default is all that the purge may remove. */
function checkResources(
  resources: readonly PurgeResource[] | null | undefined,
  before: PurgeBound | undefined,
): readonly PurgeResource[] {
  if (resources === undefined || resources === null) return before === undefined ? PURGE_RESOURCES : ["messages"];
  if (before !== undefined && Array.isArray(resources) && resources.includes("subscriptions")) {
    throw badInput("resources", "`before` is about messages. Leave it out to remove subscriptions.");
  }
  if (!Array.isArray(resources) || resources.some((resource) => !PURGE_RESOURCES.includes(resource))) {
    throw badInput("resources", `resources must be a list out of ${PURGE_RESOURCES.join(" and ")}.`);
  }
  return resources;
}

function queueDoesNotExist(queue: QueueRef): DomainError {
  return new DomainError(
    "QUEUE_DOES_NOT_EXIST",
    `Queue ${queue.name} does not exist in this project. Create it first.`,
    {
      details: { project: queue.project, queue: queue.name },
    },
  );
}
