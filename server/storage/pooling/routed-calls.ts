/** The data plane's calls, each sent to the pool that holds its queue. */
import { setTimeout as pause } from "node:timers/promises";
import { DomainError, hasCode } from "../../errors.ts";
import type { QueueReading } from "../activity.ts";
import { type BatchResult, resultOf } from "../batch-result.ts";
import type { ClaimController, DataDriver, Message, MessageController } from "../data-driver.ts";
import { addPoolName } from "../errors/add-pool-name.ts";
import { isMoving } from "../errors/storage-errors.ts";
import type { MessageLives } from "../messages/message-life.ts";
import { transferInSteps } from "../messages/transfer-steps.ts";
import { type QueueRef, queueKey } from "../queue-ref.ts";
import type { CountedQueue, QueueStats } from "../queue-stats.ts";
import type { SubscriptionController } from "../subscription-controller.ts";
import type { OpenPools } from "./open-pools.ts";
import type { PoolCatalog, QueueLocation } from "./pool-catalog.ts";
import { partOf, poolGroups } from "./pool-groups.ts";

/** How long a call waits for a queue that is frozen by a move, and how often it looks meanwhile. */
const MOVE_WAIT_MS = 2000;
const MOVE_LOOK_MS = 20;

/**
 * True when the pool does not hold the queue with this epoch. Nothing was read or written, so the call may be repeated.
 */
function isMisplaced(error: unknown): boolean {
  return (
    hasCode(error, "QUEUE_EPOCH_STALE") || hasCode(error, "QUEUE_DOES_NOT_EXIST") || hasCode(error, "QUEUE_IS_MOVING")
  );
}

interface RepairedRoute {
  pool: string;
  driver: DataDriver;
  queue: QueueRef & { epoch: number };
}

export class Router {
  readonly #catalog: PoolCatalog;
  readonly #pools: OpenPools;
  readonly #onError: (error: unknown) => void;
  /** Callers that wait for the same queue share one repair. */
  readonly #repairing = new Map<string, Promise<RepairedRoute>>();

  constructor(catalog: PoolCatalog, pools: OpenPools, onError: (error: unknown) => void) {
    this.#catalog = catalog;
    this.#pools = pools;
    this.#onError = onError;
  }

  /**
   * Sends the call to the pool that the cached catalogue names. When that pool does not hold the queue with this epoch,
   * reads the catalogue, creates the pool's row if it is missing (after a crash), and calls again. Waits while a move
   * has frozen the queue. QUEUE_DOES_NOT_EXIST, QUEUE_NOT_MAPPED, QUEUE_IS_MOVING. With an epoch from the caller there
   * is no second call, but QUEUE_EPOCH_STALE.
   */
  call<T>(queue: QueueRef, work: (driver: DataDriver, queue: QueueRef) => Promise<T>): Promise<T> {
    // The hot path: location and driver are cached, and the call waits for nothing but the pool.
    const location = this.#catalog.peek(queue);
    const driver = location && this.#pools.peek(location.pool);
    if (location === undefined || driver === undefined) return this.#callUnknown(queue, work);
    const { project, name, epoch = location.epoch } = queue;
    return this.#pools.breakerOf(location.pool).run(
      () => work(driver, { project, name, epoch }),
      (error) => this.callAgain(location.pool, queue, work, error),
      () => partOf(driver, queue),
    );
  }

  async #callUnknown<T>(queue: QueueRef, work: (driver: DataDriver, queue: QueueRef) => Promise<T>): Promise<T> {
    const location = await this.#catalog.find(queue);
    const { project, name, epoch = location.epoch } = queue;
    return this.#pools.breakerOf(location.pool).run(
      async () => work(await this.#pools.get(location.pool), { project, name, epoch }),
      (error) => this.callAgain(location.pool, queue, work, error),
      () => partOf(this.#pools.opened(location.pool), queue),
    );
  }

  /**
   * What a call does after `refusal`, an error of a pool: repeats it after a repair when the pool does not hold the
   * queue with this epoch, else rejects with the error and the pool's name.
   */
  async callAgain<T>(
    pool: string,
    queue: QueueRef,
    work: (driver: DataDriver, queue: QueueRef) => Promise<T>,
    refusal: unknown,
  ): Promise<T> {
    if (!isMisplaced(refusal) || queue.epoch !== undefined) return addPoolName(pool)(refusal);
    const deadline = performance.now() + MOVE_WAIT_MS;
    for (;;) {
      try {
        const repaired = await this.repair(queue, deadline);
        const again = () => work(repaired.driver, repaired.queue);
        return await this.#pools
          .breakerOf(repaired.pool)
          .run(again, addPoolName(repaired.pool), () => partOf(repaired.driver, queue));
      } catch (error) {
        // A move may freeze the queue just before this call.
        if (hasCode(error, "QUEUE_IS_MOVING") && performance.now() < deadline) continue;
        if (!hasCode(error, "QUEUE_EPOCH_STALE")) throw error;
        throw new DomainError("STORAGE_UNAVAILABLE", "The queue is moving or is being created again. Try again.", {
          cause: error,
        });
      }
    }
  }

  /** Creates the queue's row in its pool. Tries no other pool when this one refuses. */
  async attach(queue: QueueRef & { epoch: number }): Promise<void> {
    await this.#catalog.forget(queue);
    const { pool } = await this.#catalog.find(queue);
    await this.#pools.breakerOf(pool).run(
      async () => (await this.#pools.get(pool)).attachQueue(queue),
      addPoolName(pool),
      () => partOf(this.#pools.opened(pool), queue),
    );
  }

  /**
   * Reads the catalogue past the cache, and creates the queue's row in its pool if it is missing. QUEUE_DOES_NOT_EXIST,
   * QUEUE_EPOCH_STALE, and QUEUE_IS_MOVING once the deadline is over.
   */
  async repair(queue: QueueRef, deadline = performance.now() + MOVE_WAIT_MS): Promise<RepairedRoute> {
    for (;;) {
      try {
        return await this.#repairOnce(queue);
      } catch (error) {
        if (!hasCode(error, "QUEUE_IS_MOVING") || performance.now() >= deadline) throw error;
      }
      await pause(MOVE_LOOK_MS);
    }
  }

  #repairOnce(queue: QueueRef): Promise<RepairedRoute> {
    const key = queueKey(queue);
    const running = this.#repairing.get(key);
    if (running !== undefined) return running;
    const started = this.#repair(queue).finally(() => this.#repairing.delete(key));
    this.#repairing.set(key, started);
    return started;
  }

  async #repair({ project, name }: QueueRef): Promise<RepairedRoute> {
    await this.#catalog.forget({ project, name });
    const location: QueueLocation = await this.#catalog.reload({ project, name });
    const driver = await this.#pools.get(location.pool).catch(addPoolName(location.pool));
    const queue = { project, name, epoch: location.epoch };
    const refused: unknown = await this.#attachUnlessMoved(driver, queue).then(
      () => null,
      (error: unknown) => error,
    );
    // The queue may have moved just before. A move that begins later finds the row.
    const wasUndone =
      hasCode(refused, "QUEUE_EPOCH_STALE") && (await this.#catalog.finishUndos(queue, location.pool, driver));
    const now = await this.#catalog.reload({ project, name });
    if (wasUndone || now.epoch !== location.epoch) return this.#repair({ project, name });
    if (refused !== null) addPoolName(location.pool)(refused);
    return { pool: location.pool, driver, queue };
  }

  /**
   * Gives the pool the queue's row. A pool that lacks it while a move from there has not ended may have handed the
   * queue over: the control database failed over and lost the switch. An empty queue would stand in the way of the
   * recovery then. QUEUE_IS_MOVING.
   */
  async #attachUnlessMoved(driver: DataDriver, queue: QueueRef & { epoch: number }): Promise<void> {
    const move = await this.#catalog.findMove(queue);
    if (move?.sourceEpoch === queue.epoch && (await driver.transfer?.openEpoch({ queue })) === null) {
      throw isMoving(queue);
    }
    await driver.attachQueue(queue);
  }

  stats(queues: readonly CountedQueue[]): Promise<(QueueStats | null)[]> {
    return this.#countWherePossible(queues, STATS);
  }

  async tryStats(queues: readonly CountedQueue[]): Promise<BatchResult<QueueStats | null>[]> {
    return (await this.#count(queues, STATS)).answers;
  }

  readings(queues: readonly CountedQueue[]): Promise<(QueueReading | null)[]> {
    return this.#countWherePossible(queues, READINGS);
  }

  /** A queue whose pool fails is null; when every pool fails, the call fails. */
  async #countWherePossible<T>(queues: readonly CountedQueue[], count: Count<T>): Promise<(T | null)[]> {
    const { answers, groups, failures } = await this.#count(queues, count);
    if (failures.length > 0 && failures.length === groups) throw failures[0];
    failures.forEach(this.#onError);
    return answers.map((answer) => (answer instanceof DomainError ? null : answer));
  }

  /**
   * Asks each pool, or each part of it, once for all its queues. A queue that its pool does not hold is asked for again
   * after a repair. `failures` has one error for each group in which something failed.
   */
  async #count<T>(queues: readonly CountedQueue[], count: Count<T>) {
    const locations = await this.#catalog.findMany(queues);
    const answers: BatchResult<T | null>[] = queues.map(() => null);
    const groups = poolGroups(this.#pools, queues, locations);
    const failures: DomainError[] = [];
    await Promise.all(
      groups.map(async ({ pool, part, indexes }) => {
        const refs = indexes.map((index): CountedQueue => {
          const { project, name, exhaustedFrom, epoch = locations[index]?.epoch } = queues[index] as CountedQueue;
          return { project, name, exhaustedFrom, epoch };
        });
        const ask = async () => countWhereKnown(this.#pools.peek(pool) ?? (await this.#pools.get(pool)), refs, count);
        const given = await resultOf(this.#pools.breakerOf(pool).run(ask, addPoolName(pool), () => part));
        const found = await Promise.all(
          indexes.map(async (index, position) => {
            if (given instanceof DomainError) return given;
            const again = () => this.#countAfterRepair(queues[index] as CountedQueue, queues.length > 1, count);
            return given[position] ?? resultOf(again());
          }),
        );
        for (const [position, index] of indexes.entries()) answers[index] = found[position] ?? null;
        failures.push(...found.filter((answer) => answer instanceof DomainError).slice(0, 1));
      }),
    );
    return { answers, groups: groups.length, failures };
  }

  /** `among`: other queues are asked for too. Then a queue that is moving is null, so that the others get answers. */
  async #countAfterRepair<T>(queue: CountedQueue, among: boolean, count: Count<T>): Promise<T | null> {
    if (queue.epoch !== undefined) return null;
    try {
      const repaired = await this.repair(queue);
      const [counted] = await count(repaired.driver, [{ ...queue, ...repaired.queue }]).catch(
        addPoolName(repaired.pool),
      );
      return counted ?? null;
    } catch (error) {
      if (hasCode(error, "QUEUE_NOT_MAPPED")) return null;
      if (isMisplaced(error) && (among || !hasCode(error, "QUEUE_IS_MOVING"))) return null;
      throw error;
    }
  }

  /** Within one pool this is one call. */
  async transfer(params: Transfer): Promise<string[]> {
    const { from, to, as, ttlSeconds, idempotencyKey } = params;
    const [source, target] = await Promise.all([this.#catalog.find(from), this.#catalog.find(to)]);
    if (source.pool === target.pool) {
      return this.call(from, (driver, fromHere) =>
        this.call(to, (other, toHere) => {
          if (other !== driver) throw movedAway(to);
          return driver.messages.transfer({ ...params, from: fromHere, to: toHere });
        }),
      );
    }
    const once = idempotencyKey === undefined ? {} : { idempotencyKey };
    return transferInSteps<Message>(params, {
      hold: (ids, holdId, seconds) =>
        this.call(from, (driver, queue) => driver.messages.hold({ queue, ids, holdId, seconds })),
      copy: (ids, claimId) => this.call(from, (driver, queue) => driver.messages.copy({ queue, ids, claimId, as })),
      adopt: (messages) =>
        this.call(to, (driver, queue) =>
          driver.messages.adopt({ queue, messages, ttlSeconds, from: from.name, ...once }),
        ),
      remove: (ids, claimId) =>
        this.call(from, (driver, queue) => driver.messages.removeCopied({ queue, ids, claimId, as })),
    });
  }
}

type Transfer = Parameters<MessageController["transfer"]>[0];

/** Counts queues of one pool; null for one that is not there. */
type Count<T> = (driver: DataDriver, queues: readonly CountedQueue[]) => Promise<(T | null)[]>;

const STATS: Count<QueueStats> = (driver, queues) => driver.messages.stats(queues);
const READINGS: Count<QueueReading> = (driver, queues) => driver.activity.read(queues);

/** One stale epoch fails the call for all queues of a pool. Then each queue is asked for alone. */
async function countWhereKnown<T>(
  driver: DataDriver,
  queues: readonly CountedQueue[],
  count: Count<T>,
): Promise<(T | null)[]> {
  try {
    return await count(driver, queues);
  } catch (error) {
    if (!isMisplaced(error)) throw error;
    if (queues.length === 1) return [null];
    return (await Promise.all(queues.map((queue) => countWhereKnown(driver, [queue], count)))).flat();
  }
}

function movedAway(queue: QueueRef): DomainError {
  return new DomainError("QUEUE_EPOCH_STALE", "The queue has moved to another pool.", {
    details: { project: queue.project, queue: queue.name },
  });
}

export function routedMessages(router: Router): MessageController {
  return {
    post: (params) => router.call(params.queue, (driver, queue) => driver.messages.post({ ...params, queue })),
    list: (params) => router.call(params.queue, (driver, queue) => driver.messages.list({ ...params, queue })),
    get: (params) => router.call(params.queue, (driver, queue) => driver.messages.get({ ...params, queue })),
    bulkGet: (params) => router.call(params.queue, (driver, queue) => driver.messages.bulkGet({ ...params, queue })),
    first: (params) => router.call(params.queue, (driver, queue) => driver.messages.first({ ...params, queue })),
    select: (params) => router.call(params.queue, (driver, queue) => driver.messages.select({ ...params, queue })),
    count: (params) => router.call(params.queue, (driver, queue) => driver.messages.count({ ...params, queue })),
    pop: (params) => router.call(params.queue, (driver, queue) => driver.messages.pop({ ...params, queue })),
    delete: (params) => router.call(params.queue, (driver, queue) => driver.messages.delete({ ...params, queue })),
    bulkDelete: (params) =>
      router.call(params.queue, (driver, queue) => driver.messages.bulkDelete({ ...params, queue })),
    purge: (params) => router.call(params.queue, (driver, queue) => driver.messages.purge({ ...params, queue })),
    adopt: (params) => router.call(params.queue, (driver, queue) => driver.messages.adopt({ ...params, queue })),
    hold: (params) => router.call(params.queue, (driver, queue) => driver.messages.hold({ ...params, queue })),
    copy: (params) => router.call(params.queue, (driver, queue) => driver.messages.copy({ ...params, queue })),
    removeCopied: (params) =>
      router.call(params.queue, (driver, queue) => driver.messages.removeCopied({ ...params, queue })),
    stats: (queues) => router.stats(queues),
    transfer: (params) => router.transfer(params),
  };
}

export function routedClaims(router: Router): ClaimController {
  return {
    create: (params) => router.call(params.queue, (driver, queue) => driver.claims.create({ ...params, queue })),
    get: (params) => router.call(params.queue, (driver, queue) => driver.claims.get({ ...params, queue })),
    list: (params) => router.call(params.queue, (driver, queue) => driver.claims.list({ ...params, queue })),
    update: (params) => router.call(params.queue, (driver, queue) => driver.claims.update({ ...params, queue })),
    delete: (params) => router.call(params.queue, (driver, queue) => driver.claims.delete({ ...params, queue })),
    releaseMessages: (params) =>
      router.call(params.queue, (driver, queue) => driver.claims.releaseMessages({ ...params, queue })),
  };
}

export function routedLives(router: Router): MessageLives {
  return {
    keep: (params) => router.call(params.queue, (driver, queue) => driver.lives.keep({ ...params, queue })),
    read: (params) => router.call(params.queue, (driver, queue) => driver.lives.read({ ...params, queue })),
  };
}

/** Subscriptions outlive their queue, and so does its catalogue entry while there are any. */
export function routedSubscriptions(router: Router): SubscriptionController {
  return {
    list: (params) => router.call(params.queue, (driver, queue) => driver.subscriptions.list({ ...params, queue })),
    get: (params) => router.call(params.queue, (driver, queue) => driver.subscriptions.get({ ...params, queue })),
    create: (params) => router.call(params.queue, (driver, queue) => driver.subscriptions.create({ ...params, queue })),
    update: (params) => router.call(params.queue, (driver, queue) => driver.subscriptions.update({ ...params, queue })),
    delete: (params) => router.call(params.queue, (driver, queue) => driver.subscriptions.delete({ ...params, queue })),
    deleteAll: (params) =>
      router.call(params.queue, (driver, queue) => driver.subscriptions.deleteAll({ ...params, queue })),
    exists: (params) => router.call(params.queue, (driver, queue) => driver.subscriptions.exists({ ...params, queue })),
    confirm: (params) =>
      router.call(params.queue, (driver, queue) => driver.subscriptions.confirm({ ...params, queue })),
    getWithSubscriber: (params) =>
      router.call(params.queue, (driver, queue) => driver.subscriptions.getWithSubscriber({ ...params, queue })),
  };
}
