/** What a job does with a batch of messages, once for each action. */
import { hasCode } from "../../errors.ts";
import type { MessageAction } from "../../jobs/dry-run.ts";
import type { LeftWhy } from "../../jobs/job.ts";
import type { Message, MessageController } from "../../storage/data-driver.ts";
import { type QueueRef, queueKey } from "../../storage/queue-ref.ts";
import type { OperationContext } from "../context.ts";
import { type Destinations, namedTarget, type Transfer } from "./destinations.ts";
import type { JobDeletes } from "./job-deletes.ts";
import type { BegunTransfer, Run } from "./run.ts";

/** How many messages it acted on, and why it left each of the others. One that is gone meanwhile is neither. */
export interface Acted {
  done: number;
  left: LeftWhy[];
}
export interface Acts {
  act(action: MessageAction, queue: QueueRef, messages: readonly Message[], run: Run): Promise<Acted>;
  /** Finishes what a former holder of the job has begun. `left` is told by the next look at these messages, too. */
  finish(action: MessageAction, queue: QueueRef, run: Run): Promise<Acted>;
}

export function createActs(
  { data }: OperationContext,
  { destinations, deletes }: { destinations: Destinations; deletes: JobDeletes },
): Acts {
  async function remove(queue: QueueRef, messages: readonly Message[], force: boolean, run: Run): Promise<Acted> {
    const ids = messages.map(({ id }) => id);
    const { deleted, left } = await deletes.bulkDelete(run, { queue, ids, claimed: force ? "delete" : "spare" });
    return { done: deleted, left: repeated("claimed", left.length) };
  }

  async function release(queue: QueueRef, messages: readonly Message[], delaySeconds: number): Promise<Acted> {
    const acted: Acted = { done: 0, left: [] };
    const byClaim = Map.groupBy(messages, ({ claim }) => claim?.id ?? "");
    for (const [claimId, held] of byClaim) {
      let ids = held.map(({ id }) => id);
      let released: number | null = null;
      while (released === null) {
        try {
          released = ids.length === 0 ? 0 : await data.claims.releaseMessages({ queue, claimId, ids, delaySeconds });
        } catch (error) {
          // Another consumer has claimed some since they were read.
          const taken = claimedByOthers(error);
          ids = ids.filter((id) => !taken.has(id));
        }
      }
      acted.done += released;
      acted.left.push(...repeated("claimed", held.length - ids.length));
      acted.left.push(...repeated("notClaimed", ids.length - released));
    }
    return acted;
  }

  async function transfer(action: Transfer, from: QueueRef, messages: readonly Message[], run: Run): Promise<Acted> {
    const free = messages.filter(({ claim }) => claim === null);
    const acted: Acted = { done: 0, left: repeated("claimed", messages.length - free.length) };
    const routes = await run.progress.patiently(() => destinations(action, from, free));
    for (const { why } of routes) if (why !== null) acted.left.push(why);
    const going = routes.flatMap(({ message, to, why }) =>
      why === null && to !== null ? [{ id: message.id, to }] : [],
    );
    const groups = Map.groupBy(going, ({ to }) => queueKey(to)).values();
    const transfers = Array.from(groups, (group) => ({
      to: (group[0] as (typeof going)[number]).to,
      ids: group.map(({ id }) => id),
    }));
    if (transfers.length === 0) return acted;
    await run.begin(from, transfers);
    const { done, left } = await finish(action, from, run);
    return { done, left: [...acted.left, ...left] };
  }

  /**
   * Does the transfers that have begun, also when the job was cancelled meanwhile: between two pools a message that was
   * copied must be deleted before its hold ends. Where that fails, gc does them: see settle-transfers.ts.
   */
  async function finish(action: MessageAction, from: QueueRef, run: Run): Promise<Acted> {
    const acted: Acted = { done: 0, left: [] };
    if (action.kind !== "redriveMessages" && action.kind !== "moveMessages") return acted;
    for (const begun of run.begunFrom(from)) {
      const { to, ids } = begun;
      try {
        const moved = await run.progress.atLast(() => data.messages.transfer(transferOf(action, begun)));
        acted.done += moved.length;
        acted.left.push(...repeated("claimed", await run.progress.atLast(() => stillThere(from, ids, moved))));
      } catch (error) {
        if (namedTarget(action, from) !== null || !isMissing(error, to)) throw error;
        acted.left.push(...repeated("sourceMissing", ids.length));
      }
    }
    return acted;
  }

  /** How many were claimed since they were read; the others are gone. */
  async function stillThere(queue: QueueRef, ids: readonly string[], moved: readonly string[]): Promise<number> {
    const gone = new Set(moved);
    const stayed = ids.filter((id) => !gone.has(id));
    return stayed.length === 0 ? 0 : (await data.messages.bulkGet({ queue, ids: stayed })).length;
  }

  return {
    finish,
    act(action, queue, messages, run) {
      const { progress } = run;
      switch (action.kind) {
        case "deleteMessages":
          return progress.patiently(() => remove(queue, messages, action.force, run));
        case "releaseClaims":
          return progress.patiently(() => release(queue, messages, action.delaySeconds));
        case "redriveMessages":
        case "moveMessages":
          return transfer(action, queue, messages, run);
        case "purgeQueues":
          throw new Error("A purge takes whole queues.");
      }
    },
  };
}

/** A repeat finishes what the first call began. */
export function transferOf(
  action: Transfer,
  { from, to, ids, key }: BegunTransfer,
): Parameters<MessageController["transfer"]>[0] {
  const as = action.kind === "redriveMessages" ? "redrive" : "move";
  return { from, to, ids, claimId: null, as, ttlSeconds: action.ttlSeconds, idempotencyKey: key };
}

/** True when the error says that this queue is gone, and not one of the same name in another project. */
export const isMissing = (error: unknown, { project, name }: QueueRef): boolean =>
  (hasCode(error, "QUEUE_DOES_NOT_EXIST") || hasCode(error, "QUEUE_NOT_MAPPED")) &&
  (error.details.project === undefined || error.details.project === project) &&
  (error.details.queue === undefined || error.details.queue === name);

const repeated = (why: LeftWhy, times: number): LeftWhy[] => Array.from({ length: times }, () => why);

/** The messages that the error names as claimed by others. Throws any other error. */
function claimedByOthers(error: unknown): Set<string> {
  const ids = hasCode(error, "MESSAGE_NOT_CLAIMED_BY") ? error.details.messageIds : undefined;
  if (!Array.isArray(ids) || ids.length === 0) throw error;
  return new Set(ids as string[]);
}
