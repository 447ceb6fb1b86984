/** Jobs that move queues between pools. */
import type { Access } from "../../access/access.ts";
import type { Job, JobSubject } from "../../jobs/job.ts";
import { DEFAULT_POOL } from "../../storage/data-driver.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import { audited, permitted, possible, type Trace } from "../audit/audit-trail.ts";
import type { OperationContext } from "../context.ts";
import type { QueueAddress } from "../input/addresses.ts";
import { badInput } from "../input/limits.ts";
import { checkName, chosenQueue } from "../input/names.ts";
import type { MoveWork } from "../lifecycle/move-jobs.ts";
import { type AddJob, onceOf, waitForEnd } from "./parts.ts";

/** How many times a change of flavor waits for a move that is under way. */
const FOLLOW_ATTEMPTS = 3;

/** What people ask for. */
export interface MoveRequests {
  /**
   * Moves a queue to a pool, with its messages, claims and subscriptions, while clients use it. Its dead letter group
   * moves too, as far as DeadLetterGroups includes it; the job's result names what was included and excluded.
   *
   * Returns the job once it has ended, or after two seconds while it runs. If a move of this queue has not ended,
   * returns that job instead. With an `idempotencyKey`, a repeat returns the same job also after it ended, as long as
   * jobs are kept. A job survives a crash: another process continues it. Permission operate. QUEUE_DOES_NOT_EXIST,
   * QUEUE_NOT_MAPPED, POOL_DOES_NOT_EXIST, NOT_SUPPORTED, POOL_URI_IN_USE when both pools are one store, BAD_INPUT when
   * the pool is of another flavor, IDEMPOTENCY_KEY_REUSED.
   */
  moveQueue(access: Access, params: QueueAddress & { pool: string; idempotencyKey?: string | null }): Promise<Job>;
  /**
   * Moves all queues of a pool to other pools of their flavors, by weight. Sets the pool's weight to 0, so that it gets
   * no new queues. Returns like `moveQueue`, and takes an `idempotencyKey` like it. Permission administer.
   * POOL_DOES_NOT_EXIST, NO_POOL_FOUND when no other pool takes its queues.
   */
  drainPool(access: Access, params: { pool: string; idempotencyKey?: string | null }): Promise<Job>;
}

/** What follows from other changes. */
export interface FlavorMoves {
  /**
   * Adds a job that moves the queue to a pool of the flavor, unless it is in one. Does not check the role and writes no
   * audit entry: the caller, who has changed the queue's flavor, has done both. QUEUE_NOT_MAPPED, NO_POOL_FOUND.
   */
  followFlavor(access: Access, queue: QueueRef, flavor: string | null): Promise<void>;
}

interface MoveParts {
  work: MoveWork;
  add: AddJob;
}

export function createMoveRequests(context: OperationContext, { work, add }: MoveParts): MoveRequests {
  const { control, jobs, limits } = context;
  return {
    async moveQueue(access, params) {
      const trace: Trace = {
        access,
        action: "moveQueue",
        project: params.project ?? null,
        target: String(params.queue),
      };
      const queue = await permitted(context, trace, (permission) => chosenQueue(limits, access, permission, params));
      const pool = checkName("pool", params.pool);
      const target: JobSubject = { kind: "moveQueue", project: queue.project, target: queue.name };
      const once = onceOf(params, pool);
      const prior = once && (await jobs.findByKey(target, once));
      if (prior) return waitForEnd(jobs, prior);
      const { flavor } = await requirePool(control, pool);
      const wanted = work.flavorOf(await control.queues.getMetadata(queue));
      if (flavor !== wanted) {
        throw badInput("pool", "The pool is not of the queue's flavor. Take another, or change the queue's _flavor.", {
          pool,
          poolFlavor: flavor,
          queue: queue.name,
          queueFlavor: wanted,
        });
      }
      const from = await work.requireMovable(queue, pool);
      return waitForEnd(jobs, (await add(access, target, { from, pool }, once)).job);
    },

    async drainPool(access, params) {
      const trace: Trace = { access, action: "drainPool", project: null, target: String(params.pool) };
      const pool = await permitted(context, trace, () => checkName("pool", params.pool));
      const target: JobSubject = { kind: "drainPool", project: null, target: pool };
      const once = onceOf(params, "");
      const prior = once && (await jobs.findByKey(target, once));
      if (prior) return waitForEnd(jobs, prior);
      const { items } = await jobs.list({ projects: "all", page: { limit: 100 }, kind: "drainPool", target: pool });
      const unfinished = items.find((job) => job.finishedAt === null);
      if (unfinished !== undefined && once === undefined) return unfinished;
      await possible(context, trace, () => work.requireElsewhere(pool));
      // A transaction that runs again has added its job already.
      let added: { job: Job; created: boolean } | undefined;
      const job = await audited(context, trace, async (tx) => {
        // The update blocks all other changes of pools until the commit. So `control`, which reads outside of the
        // transaction, still sees the weight from before; and of two requests, the second finds the first one's job. If
        // the commit fails, the job runs all the same: it sets the weight to 0 itself.
        if (pool !== DEFAULT_POOL) await tx.pools.update(pool, { weight: 0 });
        const weight = pool === DEFAULT_POOL ? null : (await control.pools.get(pool)).weight;
        added ??= await add(access, target, { weight }, once);
        const { job, created } = added;
        if (!created && weight !== null) await tx.pools.update(pool, { weight });
        const details = weight === null ? {} : { before: { weight }, after: { weight: 0 } };
        return { result: job, details, changed: created };
      });
      return waitForEnd(jobs, job);
    },
  };
}

export function createFlavorMoves({ control, data, jobs }: OperationContext, { work, add }: MoveParts): FlavorMoves {
  return {
    async followFlavor(access, queue, flavor) {
      for (let attempt = 1; attempt <= FOLLOW_ATTEMPTS; attempt += 1) {
        const entry = await control.catalogue.get(queue);
        const { flavor: here } = await requirePool(control, entry.pool);
        if (here === flavor) return;
        const pool = (await work.groups.homeOf(queue, flavor, entry.pool)) ?? (await data.choosePool(flavor));
        const target: JobSubject = { kind: "moveQueue", project: queue.project, target: queue.name };
        const { job, created } = await add(access, target, { from: entry.pool, pool });
        if (created) return;
        // A move that is under way checks the flavor before it ends. It may have done so just before the change.
        await waitForEnd(jobs, job);
      }
    },
  };
}

async function requirePool(control: OperationContext["control"], name: string): Promise<{ flavor: string | null }> {
  return name === DEFAULT_POOL ? { flavor: null } : control.pools.get(name);
}
