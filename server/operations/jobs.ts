import { setTimeout as pause } from "node:timers/promises";
import { type Access, requireRole } from "../access/access.ts";
import { JOB_KINDS, JOB_STATES, type Job, type JobKind, type JobState } from "../jobs/job.ts";
import type { JobWork } from "../jobs/runner.ts";
import { DEFAULT_POOL } from "../storage/data-driver.ts";
import type { Page } from "../storage/list-pages.ts";
import type { QueueRef } from "../storage/queue-ref.ts";
import { audited, permitted, possible } from "./audit-trail.ts";
import type { OperationContext } from "./context.ts";
import type { PageParams, QueueAddress } from "./input/addresses.ts";
import { badInput, pageRequest } from "./input/limits.ts";
import { checkName, chosenQueue } from "./input/names.ts";
import { createMoveWork } from "./lifecycle/move-jobs.ts";
import type { QueueMoves } from "./lifecycle/queue-moves.ts";

/** Long actions. Reading needs the role viewer, and gives a caller with some projects the jobs of those. */
export interface JobOperations {
  /** Newest first. */
  list(
    access: Access,
    params: PageParams & { kind?: JobKind | null; state?: JobState | null; target?: string | null },
  ): Promise<Page<Job>>;
  /** Null when there is none that the caller may see. */
  get(access: Access, params: { id: string }): Promise<Job | null>;
  /**
   * Moves a queue to a pool, with its messages, claims and subscriptions, while it is used; its dead letter queue and up to 100 others that use that one
   * go along from the same pool, if they may live there, and the result says which of them do and which are left out. Answers
   * when it is done, or after two seconds while it goes on. A move of the same queue that has not ended is given instead. Role operator.
   * QUEUE_DOES_NOT_EXIST, POOL_DOES_NOT_EXIST, NOT_SUPPORTED, BAD_INPUT when the pool is of another flavor.
   */
  moveQueue(access: Access, params: QueueAddress & { pool: string }): Promise<Job>;
  /**
   * Moves all queues of a pool to others of their flavors, by weight, and makes its weight 0, so that it gets no new ones. A drain of the same pool that has
   * not ended is given instead. Role admin. POOL_DOES_NOT_EXIST; NO_POOL_FOUND when no other pool takes its queues.
   */
  drainPool(access: Access, params: { pool: string }): Promise<Job>;
  /**
   * One that runs stops at its next safe point: what was moved stays where it is, and a drained pool gets its weight back. Null when there is none that the
   * caller may see. Role operator; for a drain, admin.
   */
  cancel(access: Access, params: { id: string }): Promise<Job | null>;

  /** A move to where the queue belongs by its flavor, if it is elsewhere; for a change of that, which was allowed and written down. */
  followFlavor(access: Access, queue: QueueRef, flavor: string | null): Promise<void>;
  /** What the runner does. */
  readonly work: Record<JobKind, JobWork>;
  /** See QueueMoves.recover. */
  recoverMoves(): Promise<number>;
  /** Calls `listener` when a job was added in this process. */
  onAdded(listener: () => void): void;
}

/** How long a caller waits for a short job, and how often it is looked at. */
const WAIT_MS = 2000;
const LOOK_EVERY_MS = 30;
/** A change of flavor waits so often for a move that is under way to end. */
const FOLLOW_ATTEMPTS = 3;

export function createJobOperations(context: OperationContext, { moves }: { moves: QueueMoves }): JobOperations {
  const { control, data, limits, jobs } = context;
  const listeners = new Set<() => void>();

  function maySee(access: Access, job: Job | null): Job | null {
    if (job === null || access.projects === "all") return job;
    return job.project !== null && access.projects.includes(job.project) ? job : null;
  }

  async function add(access: Access, kind: JobKind, project: string | null, target: string, input: object) {
    const { actor, requestId } = access;
    const added = await jobs.add({ kind, project, target, inputText: JSON.stringify(input), actor, requestId });
    for (const listener of listeners) listener();
    return added;
  }

  async function ended(job: Job): Promise<Job> {
    const deadline = performance.now() + WAIT_MS;
    let now = job;
    while (now.finishedAt === null && performance.now() < deadline) {
      await pause(LOOK_EVERY_MS);
      now = (await jobs.get(job.id)) ?? now;
    }
    return now;
  }

  async function requirePool(name: string): Promise<{ flavor: string | null }> {
    return name === DEFAULT_POOL ? { flavor: null } : control.pools.get(name);
  }

  const work = createMoveWork(context, moves);

  return {
    async list(access, params) {
      requireRole(access, "viewer");
      const { kind = null, state = null, target = null } = params;
      if (kind !== null && !JOB_KINDS.includes(kind)) throw badInput("kind", "There is no such kind of job.");
      if (state !== null && !JOB_STATES.includes(state)) throw badInput("state", "There is no such state.");
      return jobs.list({
        page: pageRequest(limits, params.page),
        ...(kind === null ? {} : { kind }),
        ...(state === null ? {} : { state }),
        ...(target === null ? {} : { target: checkName("target", target, limits.MAX_QUEUE_NAME_LENGTH) }),
        ...(access.projects === "all" ? {} : { projects: access.projects }),
      });
    },

    async get(access, { id }) {
      requireRole(access, "viewer");
      return maySee(access, await jobs.get(id));
    },

    async moveQueue(access, params) {
      const trace = { access, action: "moveQueue", project: params.project ?? null, target: String(params.queue) };
      const queue = await permitted(context, trace, "operator", () => chosenQueue(limits, access, params));
      const pool = checkName("pool", params.pool);
      const { flavor } = await requirePool(pool);
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
      return ended((await add(access, "moveQueue", queue.project, queue.name, { from, pool })).job);
    },

    async drainPool(access, params) {
      const trace = { access, action: "drainPool", project: null, target: String(params.pool) };
      const pool = await permitted(context, trace, "admin", () => checkName("pool", params.pool));
      const { items } = await jobs.list({ page: { limit: 100 }, kind: "drainPool", target: pool });
      const unfinished = items.find((job) => job.finishedAt === null);
      if (unfinished !== undefined) return unfinished;
      await possible(context, trace, () => work.requireElsewhere(pool));
      const job = await audited(context, trace, async (tx) => {
        // This change holds up all others of pools until it is committed, so what is read beside it is the weight from before, and of two requests the second
        // finds the first one's job. A job whose request then fails to commit takes no harm: it closes the pool itself.
        if (pool !== DEFAULT_POOL) await tx.pools.update(pool, { weight: 0 });
        const weight = pool === DEFAULT_POOL ? null : (await control.pools.get(pool)).weight;
        const { job, created } = await add(access, "drainPool", null, pool, { weight });
        if (!created && weight !== null) await tx.pools.update(pool, { weight });
        const details = weight === null ? {} : { before: { weight }, after: { weight: 0 } };
        return { result: job, details, changed: created };
      });
      return ended(job);
    },

    async cancel(access, { id }) {
      requireRole(access, "viewer");
      const job = maySee(access, await jobs.get(id));
      if (job === null) return null;
      const trace = { access, action: "cancelJob", project: job.project, target: `${job.kind} ${job.target}` };
      await permitted(context, trace, job.kind === "drainPool" ? "admin" : "operator", () => undefined);
      const cancelled = await jobs.cancel(id);
      await audited(context, trace, async (tx) => {
        // One that runs gives the weight back itself, when it stops.
        if (job.kind === "drainPool" && cancelled?.startedAt === null) await work.giveWeightBack(tx, job);
        return { result: undefined, details: { job: id }, changed: job.finishedAt === null };
      });
      return cancelled;
    },

    async followFlavor(access, queue, flavor) {
      for (let attempt = 1; attempt <= FOLLOW_ATTEMPTS; attempt += 1) {
        const entry = await control.catalogue.get(queue);
        const { flavor: here } = await requirePool(entry.pool);
        if (here === flavor) return;
        const pool = (await work.groups.homeOf(queue, flavor, entry.pool)) ?? (await data.choosePool(flavor));
        const { job, created } = await add(access, "moveQueue", queue.project, queue.name, { from: entry.pool, pool });
        if (created) return;
        // One that was under way looks at the flavor before it ends, which it may just have done.
        await ended(job);
      }
    },

    work: work.kinds,
    recoverMoves: () => moves.recover(),
    onAdded: (listener) => void listeners.add(listener),
  };
}
