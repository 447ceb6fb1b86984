/**
 * Moving queues between pools, across the control plane and both of them. Each attempt has a record with a lease in the control database before
 * anything else happens, so that after a crash at any point whoever finds the record knows what to undo or to finish.
 */
import { randomUUID } from "node:crypto";
import { DomainError } from "../../errors.ts";
import type { QueueMove } from "../../storage/control-driver.ts";
import { DEFAULT_POOL } from "../../storage/data-driver.ts";
import {
  finishMove,
  type MovePlace,
  type MoveReport,
  moveQueue,
  thawMove,
  undoMove,
} from "../../storage/queue-move.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import type { Transaction } from "../audit-trail.ts";
import type { OperationContext } from "../context.ts";
import { orIfMissing } from "./queue-lookup.ts";

/** Long enough for a process that is busy, since a copy that was taken over begins anew. */
const LEASE_SECONDS = 6;
/**
 * Nobody can use a queue that is frozen, so it is not so for long when its mover dies: four heartbeats, and a second
 * until somebody looks.
 */
const FROZEN_LEASE_SECONDS = 2;
const RENEW_EVERY_MS = 500;
const LAPSED_AT_A_TIME = 20;

export interface QueueMoves {
  /**
   * Moves the queue, with all that belongs to it, while it is used. Null when it is there already. `commit` adds to the transaction that maps it to the
   * target. QUEUE_NOT_MAPPED, POOL_DOES_NOT_EXIST, QUEUE_IS_MOVING when somebody else moves it at this time, NOT_SUPPORTED, and what the pools say;
   * then it lifecycle on where it was. `checkpoint` is called between batches, and throws to give the move up.
   */
  move(params: {
    queue: QueueRef;
    target: string;
    commit?: (tx: Transaction, move: QueueMove) => Promise<void>;
    checkpoint?: (messages: number) => void | Promise<void>;
  }): Promise<MoveReport | null>;
  /** Undoes or finishes what movers left who are not heard of any more. Safe at any time, by many at once. Gives how many it ended. */
  recover(): Promise<number>;
}

export function createQueueMoves(
  context: Pick<OperationContext, "control" | "data" | "warn">,
  holder: string = randomUUID(),
): QueueMoves {
  const { control, data } = context;
  /** Attempts of this process that have not ended, by their epoch. A record of another is what one of them left. */
  const underWay = new Set<number>();
  /** Pools whose queues are being recovered, one after another. One that hangs holds up only its own. */
  const recovering = new Set<string>();

  async function placeOf(pool: string): Promise<MovePlace> {
    return { pool, driver: await data.pool(pool) };
  }

  async function partsOf(move: QueueMove) {
    const [source, target] = await Promise.all([placeOf(move.source), placeOf(move.target)]);
    const { project, queue: name, sourceEpoch, epoch } = move;
    return { source, target, project, name, sourceEpoch, epoch };
  }

  /** Brings an attempt to its end that is ours now. */
  async function settle(move: QueueMove): Promise<void> {
    const { project, queue: name, sourceEpoch, epoch } = move;
    const source = await placeOf(move.source);
    if (move.phase === "switched") await finishMove({ source, project, name, sourceEpoch });
    else {
      // The source comes first, and must be undone; a target that is gone keeps nobody waiting.
      await thawMove({ source, project, name, sourceEpoch, epoch });
      await placeOf(move.target)
        .then((target) => undoMove({ source, target, project, name, sourceEpoch, epoch }))
        .catch((error: unknown) =>
          context.warn(`What a move brought to the pool ${move.target} is still there`, error),
        );
    }
    await control.moveLedger.end(move);
    await data.forgetQueue({ project, name });
  }

  /** Of an attempt that was taken over and ended: what it has done in the pools since then. */
  async function giveUp(move: QueueMove): Promise<void> {
    await undoMove(await partsOf(move));
  }

  /** True when there is nothing left of it. `own`: whatever its lease says. */
  async function recoverOne(found: QueueMove, own = false): Promise<boolean> {
    const move = await control.moveLedger.takeOver({ move: found, holder, leaseSeconds: LEASE_SECONDS, own });
    if (move === null) return false;
    await settle(move);
    return true;
  }

  /** All of one source. Gives how many it ended. */
  async function recoverFrom(source: string, lapsed: readonly QueueMove[]): Promise<number> {
    if (recovering.has(source)) return 0;
    recovering.add(source);
    let ended = 0;
    for (const found of lapsed) {
      try {
        if (await recoverOne(found)) ended += 1;
      } catch (error) {
        context.warn("A move that was left could not be ended yet", error);
      }
    }
    recovering.delete(source);
    return ended;
  }

  async function begin(queue: QueueRef, target: string): Promise<QueueMove | null> {
    for (let attempt = 1; ; attempt += 1) {
      const move = await control.moveLedger.begin({ queue, target, holder, leaseSeconds: LEASE_SECONDS });
      if (move !== null) return move;
      const entry = await control.catalogue.get(queue);
      const found = await control.moveLedger.find(queue);
      if (found === null && entry.pool === target) return null;
      // Of a mover that died, perhaps, or what an attempt of ours could not take back; one who lifecycle keeps it.
      const ended = found !== null && !underWay.has(found.epoch) && (await recoverOne(found, found.holder === holder));
      if (attempt === 3 || (found !== null && !ended)) throw isMoving(queue);
    }
  }

  /** Two names of one store: a queue that arrived would end the life that it came from. */
  async function requireTwoStores(queue: QueueRef, target: string): Promise<void> {
    const { pool } = await control.catalogue.get(queue);
    if (pool === target) return;
    const [from, to] = await Promise.all([data.pool(pool), data.pool(target)]);
    if (from.identity === to.identity) throw isSameStore(pool, target);
  }

  async function mapTo(
    move: QueueMove,
    exists: boolean,
    commit: (tx: Transaction, move: QueueMove) => Promise<void>,
  ): Promise<void> {
    const queue = { project: move.project, name: move.queue };
    await control.transaction(async (tx) => {
      // Locks the queue's record: it is neither deleted nor mapped by another meanwhile.
      if ((await isThere(tx, queue)) !== exists || !(await tx.moveLedger.switch(move))) throw changed(queue);
      // Once mapped, the entry keeps its pool from being deleted; so this look is the last word.
      if (move.target !== DEFAULT_POOL) await tx.pools.get(move.target);
      await commit(tx, move);
    });
  }

  return {
    async move({ queue, target, commit = async () => undefined, checkpoint = () => undefined }) {
      await data.pool(target);
      await requireTwoStores(queue, target);
      const move = await begin({ project: queue.project, name: queue.name }, target);
      if (move === null) return null;
      underWay.add(move.epoch);
      let leaseSeconds = LEASE_SECONDS;
      let lost = false;
      let renewals = 0;
      const renew = async () => {
        renewals += 1;
        try {
          lost ||= !(await control.moveLedger.renew({ move, leaseSeconds }));
        } finally {
          renewals -= 1;
        }
      };
      const renewing = setInterval(() => {
        if (renewals > 0) return;
        renew().catch((error: unknown) => context.warn("The lease of a move could not be renewed", error));
      }, RENEW_EVERY_MS).unref();
      try {
        const exists = await control.queues.exists(queue);
        const report = await moveQueue({
          ...(await partsOf(move)),
          exists,
          beforeFreeze: async () => {
            leaseSeconds = FROZEN_LEASE_SECONDS;
            await renew();
            if (lost) throw changed(queue);
          },
          livesOn: () => {
            leaseSeconds = LEASE_SECONDS;
          },
          commit: () => mapTo(move, exists, commit),
          checkpoint: async (messages) => {
            await checkpoint(messages);
            if (lost) throw changed(queue);
          },
        });
        await data.forgetQueue(queue);
        await settle({ ...move, phase: "switched" }).catch((error: unknown) =>
          context.warn(`A queue has moved, and the pool ${move.source} could not forget it yet`, error),
        );
        return report;
      } catch (error) {
        // Read anew, since a commit's outcome may be unknown. What cannot be settled now is found when the lease has lapsed.
        await control.moveLedger
          .takeOver({ move, holder, leaseSeconds: LEASE_SECONDS, own: true })
          .then((now) => (now === null ? giveUp(move) : settle(now)))
          .catch((failure: unknown) => context.warn("A move that failed could not be undone yet", failure));
        throw error;
      } finally {
        clearInterval(renewing);
        underWay.delete(move.epoch);
      }
    },

    async recover() {
      const lapsed = await control.moveLedger.listLapsed({ limit: LAPSED_AT_A_TIME, exceptSources: [...recovering] });
      const bySource = Map.groupBy(lapsed, ({ source }) => source);
      const ended = await Promise.all([...bySource].map(([source, some]) => recoverFrom(source, some)));
      return ended.reduce((sum, count) => sum + count, 0);
    },
  };
}

function isThere(tx: Transaction, queue: QueueRef): Promise<boolean> {
  return orIfMissing(
    () => tx.queues.getMetadata(queue).then(() => true),
    () => false,
  );
}

export function isSameStore(pool: string, target: string): DomainError {
  return new DomainError(
    "POOL_URI_IN_USE",
    `The pools ${pool} and ${target} are the same server and namespace, so nothing can move between them. Take a third pool.`,
    { details: { pool, target } },
  );
}

function isMoving(queue: QueueRef): DomainError {
  return new DomainError("QUEUE_IS_MOVING", `Queue ${queue.name} is on its way to another pool already.`, {
    details: { project: queue.project, queue: queue.name },
  });
}

function changed(queue: QueueRef): DomainError {
  return new DomainError(
    "QUEUE_EPOCH_STALE",
    `Queue ${queue.name} was deleted, made again or moved by another at the same time. It was not moved.`,
    { details: { project: queue.project, queue: queue.name } },
  );
}
