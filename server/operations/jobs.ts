import { setTimeout as pause } from "node:timers/promises";
import { type Access, requireRole } from "../access/access.ts";
import { DomainError, isUnavailable } from "../errors.ts";
import {
  JOB_KINDS,
  JOB_STATES,
  type Job,
  type JobKind,
  type JobOnce,
  type JobState,
  type JobSubject,
} from "../jobs/job.ts";
import type { JobWork } from "../jobs/job-work.ts";
import { DEFAULT_POOL } from "../storage/data-driver.ts";
import type { Page } from "../storage/list-pages.ts";
import type { QueueRef } from "../storage/queue-ref.ts";
import { audited, permitted, possible } from "./audit/audit-trail.ts";
import type { OperationContext } from "./context.ts";
import type { PageParams, QueueAddress } from "./input/addresses.ts";
import { badInput, checkBatch, pageRequest } from "./input/limits.ts";
import { checkName, checkToken, chosenQueue } from "./input/names.ts";
import { readVisible } from "./input/visible.ts";
import { createMoveWork, type MoveWork } from "./lifecycle/move-jobs.ts";
import type { QueueMoves } from "./lifecycle/queue-moves.ts";
import type { JobWatch } from "./live/job-watch.ts";

/** Long actions. Reading needs the role viewer. A caller with some projects sees only the jobs of those. */
export interface JobOperations {
  /** Newest first; with `kind`, `state` or `target`, only those jobs. BAD_INPUT. */
  list(
    access: Access,
    params: PageParams & { kind?: JobKind | null; state?: JobState | null; target?: string | null },
  ): Promise<Page<Job>>;
  /** Null when there is no such job, or the caller may not see it. */
  get(access: Access, params: { id: string }): Promise<Job | null>;
  /** The same for many, in the order asked, with one statement. At most MAX_PAGE_SIZE. */
  getMany(access: Access, params: { ids: readonly string[] }): Promise<(Job | null)[]>;
  /**
   * Yields the job now, and again when it has changed, at most once a second. Ends with the state in which the job
   * ended, or when `signal` aborts. JOB_DOES_NOT_EXIST, also when the caller may not see it.
   */
  watch(access: Access, params: { id: string; signal: AbortSignal }): AsyncIterableIterator<Job>;
  /**
   * Moves a queue to a pool, with its messages, claims and subscriptions, while clients use it. Its dead letter group
   * moves too, as far as DeadLetterGroups includes it; the job's result names what was included and excluded.
   *
   * Returns the job once it has ended, or after two seconds while it runs. If a move of this queue has not ended,
   * returns that job instead. With an `idempotencyKey`, a repeat returns the same job also after it ended, as long as
   * jobs are kept. A job survives a crash: another process continues it. Role operator. QUEUE_DOES_NOT_EXIST,
   * QUEUE_NOT_MAPPED, POOL_DOES_NOT_EXIST, NOT_SUPPORTED, POOL_URI_IN_USE when both pools are one store, BAD_INPUT when
   * the pool is of another flavor, IDEMPOTENCY_KEY_REUSED.
   */
  moveQueue(access: Access, params: QueueAddress & { pool: string; idempotencyKey?: string | null }): Promise<Job>;
  /**
   * Moves all queues of a pool to other pools of their flavors, by weight. Sets the pool's weight to 0, so that it gets
   * no new queues. Returns like `moveQueue`, and takes an `idempotencyKey` like it. Role admin. POOL_DOES_NOT_EXIST,
   * NO_POOL_FOUND when no other pool takes its queues.
   */
  drainPool(access: Access, params: { pool: string; idempotencyKey?: string | null }): Promise<Job>;
  /**
   * Cancels a job. One that runs stops at its next safe point: queues that have moved stay where they are, and a
   * drained pool gets its weight back. One that has ended stays as it is. JOB_DOES_NOT_EXIST, also when the
   * caller may not see it. Role operator; for a drain, admin.
   */
  cancel(access: Access, params: { id: string }): Promise<Job>;

  /**
   * Adds a job that moves the queue to a pool of the flavor, unless it is in one. Does not check the role and writes no
   * audit entry: the caller, who has changed the queue's flavor, has done both. QUEUE_NOT_MAPPED, NO_POOL_FOUND.
   */
  followFlavor(access: Access, queue: QueueRef, flavor: string | null): Promise<void>;
  /** The work of each kind of job, for the runner. */
  readonly work: Record<JobKind, JobWork>;
  /** See QueueMoves.recover. */
  recoverMoves(): Promise<number>;
  /** Calls `listener` each time that this process adds a job. */
  onAdded(listener: () => void): void;
}

/** How long a caller waits for a short job, and how often it looks whether the job has ended. */
const WAIT_MS = 2000;
const LOOK_EVERY_MS = 30;
/** How many times a change of flavor waits for a move that is under way. */
const FOLLOW_ATTEMPTS = 3;

/** Adds a job in the name of the caller, and tells those who wait for one. */
type AddJob = (
  access: Access,
  subject: JobSubject,
  input: object,
  once?: JobOnce,
) => Promise<{ job: Job; created: boolean }>;

interface JobParts {
  work: MoveWork;
  add: AddJob;
}

export function createJobOperations(
  context: OperationContext,
  { moves, watch }: { moves: QueueMoves; watch: JobWatch },
): JobOperations {
  const listeners = new Set<() => void>();
  const work = createMoveWork(context, moves);
  const add: AddJob = async (access, subject, input, once) => {
    const { actor, requestId } = access;
    const added = await context.jobs.add({ ...subject, inputText: JSON.stringify(input), actor, requestId }, once);
    for (const listener of listeners) listener();
    return added;
  };
  return {
    ...reads(context, watch),
    ...requests(context, { work, add }),
    ...cancelling(context, work),
    ...following(context, { work, add }),
    work: work.kinds,
    recoverMoves: () => moves.recover(),
    onAdded: (listener) => void listeners.add(listener),
  };
}

function reads(
  { jobs, limits }: OperationContext,
  watch: JobWatch,
): Pick<JobOperations, "list" | "get" | "getMany" | "watch"> {
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

    async getMany(access, { ids }) {
      requireRole(access, "viewer");
      const found = await readVisible(checkBatch(limits, "ids", ids), {
        choose: (id) => id,
        read: (wanted) => jobs.getMany(wanted),
        keyOf: (id) => id,
        foundKeyOf: ({ id }) => id,
      });
      return found.map((job) => maySee(access, job));
    },

    async *watch(access, { id, signal }) {
      requireRole(access, "viewer");
      const job = maySee(access, await jobs.get(id));
      if (job === null) throw jobDoesNotExist(id);
      yield* watch.watch(job, signal);
    },
  };
}

function requests(context: OperationContext, { work, add }: JobParts): Pick<JobOperations, "moveQueue" | "drainPool"> {
  const { control, jobs, limits } = context;
  return {
    async moveQueue(access, params) {
      const trace = { access, action: "moveQueue", project: params.project ?? null, target: String(params.queue) };
      const queue = await permitted(context, trace, "operator", () => chosenQueue(limits, access, params));
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
      const trace = { access, action: "drainPool", project: null, target: String(params.pool) };
      const pool = await permitted(context, trace, "admin", () => checkName("pool", params.pool));
      const target: JobSubject = { kind: "drainPool", project: null, target: pool };
      const once = onceOf(params, "");
      const prior = once && (await jobs.findByKey(target, once));
      if (prior) return waitForEnd(jobs, prior);
      const { items } = await jobs.list({ page: { limit: 100 }, kind: "drainPool", target: pool });
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

function cancelling(context: OperationContext, work: MoveWork): Pick<JobOperations, "cancel"> {
  const { jobs } = context;
  return {
    async cancel(access, { id }) {
      requireRole(access, "viewer");
      const job = maySee(access, await jobs.get(id));
      if (job === null) throw jobDoesNotExist(id);
      const trace = { access, action: "cancelJob", project: job.project, target: `${job.kind} ${job.target}` };
      await permitted(context, trace, job.kind === "drainPool" ? "admin" : "operator", () => undefined);
      const cancelled = await jobs.cancel(id);
      if (cancelled === null) throw jobDoesNotExist(id);
      await audited(context, trace, async (tx) => {
        // A running drain gives the weight back itself when it stops.
        if (job.kind === "drainPool" && cancelled.startedAt === null) await work.giveWeightBack(tx, job);
        return { result: undefined, details: { job: id }, changed: job.finishedAt === null };
      });
      return cancelled;
    },
  };
}

function following(
  { control, data, jobs }: OperationContext,
  { work, add }: JobParts,
): Pick<JobOperations, "followFlavor"> {
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

function maySee(access: Access, job: Job | null): Job | null {
  if (job === null || access.projects === "all") return job;
  return job.project !== null && access.projects.includes(job.project) ? job : null;
}

/** Waits until the job has ended, for WAIT_MS at most. Returns it as it was seen last. */
async function waitForEnd(jobs: OperationContext["jobs"], job: Job): Promise<Job> {
  const deadline = performance.now() + WAIT_MS;
  let latest = job;
  while (latest.finishedAt === null && performance.now() < deadline) {
    await pause(LOOK_EVERY_MS);
    try {
      latest = (await jobs.get(job.id)) ?? latest;
    } catch (error) {
      // The job has been added. An error would say that it may not have been.
      if (!isUnavailable(error)) throw error;
      break;
    }
  }
  return latest;
}

async function requirePool(control: OperationContext["control"], name: string): Promise<{ flavor: string | null }> {
  return name === DEFAULT_POOL ? { flavor: null } : control.pools.get(name);
}

/** `request`: what a repeat must ask for too, beside the target. */
function onceOf(params: { idempotencyKey?: string | null }, request: string): JobOnce | undefined {
  const key = checkToken("idempotencyKey", params.idempotencyKey);
  return key === null ? undefined : { key, request };
}

export function jobDoesNotExist(id: string): DomainError {
  return new DomainError("JOB_DOES_NOT_EXIST", "There is no such job, or you may not see it.", {
    details: { jobId: id },
  });
}
