import type { Access } from "../../access/access.ts";
import type { Trace } from "../audit/audit-trail.ts";
import type { OperationContext } from "../context.ts";
import type { QueueAddress } from "../input/addresses.ts";
import { type AttributeChanges, attributeChanges, naming } from "../input/attribute-changes.ts";
import { badInput } from "../input/limits.ts";
import { checkMetadata, type MetadataChange, patchedMetadata } from "../input/queue-metadata.ts";
import { refuseUnknownAttributes, unknownAttributes } from "../input/unknown-attributes.ts";
import type { JobOperations } from "../jobs/jobs.ts";
import { createMetadataChanges, type MetadataRules } from "../lifecycle/metadata-changes.ts";
import type { QueueLifecycle } from "../lifecycle/queue-lifecycle.ts";
import { orIfMissing, type QueueLookup } from "../lifecycle/queue-lookup.ts";
import { type QueueRecord, queueRecord } from "../lifecycle/queue-record.ts";
import type { UndoRecord } from "../undo/undo.ts";
import { changing } from "./input.ts";

/** Permission operate. */
export interface QueueWrites {
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
   * queue again if it is created again. `deleted` is 0 when there was no such queue; `undo`: how to take it back. After
   * a crash the queue is deleted or not; garbage collection frees what is left in the pool.
   */
  delete(access: Access, params: QueueAddress): Promise<{ deleted: number; undo: UndoRecord | null }>;
}

const MAX_CHANGES = 1000;

export function createQueueWrites(
  context: OperationContext,
  parts: { lookup: QueueLookup; lifecycle: QueueLifecycle; jobs: Pick<JobOperations, "followFlavor"> },
): QueueWrites {
  const { control, limits } = context;
  const { lifecycle } = parts;
  const metadataChanges = createMetadataChanges(context, parts);
  return {
    async create(access, params) {
      const queue = await changing(context, access, "createQueue", params);
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
          const trace: Trace = { access, action: "createQueue", project: queue.project, target: queue.name };
          const replaced = await orIfMissing<QueueRecord | null>(
            () => metadataChanges.apply(queue, trace, params, () => metadata),
            () => null,
          );
          if (replaced !== null) return { queue: replaced, created };
        }
        // Missing: another caller has deleted it just now, so it is created again.
      }
    },

    async delete(access, params) {
      const queue = await changing(context, access, "deleteQueue", params);
      const { existed, undo } = await lifecycle.delete(access, queue);
      return { deleted: existed ? 1 : 0, undo };
    },

    async setMetadata(access, params) {
      const queue = await changing(context, access, "updateQueueMetadata", params);
      const after = checkMetadata(limits, queue.name, params.metadataText);
      const trace: Trace = { access, action: "updateQueueMetadata", project: queue.project, target: queue.name };
      return metadataChanges.apply(queue, trace, params, () => after);
    },

    async patchMetadata(access, params) {
      const queue = await changing(context, access, "patchQueueMetadata", params);
      if (!Array.isArray(params.changes) || params.changes.length > MAX_CHANGES) {
        throw badInput("changes", `changes must be a list of at most ${MAX_CHANGES}.`, {
          ...(Array.isArray(params.changes) ? { value: params.changes.length } : {}),
          maximum: MAX_CHANGES,
        });
      }
      const trace: Trace = { access, action: "patchQueueMetadata", project: queue.project, target: queue.name };
      return metadataChanges.apply(queue, trace, params, (before) =>
        patchedMetadata(limits, queue.name, before.text, params.changes),
      );
    },

    async setAttributes(access, params) {
      const queue = await changing(context, access, "updateQueueAttributes", params);
      const changes = attributeChanges(params.attributes);
      if (changes.length === 0) throw badInput("attributes", "Give at least one attribute to change.");
      const trace: Trace = { access, action: "updateQueueAttributes", project: queue.project, target: queue.name };
      return naming(() =>
        metadataChanges.apply(queue, trace, {}, (before) => patchedMetadata(limits, queue.name, before.text, changes)),
      );
    },
  };
}
