/** Reads of many queues at once, one batch to each pool. */
import { DomainError } from "../../errors.ts";
import { type BatchResult, resultOf } from "../batch-result.ts";
import { type BatchReads, carriedBytes, type DataDriver, type Message } from "../data-driver.ts";
import { addPoolName } from "../errors/add-pool-name.ts";
import type { KeptLives } from "../messages/message-life.ts";
import type { QueueRef } from "../queue-ref.ts";
import type { OpenPools } from "./open-pools.ts";
import type { PoolCatalog, QueueLocation } from "./pool-catalog.ts";
import { type PoolGroup, poolGroups } from "./pool-groups.ts";
import type { Router } from "./routed-calls.ts";

interface Reading<Request, T> {
  /** Reads these queues of one pool; `bytes` is their share of the batch's bytes. */
  read: (batch: BatchReads, requests: readonly Request[], bytes: number) => Promise<(BatchResult<T> | null)[]>;
  /** The messages that a result carries. */
  messagesOf: (result: T) => readonly Message[];
}

/**
 * Asks all pools at the same time, each for all its queues at once. A pool that fails is the result of its queues
 * alone. A queue that its pool does not hold any more is read again after a repair, with what the others have left.
 */
export function routedBatch(parts: { router: Router; catalog: PoolCatalog; pools: OpenPools }): BatchReads {
  const { router, catalog, pools } = parts;

  async function readGroup<Request extends QueueRef, T>(
    { pool, part, indexes }: PoolGroup,
    requests: readonly Request[],
    locations: readonly (QueueLocation | DomainError)[],
    maxBytes: number,
    { read, messagesOf }: Reading<Request, T>,
  ): Promise<(BatchResult<T> | null)[]> {
    const share = Math.floor(maxBytes / requests.length) * indexes.length;
    const group = indexes.map((index) => requests[index] as Request);
    const located = group.map((request, position) => {
      const location = locations[indexes[position] as number] as QueueLocation;
      return { ...request, epoch: request.epoch ?? location.epoch };
    });
    const readAll = async (driver: DataDriver) => read(driver.batch, located, share);
    const given = await resultOf(
      pools.breakerOf(pool).run(
        async () => readAll(pools.peek(pool) ?? (await pools.get(pool))),
        addPoolName(pool),
        () => part,
      ),
    );
    if (given instanceof DomainError) return group.map(() => given);
    const refused = given.filter((result) => result instanceof DomainError).length;
    const left = share - given.reduce((sum, result) => sum + carriedIn(result, messagesOf), 0);
    return Promise.all(
      group.map((request, position) => {
        const result = given[position] ?? null;
        if (!(result instanceof DomainError)) return result;
        const readAlone = async (driver: DataDriver, queue: QueueRef) => {
          const [alone = null] = await read(driver.batch, [{ ...request, ...queue }], Math.floor(left / refused));
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
    reading: Reading<Request, T>,
  ): Promise<(BatchResult<T> | null)[]> {
    const locations = await catalog.locate(requests);
    const results: (BatchResult<T> | null)[] = locations.map((location) =>
      location instanceof DomainError ? location : null,
    );
    await Promise.all(
      poolGroups(pools, requests, locations).map(async (group) => {
        const given = await readGroup(group, requests, locations, maxBytes, reading);
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
    return (await readAll(requests, 0, { read, messagesOf: () => [] })).filter((result) => result !== null);
  }

  return {
    messages: ({ queues, maxBytes, ...params }) =>
      readAll(queues, carriedBytes(maxBytes), {
        read: (batch, some, bytes) => batch.messages({ ...params, queues: some, maxBytes: bytes }),
        messagesOf: ({ items }) => items,
      }),
    messagesById: ({ queues, maxBytes, ...params }) =>
      readAll(queues, carriedBytes(maxBytes), {
        read: (batch, some, bytes) => batch.messagesById({ ...params, queues: some, maxBytes: bytes }),
        messagesOf: (found) => found,
      }),
    claims: ({ queues, page }) => readEach(queues, (batch, some) => batch.claims({ queues: some, page })),
    claimsById: ({ claims, maxBytes, ...params }) =>
      readAll(claims, carriedBytes(maxBytes), {
        read: (batch, some, bytes) => batch.claimsById({ ...params, claims: some, maxBytes: bytes }),
        messagesOf: ({ messages }) => messages,
      }),
    lives: ({ queues }) =>
      readAll<(typeof queues)[number], KeptLives | "none">(queues, 0, {
        read: async (batch, some) => (await batch.lives({ queues: some })).map((lives) => lives ?? "none"),
        messagesOf: () => [],
      }).then((results) => results.map((lives) => (lives === "none" ? null : lives))),
    subscriptions: ({ queues, page }) => readEach(queues, (batch, some) => batch.subscriptions({ queues: some, page })),
  };
}

function carriedIn<T>(result: BatchResult<T> | null, messagesOf: (result: T) => readonly Message[]): number {
  if (result === null || result instanceof DomainError) return 0;
  return messagesOf(result).reduce((sum, { bodyText }) => sum + Buffer.byteLength(bodyText), 0);
}
