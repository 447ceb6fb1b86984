import type { Access } from "../../access/access.ts";
import type { PurgeBound } from "../../storage/data-driver.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import { keptSubscriptions } from "../../storage/undo/kept-subscriptions.ts";
import { intended, type Trace } from "../audit/audit-trail.ts";
import type { OperationContext } from "../context.ts";
import type { QueueAddress } from "../input/addresses.ts";
import { badInput } from "../input/limits.ts";
import { checkToken } from "../input/names.ts";
import type { QueueLookup } from "../lifecycle/queue-lookup.ts";
import type { UndoRecorder } from "../undo/recorder.ts";
import type { UndoRecord } from "../undo/undo.ts";
import { changing } from "./input.ts";

export type PurgeResource = "messages" | "subscriptions";

/** Permission operate. */
export interface QueuePurge {
  /**
   * Removes all messages (claimed ones too), all subscriptions, or both, at once. Default: both. The metadata stays. A
   * crash can leave the messages, and the audit entry "intended".
   *
   * `undo`: how to take it back. See UndoRecorder.
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
  ): Promise<{ messages: number | null; subscriptions: number; undo: UndoRecord | null }>;
}

const PURGE_RESOURCES: readonly PurgeResource[] = ["messages", "subscriptions"];

export function createQueuePurge(
  context: OperationContext,
  parts: { lookup: QueueLookup; recorder: UndoRecorder },
): QueuePurge {
  const { data } = context;
  const { lookup, recorder } = parts;
  return {
    async purge(access, params) {
      const queue = await changing(context, access, "purgeQueue", params);
      const before = checkBound(params.before);
      const resources = checkResources(params.resources, before);
      const idempotencyKey = checkToken("idempotencyKey", params.idempotencyKey) ?? undefined;
      await lookup.attributes(queue);
      const trace: Trace = { access, action: "purgeQueue", project: queue.project, target: queue.name };
      const bound = before === undefined ? {} : { before };
      const purgesMessages =
        resources.includes("messages") && (idempotencyKey !== undefined || !(await isEmptyAgain(context, queue)));
      const purge = async (undoToken: string | undefined) => {
        // First, since removing them again does no harm: an error after the messages are gone would ask for a repeat,
        // which would remove what was posted since.
        const subscriptions = resources.includes("subscriptions") ? await data.subscriptions.deleteAll({ queue }) : 0;
        const { messages } = purgesMessages
          ? await data.messages.purge({ queue, ...bound, idempotencyKey, undoToken })
          : { messages: 0 };
        return { messages, subscriptions };
      };
      const subscriptionsText = resources.includes("subscriptions")
        ? await keptSubscriptions(context.data, queue)
        : null;
      const act = { access, action: "purgeQueue", queue, idempotencyKey, subscriptionsText } as const;
      const record = () => recorder.record(act, purge, ({ messages }) => messages);
      const { result, undo } = await intended(context, trace, { resources, ...bound }, record, ({ result }) => result);
      return { ...result, undo };
    },
  };
}

/**
 * True when nothing is left since an act that can still be taken back. The pool keeps what one purge removed: a second
 * one, such as of a double click, would remove nothing and end the undo of the first.
 */
async function isEmptyAgain({ control, data }: OperationContext, queue: QueueRef): Promise<boolean> {
  const [open] = await control.undos.openOf([queue]);
  if (!open) return false;
  const [stats] = await data.messages.stats([{ ...queue, exhaustedFrom: null }]);
  return stats?.exact === true && stats.total === 0;
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
