/** The data plane's calls, each sent to the pool that holds its queue. */
import { setTimeout as pause } from "node:timers/promises";
import { DomainError, hasCode } from "../../errors.ts";
import { addPoolName } from "../add-pool-name.ts";
import type {
  ClaimController,
  CountedQueue,
  DataDriver,
  Message,
  MessageController,
  QueueStats,
} from "../data-driver.ts";
import { validUuids } from "../list-pages.ts";
import { type QueueRef, queueKey } from "../queue-ref.ts";
import type { SubscriptionController } from "../subscription-controller.ts";
import type { OpenPools } from "./open-pools.ts";
import type { PoolCatalog, QueueLocation } from "./pool-catalog.ts";

/** How long a call waits for a queue that is on its way to another pool, and how often it is looked for meanwhile. */
const MOVE_WAIT_MS = 2000;
const MOVE_LOOK_MS = 20;

/** The codes that say: the queue is not there, or not in this life. Nothing was read or written, so the call may be repeated. */
function isMisplaced(error: unknown): boolean {
  return (
    hasCode(error, "QUEUE_EPOCH_STALE") || hasCode(error, "QUEUE_DOES_NOT_EXIST") || hasCode(error, "QUEUE_IS_MOVING")
  );
}

interface Mended {
  pool: string;
  driver: DataDriver;
  queue: QueueRef & { epoch: number };
}

export class Router {
  readonly #catalog: PoolCatalog;
  readonly #pools: OpenPools;
  readonly #onError: (error: unknown) => void;
  /** Everyone who waits for the same queue shares one look at a time. */
  readonly #mending = new Map<string, Promise<Mended>>();

  constructor(catalog: PoolCatalog, pools: OpenPools, onError: (error: unknown) => void) {
    this.#catalog = catalog;
    this.#pools = pools;
    this.#onError = onError;
  }

  /**
   * Makes the call where the queue was a moment ago. When that pool does not know the queue or its life, looks at the
   * catalogue, gives the pool the queue's row if it lacks it (a crash may have come between the two), and makes the
   * call once more. While the queue is on its way to another pool it waits for it. QUEUE_DOES_NOT_EXIST,
   * QUEUE_NOT_MAPPED, QUEUE_IS_MOVING. A caller that names an epoch itself gets it checked, and QUEUE_EPOCH_STALE.
   */
  call<T>(queue: QueueRef, work: (driver: DataDriver, queue: QueueRef) => Promise<T>): Promise<T> {
    // The usual way, which every message pays for: what is needed is remembered, and nothing is waited for but the pool.
    const place = this.#catalog.peek(queue);
    const driver = place && this.#pools.peek(place.pool);
    if (place === undefined || driver === undefined) return this.#callUnknown(queue, work);
    const { project, name, epoch = place.epoch } = queue;
    return this.#pools.breakerOf(place.pool).run(
      () => work(driver, { project, name, epoch }),
      (error) => this.#callAgain(place.pool, queue, work, error),
      () => partOf(driver, queue),
    );
  }

  async #callUnknown<T>(queue: QueueRef, work: (driver: DataDriver, queue: QueueRef) => Promise<T>): Promise<T> {
    const place = await this.#catalog.find(queue);
    const { project, name, epoch = place.epoch } = queue;
    return this.#pools.breakerOf(place.pool).run(
      async () => work(await this.#pools.get(place.pool), { project, name, epoch }),
      (error) => this.#callAgain(place.pool, queue, work, error),
      () => partOf(this.#pools.opened(place.pool), queue),
    );
  }

  async #callAgain<T>(
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
        // It may begin to move just as the call is made.
        if (hasCode(error, "QUEUE_IS_MOVING") && performance.now() < deadline) continue;
        if (!hasCode(error, "QUEUE_EPOCH_STALE")) throw error;
        throw new DomainError("STORAGE_UNAVAILABLE", "The queue is moving or being made again. Try again.", {
          cause: error,
        });
      }
    }
  }

  /** Gives the queue's pool the row. When the pool refuses, no other is looked for. */
  async attach(queue: QueueRef & { epoch: number }): Promise<void> {
    await this.#catalog.forget(queue);
    const { pool } = await this.#catalog.find(queue);
    await this.#pools.breakerOf(pool).run(
      async () => (await this.#pools.get(pool)).attachQueue(queue),
      addPoolName(pool),
      () => partOf(this.#pools.opened(pool), queue),
    );
  }

  /** The queue's pool by the catalogue itself, where the queue has its row from now on. QUEUE_DOES_NOT_EXIST, QUEUE_EPOCH_STALE, and QUEUE_IS_MOVING once the deadline is over. */
  async repair(queue: QueueRef, deadline = performance.now() + MOVE_WAIT_MS): Promise<Mended> {
    for (;;) {
      try {
        return await this.#mendOnce(queue);
      } catch (error) {
        if (!hasCode(error, "QUEUE_IS_MOVING") || performance.now() >= deadline) throw error;
      }
      await pause(MOVE_LOOK_MS);
    }
  }

  #mendOnce(queue: QueueRef): Promise<Mended> {
    const key = queueKey(queue);
    const running = this.#mending.get(key);
    if (running !== undefined) return running;
    const started = this.#repair(queue).finally(() => this.#mending.delete(key));
    this.#mending.set(key, started);
    return started;
  }

  async #repair({ project, name }: QueueRef): Promise<Mended> {
    await this.#catalog.forget({ project, name });
    const place: QueueLocation = await this.#catalog.reload({ project, name });
    const driver = await this.#pools.get(place.pool).catch(addPoolName(place.pool));
    const queue = { project, name, epoch: place.epoch };
    const refused: unknown = await this.#attachUnlessMoved(driver, queue).then(
      () => null,
      (error: unknown) => error,
    );
    // It may have moved away just before that; whoever moves it later finds the row.
    const now = await this.#catalog.reload({ project, name });
    if (now.epoch !== place.epoch) return this.#repair({ project, name });
    if (refused !== null) addPoolName(place.pool)(refused);
    return { pool: place.pool, driver, queue };
  }

  /**
   * Gives the pool the queue's row. A pool that lacks it while a move from there has not ended may have handed the
   * queue over: the control database failed over and lost the switch. An empty queue would stand in the way of the
   * recovery then. QUEUE_IS_MOVING.
   */
  async #attachUnlessMoved(driver: DataDriver, queue: QueueRef & { epoch: number }): Promise<void> {
    const move = await this.#catalog.findMove(queue);
    if (move?.sourceEpoch === queue.epoch && (await driver.transfer?.openEpoch({ queue })) === null) {
      throw new DomainError("QUEUE_IS_MOVING", "The queue is on its way to another pool. Try again in a moment.", {
        details: { project: queue.project, queue: queue.name },
      });
    }
    await driver.attachQueue(queue);
  }

  /**
   * One call to each pool for its queues, or to each part of it. Where a pool has none for a queue, the catalogue is asked and the call made once more. A pool
   * that fails leaves null for its queues, so that the others' are seen; when every pool fails, so does this.
   */
  async stats(queues: readonly CountedQueue[]): Promise<(QueueStats | null)[]> {
    const places = await this.#catalog.findMany(queues);
    const answers: (QueueStats | null)[] = queues.map(() => null);
    const groups = new Map<string, { pool: string; part: string; group: number[] }>();
    places.forEach((place, index) => {
      if (place === null) return;
      const { pool } = place;
      const part = partOf(this.#pools.opened(pool), queues[index] as QueueRef);
      const known = groups.get(`${part} ${pool}`);
      if (known === undefined) groups.set(`${part} ${pool}`, { pool, part, group: [index] });
      else known.group.push(index);
    });
    const failures: unknown[] = [];
    await Promise.all(
      Array.from(groups.values(), async ({ pool, part, group }) => {
        try {
          const refs = group.map((index): CountedQueue => {
            const { project, name, exhaustedFrom, epoch = places[index]?.epoch } = queues[index] as CountedQueue;
            return { project, name, exhaustedFrom, epoch };
          });
          const given = await this.#pools.breakerOf(pool).run(
            async () => statsWhereKnown(this.#pools.peek(pool) ?? (await this.#pools.get(pool)), refs),
            addPoolName(pool),
            () => part,
          );
          await Promise.all(
            group.map(async (index, position) => {
              answers[index] =
                given[position] ?? (await this.#statsOfMended(queues[index] as CountedQueue, queues.length > 1));
            }),
          );
        } catch (error) {
          failures.push(error);
        }
      }),
    );
    if (failures.length > 0 && failures.length === groups.size) throw failures[0];
    failures.forEach(this.#onError);
    return answers;
  }

  /** With others that are asked for too, one that is moving must not take their answers away. */
  async #statsOfMended(queue: CountedQueue, among: boolean): Promise<QueueStats | null> {
    if (queue.epoch !== undefined) return null;
    try {
      const repaired = await this.repair(queue);
      const [stats] = await repaired.driver.messages
        .stats([{ ...queue, ...repaired.queue }])
        .catch(addPoolName(repaired.pool));
      return stats ?? null;
    } catch (error) {
      if (hasCode(error, "QUEUE_NOT_MAPPED")) return null;
      if (isMisplaced(error) && (among || !hasCode(error, "QUEUE_IS_MOVING"))) return null;
      throw error;
    }
  }

  /**
   * In one pool the pool does it in one step. Between two: copied, then deleted under the claim, as many at a time as a
   * call carries. When the claim has lapsed in between, the originals stay and are not counted; the next move finds the
   * copies there and does not copy again.
   */
  async transfer(params: Parameters<MessageController["transfer"]>[0]): Promise<number> {
    const { from, to, ids } = params;
    const [source, target] = await Promise.all([this.#catalog.find(from), this.#catalog.find(to)]);
    if (source.pool === target.pool) {
      return this.call(from, (driver, fromHere) =>
        this.call(to, (other, toHere) => {
          if (other !== driver) throw moved(to);
          return driver.messages.transfer({ ...params, from: fromHere, to: toHere });
        }),
      );
    }
    let count = 0;
    for (let rest = [...new Set(validUuids(ids))]; ; ) {
      const copied = await this.call(from, (driver, queue) => driver.messages.bulkGet({ queue, ids: rest }));
      const last = copied.at(-1)?.id;
      if (last === undefined) return count;
      count += await this.#copyThenDelete(params, copied);
      rest = rest.slice(rest.indexOf(last) + 1);
    }
  }

  async #copyThenDelete(
    { from, to, claimId, ttlSeconds }: Parameters<MessageController["transfer"]>[0],
    copied: readonly Message[],
  ): Promise<number> {
    const held = copied.filter((message) => message.claim?.id === claimId);
    if (held.length === 0) return 0;
    await this.call(to, (driver, queue) => driver.messages.adopt({ queue, messages: held, ttlSeconds }));
    try {
      return await this.call(from, (driver, queue) =>
        driver.messages.bulkDelete({ queue, ids: held.map((message) => message.id), claimIds: [claimId] }),
      );
    } catch (error) {
      if (hasCode(error, "MESSAGE_NOT_CLAIMED_BY") || hasCode(error, "MESSAGE_NOT_CLAIMED")) return 0;
      if (hasCode(error, "CLAIM_DOES_NOT_EXIST")) return 0;
      throw error;
    }
  }
}

/** A stale epoch of one queue fails the call for all of a pool's; then each is asked for by itself. */
async function statsWhereKnown(driver: DataDriver, queues: readonly CountedQueue[]): Promise<(QueueStats | null)[]> {
  try {
    return await driver.messages.stats(queues);
  } catch (error) {
    if (!isMisplaced(error)) throw error;
    if (queues.length === 1) return [null];
    return (await Promise.all(queues.map((queue) => statsWhereKnown(driver, [queue])))).flat();
  }
}

function partOf(driver: DataDriver | undefined, queue: QueueRef): string {
  return driver?.partOf?.(queue) ?? "";
}

function moved(queue: QueueRef): DomainError {
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
    pop: (params) => router.call(params.queue, (driver, queue) => driver.messages.pop({ ...params, queue })),
    delete: (params) => router.call(params.queue, (driver, queue) => driver.messages.delete({ ...params, queue })),
    bulkDelete: (params) =>
      router.call(params.queue, (driver, queue) => driver.messages.bulkDelete({ ...params, queue })),
    purge: (params) => router.call(params.queue, (driver, queue) => driver.messages.purge({ ...params, queue })),
    adopt: (params) => router.call(params.queue, (driver, queue) => driver.messages.adopt({ ...params, queue })),
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
  };
}

/** They outlive their queue, and so does its catalogue entry while there are any. */
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
