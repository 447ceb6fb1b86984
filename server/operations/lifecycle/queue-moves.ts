/**
 * Moving queues between pools, across the control plane and both of them. Each attempt has a record with a lease in the control database before
 * anything else happens, so that after a crash at any point whoever finds the record knows what to undo or to finish.
 */
import { randomUUID } from "node:crypto";
import { DomainError } from "../../errors.ts";
import type { QueueMove } from "../../storage/control-driver.ts";
import { DEFAULT_POOL } from "../../storage/data-driver.ts";
import {
  abandonTarget,
  finishMove,
  type MovePool,
  type MoveReport,
  moveQueue,
  openEpochIn,
  thawSource,
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

  async function placeOf(pool: string): Promise<MovePool> {
    return { pool, driver: await data.pool(pool) };
  }

  async function partsOf(move: QueueMove) {
    const [source, target] = await Promise.all([placeOf(move.source), placeOf(move.target)]);
    const { project, queue: name, sourceEpoch, epoch } = move;
    return { source, target, project, name, sourceEpoch, epoch };
  }

  /** Finishes or undoes an attempt whose lease this process holds, then removes its record. */
  async function settle(move: QueueMove): Promise<void> {
    const lostSwitch = move.phase === "switched" ? null : await undo(move);
    if (lostSwitch !== null) await switchAgain(move, lostSwitch);
    if (move.phase === "switched" || lostSwitch !== null) await finish(move);
    await control.moveLedger.end(move);
    await data.forgetQueue({ project: move.project, name: move.queue });
  }

  async function finish({ project, queue: name, source, sourceEpoch }: QueueMove): Promise<void> {
    await finishMove({ source: await placeOf(source), project, name, sourceEpoch });
  }

  /**
   * Undoes an attempt in both pools. The source comes first: until then nobody can use the queue. A target that fails
   * is only warned of, since nobody sees what it holds.
   *
   * Returns null, or the epoch with which the target alone holds the queue. That is so when the attempt had switched
   * and left the source, and then the control database failed over and lost the switch: nothing was undone.
   */
  async function undo(move: QueueMove): Promise<number | null> {
    const { project, queue: name, sourceEpoch, epoch } = move;
    const queue = { project, name };
    const source = await placeOf(move.source);
    if (!(await thawSource({ source, project, name, sourceEpoch, epoch }))) {
      const [entry] = await control.catalogue.getMany([queue]);
      const isOfThisMove = (open: number) => open > sourceEpoch && open <= epoch;
      // Another process has finished the attempt.
      if (entry?.pool === move.target && isOfThisMove(entry.epoch)) return null;
      // Else the queue was deleted or created again, or has moved on.
      const isUnchanged = entry?.pool === move.source && entry.epoch === sourceEpoch;
      if (isUnchanged && (await control.queues.exists(queue))) {
        const openEpoch = await openEpochIn(await placeOf(move.target), queue);
        if (openEpoch !== null && isOfThisMove(openEpoch)) {
          if ((await openEpochIn(source, queue)) !== null) throw isHeldTwice(move);
          return openEpoch;
        }
      }
    }
    await placeOf(move.target)
      .then((target) => abandonTarget({ target, project, name, epoch }))
      .catch((error: unknown) => context.warn(`What a move brought to the pool ${move.target} is still there`, error));
    return null;
  }

  /** Repeats the switch that the control database lost, with the epoch that the target knows. */
  async function switchAgain(move: QueueMove, openEpoch: number): Promise<void> {
    if (!(await control.moveLedger.switch(move, openEpoch))) {
      throw changed({ project: move.project, name: move.queue });
    }
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
          afterFailedFreeze: () => {
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
          // No record: another process took the attempt over and ended it. What this one did since then is undone.
          .then((now) => (now === null ? undo(move).then(() => undefined) : settle(now)))
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

/** After a failover of the control database the source can have been used before this process looked. */
function isHeldTwice({ project, queue, source, target }: QueueMove): DomainError {
  return new DomainError(
    "QUEUE_IS_MOVING",
    `Queue ${queue} has messages in the pools ${source} and ${target}: the control database lost the end of a move, and the queue was used in ${source} since then. Nothing is deleted. Clients use ${source}; the queue cannot be moved. Deleting the queue drops both copies.`,
    { details: { project, queue, source, target } },
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
