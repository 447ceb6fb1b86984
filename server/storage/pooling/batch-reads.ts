/** Reads of many queues at once, one batch to each pool. */
import { DomainError } from "../../errors.ts";
import { type BatchResult, resultOf } from "../batch-result.ts";
import { type BatchReads, carriedBytes, type DataDriver } from "../data-driver.ts";
import { addPoolName } from "../errors/add-pool-name.ts";
import type { QueueRef } from "../queue-ref.ts";
import type { OpenPools } from "./open-pools.ts";
import type { PoolCatalog, QueueLocation } from "./pool-catalog.ts";
import { type PoolGroup, poolGroups } from "./pool-groups.ts";
import type { Router } from "./routed-calls.ts";

/** Reads these queues of one pool; `bytes` is their share of the batch's bytes. */
type ReadPool<Request, T> = (
  batch: BatchReads,
  requests: readonly Request[],
  bytes: number,
) => Promise<(BatchResult<T> | null)[]>;

/**
 * Asks all pools at the same time, each for all its queues at once. A pool that fails is the result of its queues
 * alone. A queue that its pool does not hold any more is read again after a repair.
 */
export function routedBatch(parts: { router: Router; catalog: PoolCatalog; pools: OpenPools }): BatchReads {
  const { router, catalog, pools } = parts;

  async function readGroup<Request extends QueueRef, T>(
    { pool, part, indexes }: PoolGroup,
    requests: readonly Request[],
    locations: readonly (QueueLocation | DomainError)[],
    maxBytes: number,
    read: ReadPool<Request, T>,
  ): Promise<(BatchResult<T> | null)[]> {
    const share = Math.floor(maxBytes / requests.length);
    const group = indexes.map((index) => requests[index] as Request);
    const located = group.map((request, position) => {
      const location = locations[indexes[position] as number] as QueueLocation;
      return { ...request, epoch: request.epoch ?? location.epoch };
    });
    const readAll = async (driver: DataDriver) => read(driver.batch, located, share * group.length);
    const given = await resultOf(
      pools.breakerOf(pool).run(
        async () => readAll(pools.peek(pool) ?? (await pools.get(pool))),
        addPoolName(pool),
        () => part,
      ),
    );
    return Promise.all(
      group.map((request, position) => {
        const result = given instanceof DomainError ? given : (given[position] ?? null);
        if (given instanceof DomainError || !(result instanceof DomainError)) return result;
        const readAlone = async (driver: DataDriver, queue: QueueRef) => {
          const [alone = null] = await read(driver.batch, [{ ...request, ...queue }], share);
          if (alone instanceof DomainError) throw alone;
          return alone;
        };
        return resultOf(router.callAgain(pool, request, readAlone, result));
      }),
    );
  }

  async function readAll<Request extends QueueRef, T>(
    requests: readonly Request[],
    maxBytes: number,
    read: ReadPool<Request, T>,
  ): Promise<(BatchResult<T> | null)[]> {
    const locations = await catalog.locate(requests);
    const results: (BatchResult<T> | null)[] = locations.map((location) =>
      location instanceof DomainError ? location : null,
    );
    await Promise.all(
      poolGroups(pools, requests, locations).map(async (group) => {
        const given = await readGroup(group, requests, locations, maxBytes, read);
        group.indexes.forEach((index, position) => {
          results[index] = given[position] ?? null;
        });
      }),
    );
    return results;
  }

  /** For reads without bodies, which leave nothing out. */
  async function readEach<Request extends QueueRef, T>(
    requests: readonly Request[],
    read: (batch: BatchReads, requests: readonly Request[]) => Promise<BatchResult<T>[]>,
  ): Promise<BatchResult<T>[]> {
    return (await readAll(requests, 0, read)).filter((result) => result !== null);
  }

  return {
    messages: ({ queues, maxBytes, ...params }) =>
      readAll(queues, carriedBytes(maxBytes), (batch, some, bytes) =>
        batch.messages({ ...params, queues: some, maxBytes: bytes }),
      ),
    messagesById: ({ queues, maxBytes, ...params }) =>
      readAll(queues, carriedBytes(maxBytes), (batch, some, bytes) =>
        batch.messagesById({ ...params, queues: some, maxBytes: bytes }),
      ),
    claims: ({ queues, page }) => readEach(queues, (batch, some) => batch.claims({ queues: some, page })),
    claimsById: ({ claims, maxBytes, ...params }) =>
      readAll(claims, carriedBytes(maxBytes), (batch, some, bytes) =>
        batch.claimsById({ ...params, claims: some, maxBytes: bytes }),
      ),
    subscriptions: ({ queues, page }) => readEach(queues, (batch, some) => batch.subscriptions({ queues: some, page })),
  };
}
