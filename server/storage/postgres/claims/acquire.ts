import { type Claim, carriedBytes, type Message } from "../../data-driver.ts";
import { digest, keyReused } from "../../idempotency.ts";
import type { QueueRef } from "../../queue-ref.ts";
import { RESEND } from "../../resend.ts";
import { uuidV7 } from "../../uuid-v7.ts";
import type { LowWater } from "../low-water.ts";
import type { ByteBounds } from "../messages/byte-bounds.ts";
import type { Counters } from "../messages/counters.ts";
import type { ExhaustedFronts } from "../messages/exhausted-fronts.ts";
import type { MessageIds } from "../messages/ids.ts";
import { byNumber } from "../messages/markers.ts";
import { readMessage } from "../messages/rows.ts";
import type { Pool } from "../pool.ts";
import { type QueueRow, type QueueRows, STALE } from "../queue-rows.ts";
import { int4Array, int8Array, textArray, uuidArray } from "../sql/array-parameter.ts";
import { BatchExecutor } from "../sql/batch-executor.ts";
import { isUniqueViolation } from "../sql/connection.ts";
import { alike, type Statement, type Statements } from "../sql/statements.ts";
import { TAKE, TAKE_KEYED, TAKE_UNIFORM, type TakenRow } from "./acquire-statement.ts";
import type { ScanHints, ScanStart } from "./scan-hints.ts";

/** Weight: rows that may be taken, and what a claim costs beside them. Two statements for one queue would walk over what the other has locked. */
const CLAIM_LIMITS = {
  concurrency: 2,
  maxRequests: 250,
  maxWeight: 2000,
  splitThreshold: 32,
  serializePerPartition: true,
};

const PRIOR_CLAIM: Statement = {
  name: "claim_prior",
  text: "SELECT request, result FROM idempotency_keys WHERE queue_id = $1 AND key = $2",
};

const FORGET_KEY: Statement = {
  name: "idempotency_forget",
  text: "DELETE FROM idempotency_keys WHERE queue_id = $1 AND key = $2 AND result = $3",
};

export interface TakeParams {
  queue: QueueRef;
  limit: number;
  maxBytes?: number;
  ttlSeconds: number;
  graceSeconds: number;
  clientId: string | null;
  actor?: string | null;
  exhaustedFrom?: number | null;
  deadLettersFrom?: number | null;
  idempotencyKey?: string;
}

export interface Taken {
  claimId: string;
  claim: Claim | null;
  messages: Message[];
  deadLetters: Message[];
}

/** `skipping`: messages were left out that may have become ready. */
interface Looked {
  taken: Taken;
  skipping: boolean;
}

interface TakeRequest {
  row: QueueRow;
  claimId: string;
  params: TakeParams;
}

/** Takes messages for claims; claims that are in flight together share a statement. */
export class ClaimAcquirer {
  readonly #statements: Statements;
  readonly #queues: QueueRows;
  readonly #counts: Counters;
  readonly #ids: MessageIds;
  readonly #clock: { offsetMs: number };
  readonly #floors: LowWater;
  readonly #starts: ScanHints;
  readonly #fronts: ExhaustedFronts;
  readonly #bounds: ByteBounds;
  readonly #pipeline: BatchExecutor<TakeRequest, Looked | typeof STALE>;

  constructor(parts: Pool) {
    this.#statements = parts.statements;
    this.#queues = parts.queues;
    this.#counts = parts.counts;
    this.#ids = parts.ids;
    this.#clock = parts.clock;
    this.#floors = parts.floors;
    this.#starts = parts.scanHints;
    this.#fronts = parts.fronts;
    this.#bounds = parts.bounds;
    this.#pipeline = new BatchExecutor({
      ...CLAIM_LIMITS,
      partitionKey: ({ row }) => row.id,
      run: (batch) => this.#take(batch),
    });
  }

  /** `resume` reads a claim by id for a repeated idempotency key; null when it is no longer live. */
  take(params: TakeParams, resume: (claimId: string) => Promise<Taken | null>): Promise<Taken> {
    return this.#queues.with(params.queue, async (row) => {
      const taken =
        params.idempotencyKey === undefined
          ? await this.#takeAnywhere(row, params)
          : await this.#takeOnce(row, params, params.idempotencyKey, resume);
      if (taken === STALE) return STALE;
      this.#floors.refresh(row, 0);
      this.#fronts.refresh(row, params.exhaustedFrom);
      return taken;
    });
  }

  async #takeAnywhere(row: QueueRow, params: TakeParams): Promise<Taken | typeof STALE> {
    for (;;) {
      const looked = await this.#pipeline.submit({ row, claimId: uuidV7(), params }, params.limit);
      if (looked === STALE) return STALE;
      const { taken, skipping } = looked;
      if (!skipping || !isEmpty(taken)) return taken;
      this.#starts.reset(row);
    }
  }

  /** One bound holds for a whole statement: requests whose own is much smaller or larger than the first's go again. */
  async #take(batch: readonly TakeRequest[]): Promise<(Looked | typeof STALE | typeof RESEND)[]> {
    const [first] = batch as readonly [TakeRequest];
    const together = batch.filter((request) => boundsAreClose(first, request));
    const results = await this.#takeTogether(together);
    return together.length === batch.length
      ? results
      : batch.map((request) => results[together.indexOf(request)] ?? RESEND);
  }

  async #takeTogether(batch: readonly TakeRequest[]): Promise<(Looked | typeof STALE | typeof RESEND)[]> {
    const deals = dealByQueue(batch, (row, exhaustedFrom) =>
      this.#starts.of(row, this.#fronts.startOf(row, exhaustedFrom)),
    );
    await this.#cutToFit(batch, deals);
    const begun = performance.now();
    const rows = await this.#statements.write<TakenRow>(...this.#statementOf(batch, deals));
    const milliseconds = performance.now() - begun;
    const results = this.#read(batch, deals, rows);
    const firsts = deals.map((deal) => firstMarker(deal.requests.map((index) => results[index])));
    const complete = this.#completeDeals(deals, firsts, rows);
    const skipping = new Set<number>();
    const bounded = new Set<number>();
    deals.forEach((deal, place) => {
      if (deal.skipping) for (const index of deal.requests) skipping.add(index);
      const first = firsts[place];
      // Of a queue that was cut and gave nothing even so, nothing can be claimed.
      const hasMore = deal.cut && first !== undefined;
      if (place >= complete || hasMore) for (const index of deal.requests) bounded.add(index);
      if (first !== undefined) this.#starts.learn(deal.row, deal, { first, milliseconds });
    });
    return results.map((taken, index) => {
      if (taken === STALE) return STALE;
      if (bounded.has(index) && isEmpty(taken)) return RESEND;
      return { taken, skipping: skipping.has(index) };
    });
  }

  /**
   * Deals out no more of queues with large bodies than fits: each gets a share of the bytes, and all other queues get
   * one together.
   */
  async #cutToFit(batch: readonly TakeRequest[], deals: readonly QueueDeal[]): Promise<void> {
    const large = deals.filter(({ row }) => this.#bounds.isLarge(row));
    if (large.length === 0) return;
    const share = Math.floor(maxBytesOf(batch) / Math.min(large.length + 1, deals.length));
    const cuts = large.map(async (deal) => {
      const wanted = deal.owners.length;
      const { row, start: from, exhaustedFrom } = deal;
      deal.owners.length = await this.#bounds.fitting(row, wanted, share, { from, exhaustedFrom });
      deal.cut = deal.owners.length < wanted;
    });
    await Promise.all(cuts);
  }

  /**
   * How many of the deals, from the first, got all that they locked; of the others messages may have been left out by
   * their bytes. What fits is the beginning of all that was locked, in the order of the deals. So the last deal that
   * got something is the first that may lack something.
   */
  #completeDeals(
    deals: readonly QueueDeal[],
    firsts: readonly (string | undefined)[],
    rows: readonly TakenRow[],
  ): number {
    const locked = rows[0]?.locked ?? 0;
    const taken = rows.filter(({ marker }) => marker !== null).length;
    if (locked === taken) return deals.length;
    const last = firsts.findLastIndex((first) => first !== undefined);
    this.#bounds.learn((deals[last] as QueueDeal).row, locked, taken);
    return last;
  }

  /** The unique key makes the statement fail, and take nothing, when another call with it has committed in between. */
  async #takeOnce(
    row: QueueRow,
    params: TakeParams,
    key: string,
    resume: (claimId: string) => Promise<Taken | null>,
  ): Promise<Taken | typeof STALE> {
    const { limit, ttlSeconds, graceSeconds, clientId } = params;
    const request = digest(["claim", limit, ttlSeconds, graceSeconds, clientId]);
    for (let attempt = 0; ; attempt += 1) {
      const [prior] = await this.#statements.read<{ request: string; result: string }>(PRIOR_CLAIM, [row.id, key]);
      if (prior !== undefined) {
        if (prior.request !== request) throw keyReused(key);
        const resumed = await resume(prior.result);
        if (resumed !== null) return resumed;
        await this.#statements.write(FORGET_KEY, [row.id, key, prior.result]);
      }
      const single = [{ row, claimId: uuidV7(), params }];
      const deals = dealByQueue(single, (_, exhaustedFrom) =>
        this.#starts.everywhere(row, this.#fronts.startOf(row, exhaustedFrom)),
      );
      try {
        const [, values] = this.#statementOf(single, deals);
        const rows = await this.#statements.write<TakenRow>(TAKE_KEYED, [...values, key, request]);
        return this.#read(single, deals, rows)[0] ?? STALE;
      } catch (error) {
        if (attempt > 2 || !isUniqueViolation(error)) throw error;
      }
    }
  }

  #statementOf(batch: readonly TakeRequest[], queues: readonly QueueDeal[]): [Statement, unknown[]] {
    const of = <T>(read: (request: TakeRequest) => T) => batch.map(read);
    const ttls = of(({ params }) => params.ttlSeconds);
    const graces = of(({ params }) => params.graceSeconds);
    const mosts = of(({ params }) => params.deadLettersFrom ?? NEVER);
    const requests = [int4Array(queues.flatMap(({ owners }) => owners)), uuidArray(of(({ claimId }) => claimId))];
    const clients = [
      textArray(of(({ params }) => params.clientId)),
      textArray(of(({ params }) => params.actor ?? null)),
      this.#clock.offsetMs / 1000,
      maxBytesOf(batch),
    ];
    const [queue, another] = queues;
    if (queue !== undefined && another === undefined && alike(ttls) && alike(graces) && alike(mosts)) {
      const { row, owners, start, exhaustedFrom } = queue;
      const place = [row.id, row.epoch, owners.length, start, exhaustedFrom];
      return [TAKE_UNIFORM, [...place, ...requests, ttls[0], graces[0], mosts[0], ...clients]];
    }
    let offset = 0;
    const offsets = queues.map(({ owners }) => {
      offset += owners.length;
      return offset - owners.length;
    });
    const places = [
      int8Array(queues.map(({ row }) => row.id)),
      int8Array(queues.map(({ row }) => row.epoch)),
      int4Array(queues.map(({ owners }) => owners.length)),
      int8Array(queues.map(({ start }) => start)),
      int8Array(queues.map(({ exhaustedFrom }) => exhaustedFrom)),
    ];
    const terms = [int8Array(ttls), int8Array(graces), int8Array(mosts)];
    return [TAKE, [...places, ...requests, ...terms, ...clients, int4Array(offsets)]];
  }

  #read(
    batch: readonly TakeRequest[],
    queues: readonly QueueDeal[],
    rows: readonly TakenRow[],
  ): (Taken | typeof STALE)[] {
    const results: (Taken | typeof STALE)[] = batch.map(() => STALE);
    const now = rows[0]?.now ?? 0;
    for (const place of rows[0]?.fresh?.split(",") ?? []) {
      for (const index of queues[Number(place) - 1]?.requests ?? []) {
        const { claimId } = batch[index] as TakeRequest;
        results[index] = { claimId, claim: null, messages: [], deadLetters: [] };
      }
    }
    for (const row of rows) {
      if (row.marker === null) continue;
      const request = batch[row.request - 1] as TakeRequest;
      const taken = results[row.request - 1] as Taken;
      const claimExpires = now + request.params.ttlSeconds * 1000;
      const message = readMessage({ ...row, claim: request.claimId, claimExpires }, this.#ids);
      this.#floors.saw(request.row, row.marker);
      if (row.dead) {
        taken.deadLetters.push(message);
        continue;
      }
      taken.messages.push(message);
      taken.claim ??= newClaim(request, now);
      taken.claim.messageCount += 1;
      this.#counts.add(request.row.id, "claimed", 1);
    }
    for (const taken of results) {
      if (taken === STALE) continue;
      // An update gives its rows in any order.
      taken.messages.sort(byMarker);
      taken.deadLetters.sort(byMarker);
    }
    return results;
  }
}

/** Of all that these took; each has its messages in order. */
function firstMarker(results: readonly (Taken | typeof STALE | undefined)[]): string | undefined {
  return results
    .flatMap((taken) => (taken === STALE || taken === undefined ? [] : [taken.messages[0], taken.deadLetters[0]]))
    .flatMap((message) => (message === undefined ? [] : [message.marker]))
    .sort(byNumber)[0];
}

const byMarker = (a: Message, b: Message) => byNumber(a.marker, b.marker);

const isEmpty = ({ messages, deadLetters }: Taken) => messages.length + deadLetters.length === 0;

/** What a statement carries for all of these, so that none gets more than it asked for. */
const maxBytesOf = (batch: readonly TakeRequest[]) => Math.min(...batch.map(boundOf));

const boundOf = ({ params }: TakeRequest) => carriedBytes(params.maxBytes);

/** A caller whose answer is nearly full must not shrink the others' to the same. */
function boundsAreClose(one: TakeRequest, other: TakeRequest): boolean {
  const bounds = [boundOf(one), boundOf(other)];
  return Math.max(...bounds) <= 2 * Math.min(...bounds);
}

/** More claims than any message has: what no count reaches. */
const NEVER = Number.MAX_SAFE_INTEGER;

interface QueueDeal extends ScanStart {
  row: QueueRow;
  /** Indices of the requests, in order of arrival. */
  requests: number[];
  /** For each row that may be picked, in order, the place of the request that gets it, from 1. */
  owners: number[];
  /** Whether there are fewer of these than the requests asked for. */
  cut: boolean;
  /** The lowest that one of its requests gave: they differ only for a moment, while the queue's attributes change. */
  exhaustedFrom: number | null;
}

function dealByQueue(
  batch: readonly TakeRequest[],
  startOf: (row: QueueRow, exhaustedFrom: number | null) => ScanStart,
): QueueDeal[] {
  const deals = new Map<string, Omit<QueueDeal, keyof ScanStart>>();
  batch.forEach(({ row, params }, index) => {
    let deal = deals.get(row.id);
    if (deal === undefined) {
      deal = { row, requests: [], owners: [], cut: false, exhaustedFrom: null };
      deals.set(row.id, deal);
    }
    deal.requests.push(index);
    for (let place = 0; place < params.limit; place += 1) deal.owners.push(index + 1);
    const { exhaustedFrom = null } = params;
    if (exhaustedFrom !== null) deal.exhaustedFrom = Math.min(deal.exhaustedFrom ?? exhaustedFrom, exhaustedFrom);
  });
  return Array.from(deals.values(), (deal) => Object.assign(deal, startOf(deal.row, deal.exhaustedFrom)));
}

function newClaim({ claimId, params }: TakeRequest, now: number): Claim {
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
