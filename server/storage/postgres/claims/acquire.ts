/** Acquires messages for claims. Requests that are in flight together share a statement. */

import { type Claim, type ClaimController, carriedBytes, type Message } from "../../data-driver.ts";
import { digest } from "../../idempotency.ts";
import { RESEND } from "../../resend.ts";
import { uuidV7 } from "../../uuid-v7.ts";
import { callOnce } from "../idempotency.ts";
import { byNumber } from "../messages/markers.ts";
import { readMessage } from "../messages/rows.ts";
import type { Pool } from "../pool.ts";
import { type QueueRow, STALE } from "../queue-rows.ts";
import { BatchExecutor } from "../sql/batch-executor.ts";
import { ACQUIRE, ACQUIRE_KEYED, ACQUIRE_UNIFORM, type AcquiredRow } from "./acquire-statement.ts";
import type { ScanStart } from "./scan-hints.ts";

/**
 * Weight: rows that may be acquired, and what a claim costs beside them. Two statements for one queue would walk over
 * what the other has locked.
 */
const ACQUIRE_LIMITS = {
  concurrency: 2,
  maxRequests: 250,
  maxWeight: 2000,
  splitThreshold: 32,
  serializePerPartition: true,
};

export type AcquireParams = Parameters<ClaimController["create"]>[0];
export type Acquired = Awaited<ReturnType<ClaimController["create"]>>;

/** `skipping`: messages were left out that may have become ready. */
interface Result {
  acquired: Acquired;
  skipping: boolean;
}

interface AcquireRequest {
  row: QueueRow;
  claimId: string;
  params: AcquireParams;
}

export class ClaimAcquirer {
  readonly #pool: Pool;
  readonly #executor: BatchExecutor<AcquireRequest, Result | typeof STALE>;

  constructor(pool: Pool) {
    this.#pool = pool;
    this.#executor = new BatchExecutor({
      ...ACQUIRE_LIMITS,
      partitionKey: ({ row }) => row.id,
      run: (batch) => this.#acquire(batch),
    });
  }

  /** `resume` reads a claim by its id for a repeated idempotency key; null when it is no longer live. */
  acquire(params: AcquireParams, resume: (claimId: string) => Promise<Acquired | null>): Promise<Acquired> {
    const { queues, lowWater, exhaustedFronts } = this.#pool;
    return queues.with(params.queue, async (row) => {
      const acquired =
        params.idempotencyKey === undefined
          ? await this.#acquireAnywhere(row, params)
          : await this.#acquireOnce(row, params, params.idempotencyKey, resume);
      if (acquired === STALE) return STALE;
      lowWater.refresh(row, 0);
      exhaustedFronts.refresh(row, params.exhaustedFrom);
      return acquired;
    });
  }

  /** Looks again everywhere before it says that there is nothing. */
  async #acquireAnywhere(row: QueueRow, params: AcquireParams): Promise<Acquired | typeof STALE> {
    for (;;) {
      const result = await this.#executor.submit({ row, claimId: uuidV7(), params }, params.limit);
      if (result === STALE) return STALE;
      const { acquired, skipping } = result;
      if (!skipping || !isEmpty(acquired)) return acquired;
      this.#pool.scanHints.reset(row);
    }
  }

  #acquireOnce(
    row: QueueRow,
    params: AcquireParams,
    key: string,
    resume: (claimId: string) => Promise<Acquired | null>,
  ): Promise<Acquired | typeof STALE> {
    const { statements, scanHints, exhaustedFronts } = this.#pool;
    const { limit, ttlSeconds, graceSeconds, clientId } = params;
    const once = { row, key, request: digest(["claim", limit, ttlSeconds, graceSeconds, clientId]) };
    return callOnce<Acquired>(statements, once, {
      repeat: resume,
      isNothing: isEmpty,
      call: async () => {
        const single = { row, claimId: uuidV7(), params };
        const groups = groupByQueue([single], (_, exhaustedFrom) =>
          scanHints.everywhere(row, exhaustedFronts.startOf(row, exhaustedFrom)),
        );
        const [group] = groups as [QueueGroup];
        const parameters = { ...uniformParameters([single], group, single), key, request: once.request };
        const rows = await statements.write(ACQUIRE_KEYED, parameters);
        return this.#read([single], groups, rows)[0] ?? STALE;
      },
    });
  }

  /** One bound holds for a whole statement: requests whose own is much smaller or larger than the first's go again. */
  async #acquire(batch: readonly AcquireRequest[]): Promise<(Result | typeof STALE | typeof RESEND)[]> {
    const [first] = batch as readonly [AcquireRequest];
    const together = batch.filter((request) => boundsAreClose(first, request));
    const results = await this.#acquireTogether(together);
    return together.length === batch.length
      ? results
      : batch.map((request) => results[together.indexOf(request)] ?? RESEND);
  }

  async #acquireTogether(batch: readonly AcquireRequest[]): Promise<(Result | typeof STALE | typeof RESEND)[]> {
    const { statements, scanHints, exhaustedFronts } = this.#pool;
    const groups = groupByQueue(batch, (row, exhaustedFrom) =>
      scanHints.of(row, exhaustedFronts.startOf(row, exhaustedFrom)),
    );
    await this.#cutToFit(batch, groups);
    const begun = performance.now();
    const [group, another] = groups as [QueueGroup, QueueGroup?];
    const first = batch[0] as AcquireRequest;
    const rows =
      another === undefined && batch.every((request) => termsAreEqual(first, request))
        ? await statements.write(ACQUIRE_UNIFORM, uniformParameters(batch, group, first))
        : await statements.write(ACQUIRE, generalParameters(batch, groups));
    const milliseconds = performance.now() - begun;
    return this.#judge(batch, groups, rows, milliseconds);
  }

  /** The result of each request; RESEND for one that got nothing though its queue may have more. */
  #judge(
    batch: readonly AcquireRequest[],
    groups: readonly QueueGroup[],
    rows: readonly AcquiredRow[],
    milliseconds: number,
  ): (Result | typeof STALE | typeof RESEND)[] {
    const results = this.#read(batch, groups, rows);
    const firsts = groups.map((group) => firstMarker(group.requests.map((index) => results[index])));
    const complete = this.#completeGroups(groups, firsts, rows);
    const skipping = new Set<number>();
    const bounded = new Set<number>();
    groups.forEach((group, position) => {
      if (group.skipping) for (const index of group.requests) skipping.add(index);
      const first = firsts[position];
      // A queue that was cut, and gave nothing even so, has nothing to claim.
      const hasMore = group.isCut && first !== undefined;
      if (position >= complete || hasMore) for (const index of group.requests) bounded.add(index);
      if (first !== undefined) this.#pool.scanHints.learn(group.row, group, { first, milliseconds });
    });
    return results.map((acquired, index) => {
      if (acquired === STALE) return STALE;
      if (bounded.has(index) && isEmpty(acquired)) return RESEND;
      return { acquired, skipping: skipping.has(index) };
    });
  }

  /**
   * Picks no more from queues with large bodies than fits: each gets a share of the bytes, and all other queues get one
   * share together.
   */
  async #cutToFit(batch: readonly AcquireRequest[], groups: readonly QueueGroup[]): Promise<void> {
    const { byteBounds } = this.#pool;
    const large = groups.filter(({ row }) => byteBounds.isLarge(row));
    if (large.length === 0) return;
    const share = Math.floor(maxBytesOf(batch) / Math.min(large.length + 1, groups.length));
    const cuts = large.map(async (group) => {
      const wanted = group.recipients.length;
      const { row, start: from, exhaustedFrom } = group;
      group.recipients.length = await byteBounds.fitting(row, wanted, share, { from, exhaustedFrom });
      group.isCut = group.recipients.length < wanted;
    });
    await Promise.all(cuts);
  }

  /**
   * How many of the groups, from the first, got all that they locked; of the others messages may have been left out by
   * their bytes. What fits is the beginning of all that was locked, in the order of the groups. So the last group that
   * got something is the first that may lack something.
   */
  #completeGroups(
    groups: readonly QueueGroup[],
    firsts: readonly (string | undefined)[],
    rows: readonly AcquiredRow[],
  ): number {
    const locked = rows[0]?.locked ?? 0;
    const acquired = rows.filter(({ marker }) => marker !== null).length;
    if (locked === acquired) return groups.length;
    const last = firsts.findLastIndex((first) => first !== undefined);
    this.#pool.byteBounds.learn((groups[last] as QueueGroup).row, locked, acquired);
    return last;
  }

  #read(
    batch: readonly AcquireRequest[],
    groups: readonly QueueGroup[],
    rows: readonly AcquiredRow[],
  ): (Acquired | typeof STALE)[] {
    const { ids, lowWater, counters } = this.#pool;
    const results: (Acquired | typeof STALE)[] = batch.map(() => STALE);
    const now = rows[0]?.now ?? 0;
    for (const number of rows[0]?.live?.split(",") ?? []) {
      for (const index of groups[Number(number) - 1]?.requests ?? []) {
        const { claimId } = batch[index] as AcquireRequest;
        results[index] = { claimId, claim: null, messages: [], deadLetters: [] };
      }
    }
    for (const row of rows) {
      if (row.marker === null) continue;
      const request = batch[row.request - 1] as AcquireRequest;
      const acquired = results[row.request - 1] as Acquired;
      const claimExpires = now + request.params.ttlSeconds * 1000;
      const message = readMessage({ ...row, claim: request.claimId, claimExpires }, ids);
      lowWater.saw(request.row, row.marker);
      if (row.lapsed) counters.add(request.row.id, "lapsed", 1);
      if (row.dead) {
        acquired.deadLetters.push(message);
        continue;
      }
      acquired.messages.push(message);
      acquired.claim ??= newClaim(request, now);
      acquired.claim.messageCount += 1;
    }
    for (const [index, acquired] of results.entries()) {
      if (acquired === STALE) continue;
      counters.add((batch[index] as AcquireRequest).row.id, "claimed", acquired.messages.length);
      // An update returns its rows in any order.
      acquired.messages.sort(byMarker);
      acquired.deadLetters.sort(byMarker);
    }
    return results;
  }
}

/** The lowest marker that these requests got; each has its messages in order. */
function firstMarker(results: readonly (Acquired | typeof STALE | undefined)[]): string | undefined {
  return results
    .flatMap((acquired) =>
      acquired === STALE || acquired === undefined ? [] : [acquired.messages[0], acquired.deadLetters[0]],
    )
    .flatMap((message) => (message === undefined ? [] : [message.marker]))
    .sort(byNumber)[0];
}

const byMarker = (a: Message, b: Message) => byNumber(a.marker, b.marker);

const isEmpty = ({ messages, deadLetters }: Acquired) => messages.length + deadLetters.length === 0;

/** The bytes that a statement for these requests carries at most, so that none gets more than it asked for. */
const maxBytesOf = (batch: readonly AcquireRequest[]) => Math.min(...batch.map(boundOf));

const boundOf = ({ params }: AcquireRequest) => carriedBytes(params.maxBytes);

/** A caller whose answer is nearly full must not shrink the others' to the same. */
function boundsAreClose(one: AcquireRequest, other: AcquireRequest): boolean {
  const bounds = [boundOf(one), boundOf(other)];
  return Math.max(...bounds) <= 2 * Math.min(...bounds);
}

/** More claims than any message has: what no count reaches. */
const NEVER = Number.MAX_SAFE_INTEGER;

const deadLettersFromOf = ({ params }: AcquireRequest) => params.deadLettersFrom ?? NEVER;

/** Whether one value of each parameter can stand for both requests. */
const termsAreEqual = (one: AcquireRequest, other: AcquireRequest) =>
  one.params.ttlSeconds === other.params.ttlSeconds &&
  one.params.graceSeconds === other.params.graceSeconds &&
  deadLettersFromOf(one) === deadLettersFromOf(other);

const requestParameters = (batch: readonly AcquireRequest[]) => ({
  claimIds: batch.map(({ claimId }) => claimId),
  clientIds: batch.map(({ params }) => params.clientId),
  actors: batch.map(({ params }) => params.actor ?? null),
  maxBytes: maxBytesOf(batch),
});

/** For requests of one queue with the terms of `first`. */
const uniformParameters = (batch: readonly AcquireRequest[], group: QueueGroup, first: AcquireRequest) => ({
  ...requestParameters(batch),
  queueId: group.row.id,
  epoch: group.row.epoch,
  limit: group.recipients.length,
  start: group.start,
  exhaustedFrom: group.exhaustedFrom,
  recipients: group.recipients,
  ttlSeconds: first.params.ttlSeconds,
  graceSeconds: first.params.graceSeconds,
  deadLettersFrom: deadLettersFromOf(first),
});

function generalParameters(batch: readonly AcquireRequest[], groups: readonly QueueGroup[]) {
  let total = 0;
  const offsets = groups.map(({ recipients }) => {
    total += recipients.length;
    return total - recipients.length;
  });
  return {
    ...requestParameters(batch),
    queueIds: groups.map(({ row }) => row.id),
    epochs: groups.map(({ row }) => row.epoch),
    limits: groups.map(({ recipients }) => recipients.length),
    offsets,
    starts: groups.map(({ start }) => start),
    exhaustedFrom: groups.map(({ exhaustedFrom }) => exhaustedFrom),
    recipients: groups.flatMap(({ recipients }) => recipients),
    ttlSeconds: batch.map(({ params }) => params.ttlSeconds),
    graceSeconds: batch.map(({ params }) => params.graceSeconds),
    deadLettersFrom: batch.map(deadLettersFromOf),
  };
}

/** The requests of a batch for one queue. */
interface QueueGroup extends ScanStart {
  row: QueueRow;
  /** Indices of the requests, in order of arrival. */
  requests: number[];
  /** For each row that may be picked, in order, the number of the request that gets it, from 1. */
  recipients: number[];
  /** Whether `recipients` has fewer than the requests asked for. */
  isCut: boolean;
  /** The lowest of its requests: they differ only for a moment, while the queue's attributes change. */
  exhaustedFrom: number | null;
}

function groupByQueue(
  batch: readonly AcquireRequest[],
  startOf: (row: QueueRow, exhaustedFrom: number | null) => ScanStart,
): QueueGroup[] {
  const groups = new Map<string, Omit<QueueGroup, keyof ScanStart>>();
  batch.forEach(({ row, params }, index) => {
    let group = groups.get(row.id);
    if (group === undefined) {
      group = { row, requests: [], recipients: [], isCut: false, exhaustedFrom: null };
      groups.set(row.id, group);
    }
    group.requests.push(index);
    for (let count = 0; count < params.limit; count += 1) group.recipients.push(index + 1);
    const { exhaustedFrom = null } = params;
    if (exhaustedFrom !== null) group.exhaustedFrom = Math.min(group.exhaustedFrom ?? exhaustedFrom, exhaustedFrom);
  });
  return Array.from(groups.values(), (group) => Object.assign(group, startOf(group.row, group.exhaustedFrom)));
}

function newClaim({ claimId, params }: AcquireRequest, now: number): Claim {
  return {
    id: claimId,
    ttlSeconds: params.ttlSeconds,
    graceSeconds: params.graceSeconds,
    ageSeconds: 0,
    createdAt: new Date(now),
    renewedAt: new Date(now),
    expiresAt: new Date(now + params.ttlSeconds * 1000),
    clientId: params.clientId,
    actor: params.actor ?? null,
    messageCount: 0,
  };
}
