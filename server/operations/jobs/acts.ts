/** What a job does with a batch of messages, once for each action. */
import { randomUUID } from "node:crypto";
import { hasCode } from "../../errors.ts";
import type { MessageAction } from "../../jobs/dry-run.ts";
import type { LeftWhy } from "../../jobs/job.ts";
import type { Message } from "../../storage/data-driver.ts";
import { type QueueRef, queueKey } from "../../storage/queue-ref.ts";
import type { OperationContext } from "../context.ts";
import type { Destinations, Transfer } from "./destinations.ts";
import type { BegunTransfer, Run } from "./run.ts";

/** How many messages it acted on, and why it left each of the others. One that is gone meanwhile is neither. */
export interface Acted {
  done: number;
  left: LeftWhy[];
}
export type Act = (messages: readonly Message[]) => Promise<Acted>;

interface Acts {
  act(action: MessageAction, queue: QueueRef, messages: readonly Message[], run: Run): Promise<Acted>;
  /** Finishes what a dead process had begun in this queue. */
  finish(action: MessageAction, queue: QueueRef, run: Run): Promise<void>;
}

export function createActs({ data }: OperationContext, { destinations }: { destinations: Destinations }): Acts {
  async function remove(queue: QueueRef, messages: readonly Message[], force: boolean): Promise<Acted> {
    const ids = messages.map(({ id }) => id);
    const { deleted, left } = await data.messages.bulkDelete({ queue, ids, claimed: force ? "delete" : "spare" });
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
    for (const group of Map.groupBy(going, ({ to }) => queueKey(to)).values()) {
      const ids = group.map(({ id }) => id);
      const { to } = group[0] as (typeof going)[number];
      const begun = { key: randomUUID(), to, ids };
      await run.begin(begun);
      const moved = await carryOut(action, from, begun, run);
      acted.done += moved.length;
      const gone = new Set(moved);
      const stayed = ids.filter((id) => !gone.has(id));
      // Claimed since they were read, or gone.
      const there = stayed.length === 0 ? [] : await data.messages.bulkGet({ queue: from, ids: stayed });
      acted.left.push(...repeated("claimed", there.length));
    }
    return acted;
  }

  /** Returns what moved. The run has counted it. */
  async function carryOut(action: Transfer, from: QueueRef, begun: BegunTransfer, run: Run): Promise<string[]> {
    const { key: idempotencyKey, to, ids } = begun;
    const as = action.kind === "redriveMessages" ? "redrive" : "move";
    const { ttlSeconds } = action;
    const moved = await run.progress.patiently(() =>
      data.messages.transfer({ from, to, ids, claimId: null, as, ttlSeconds, idempotencyKey }),
    );
    run.finish(moved.length);
    return moved;
  }

  return {
    act(action, queue, messages, run) {
      const { progress } = run;
      switch (action.kind) {
        case "deleteMessages":
          return progress.patiently(() => remove(queue, messages, action.force));
        case "releaseClaims":
          return progress.patiently(() => release(queue, messages, action.delaySeconds));
        case "redriveMessages":
        case "moveMessages":
          return transfer(action, queue, messages, run);
        case "purgeQueues":
          throw new Error("A purge takes whole queues.");
      }
    },

    async finish(action, queue, run) {
      const isTransfer = action.kind === "redriveMessages" || action.kind === "moveMessages";
      if (isTransfer && run.begun !== null) await carryOut(action, queue, run.begun, run);
    },
  };
}

const repeated = (why: LeftWhy, times: number): LeftWhy[] => Array.from({ length: times }, () => why);

/** The messages that the error names as claimed by others. Throws any other error. */
function claimedByOthers(error: unknown): Set<string> {
  const ids = hasCode(error, "MESSAGE_NOT_CLAIMED_BY") ? error.details.messageIds : undefined;
  if (!Array.isArray(ids) || ids.length === 0) throw error;
  return new Set(ids as string[]);
}
