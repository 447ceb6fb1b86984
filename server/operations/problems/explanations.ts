import { type Access, requirePermission } from "../../access/access.ts";
import { DomainError } from "../../errors.ts";
import { type Explained, explain, type QueueFacts } from "../../problems/explain.ts";
import { withDeadline } from "../../storage/deadlines/deadline.ts";
import { refusalReason } from "../../storage/errors/read-only-storage.ts";
import type { Pause } from "../../storage/pause.ts";
import { type QueueRef, queueKey } from "../../storage/queue-ref.ts";
import { holderOf } from "../claims/record.ts";
import type { OperationContext } from "../context.ts";
import type { QueueAddress } from "../input/addresses.ts";
import { checkBatch } from "../input/limits.ts";
import { chosenQueue } from "../input/names.ts";
import type { ReservedAttributes } from "../input/queue-attributes.ts";
import type { DeadLetters } from "../lifecycle/dead-letters.ts";
import type { QueueLookup } from "../lifecycle/queue-lookup.ts";
import type { PauseBook } from "../pauses/pause-book.ts";
import type { PoolChecks } from "../pool-facts/health-checks.ts";
import type { Refusals } from "../pool-facts/refusals.ts";

export interface Explanation extends Explained {
  asOf: Date;
}

export interface ExplanationOperations {
  /**
   * Why the messages of each queue wait, in the order asked: the most important reason first. Null for a queue that
   * does not exist. Reads at most CLAIMS claims and CONSUMERS consumers of each, and probes their pools as health does.
   * What does not answer within PART_MS is left out. The number of statements grows with the pools only. Permission
   * read. BAD_INPUT.
   */
  explain(access: Access, params: { queues: readonly QueueAddress[] }): Promise<(Explanation | null)[]>;
}

const CLAIMS = 100;
const CONSUMERS = 100;
const PART_MS = 4000;
/** Of moves that run, and of those that wait. */
const MOVES = 100;

/** A queue that exists. */
interface Found {
  queue: QueueRef;
  attributes: ReservedAttributes;
}

export function createExplanationOperations(
  context: OperationContext,
  parts: { lookup: QueueLookup; deadLetters: DeadLetters; checks: PoolChecks; refusals: Refusals; pauses: PauseBook },
): ExplanationOperations {
  const { control, data, consumers, jobs, limits, problems } = context;

  /** Undefined for what could not be read in time. */
  const inTime = <T>(work: Promise<T>): Promise<T | undefined> =>
    withDeadline<T | undefined>(
      work.catch(() => undefined),
      PART_MS,
      () => undefined,
    );

  async function poolFacts(pool: string): Promise<QueueFacts["pool"]> {
    const { storageReachable } = await parts.checks.check(pool, PART_MS);
    const reason = parts.refusals.ofWrites(pool);
    const writesRefused = reason === null ? null : `${refusalReason(reason)}.`;
    return { name: pool, reachable: storageReachable, writesRefused };
  }

  async function readMessages(pool: string, found: readonly Found[]): Promise<Map<string, QueueFacts["messages"]>> {
    const counted = await parts.deadLetters.counted(
      found.map(({ queue }) => queue),
      found.map(({ attributes }) => attributes),
    );
    const readings = await (await data.pool(pool)).activity.read(counted);
    return byQueue(found, (index) => {
      const reading = readings[index] ?? null;
      return reading && { ...reading.stats, oldestReadyAt: reading.oldestReadyAt, changesAt: reading.changesAt };
    });
  }

  /** Of each pool: what its check says, and what its queues hold. */
  async function ofPools(found: readonly Found[]) {
    const pools = new Map<string, QueueFacts["pool"]>();
    const messages = new Map<string, QueueFacts["messages"]>();
    const entries = (await inTime(control.catalogue.getMany(found.map(({ queue }) => queue)))) ?? [];
    const poolOf = new Map(entries.map(({ project, queue, pool }) => [queueKey({ project, name: queue }), pool]));
    const byPool = Map.groupBy(found, ({ queue }) => poolOf.get(queueKey(queue)) ?? "");
    byPool.delete("");
    await Promise.all(
      [...byPool].map(async ([pool, some]) => {
        const [facts = null, read] = await Promise.all([inTime(poolFacts(pool)), inTime(readMessages(pool, some))]);
        for (const { queue } of some) pools.set(queueKey(queue), facts);
        for (const [key, one] of read ?? []) messages.set(key, one);
      }),
    );
    return { pools, messages };
  }

  async function claimsOf(found: readonly Found[]): Promise<Map<string, QueueFacts["claims"]>> {
    const pages = await data.batch.claims({ queues: found.map(({ queue }) => queue), page: { limit: CLAIMS } });
    return byQueue(found, (index) => {
      const page = pages[index];
      if (page === undefined || page instanceof DomainError) return null;
      const { items, nextMarker } = page;
      return { items: items.map((claim) => ({ ...claim, holder: holderOf(claim) })), more: nextMarker !== null };
    });
  }

  async function consumersOf(found: readonly Found[]): Promise<Map<string, QueueFacts["consumers"]>> {
    if (!consumers.isOn) return new Map();
    const queues = found.map(({ queue, attributes }) => ({ ...queue, goneSeconds: attributes.consumerGoneSeconds }));
    const pages = await consumers.list({ queues, page: { limit: CONSUMERS } });
    return byQueue(found, (index) => {
      const { items = [], nextMarker = null } = pages[index] ?? {};
      // Those that call come after those that have stopped, so they may be among the rest.
      return nextMarker !== null && items.every(({ stoppedAt }) => stoppedAt !== null) ? null : items;
    });
  }

  async function movesOf(found: readonly Found[]): Promise<Map<string, QueueFacts["move"]>> {
    const page = { limit: MOVES };
    const states = ["running", "waiting"] as const;
    const lists = await Promise.all(
      states.map((state) => jobs.list({ projects: "all", page, kind: "moveQueue", state })),
    );
    const running = new Map(
      lists.flatMap(({ items }) =>
        items.map((job) => [queueKey({ project: job.project ?? "", name: job.target }), job] as const),
      ),
    );
    return byQueue(found, (index) => {
      const job = running.get(queueKey((found[index] as Found).queue));
      if (job === undefined) return null;
      const { pool = null } = JSON.parse(job.inputText) as { pool?: string };
      return { target: pool, progress: job.progress, total: job.total, waitingFor: job.waitingFor };
    });
  }

  async function deadLetterQueuesOf(found: readonly Found[]): Promise<Map<string, QueueFacts["deadLetterQueue"]>> {
    const named = found.flatMap(({ queue, attributes }) =>
      attributes.deadLetterQueue === null ? [] : [{ queue, target: attributes.deadLetterQueue }],
    );
    const targets = await parts.lookup.find(named.map(({ queue, target }) => ({ ...queue, name: target })));
    return new Map(
      named.map(({ queue, target }, index) => [
        queueKey(queue),
        { name: target, exists: (targets[index] ?? null) !== null },
      ]),
    );
  }

  return {
    async explain(access, params) {
      requirePermission(access, "read");
      const asked = checkBatch(limits, "queues", params.queues).map((one) => chosenQueue(limits, access, "read", one));
      const attributes = await parts.lookup.find(asked);
      const found = asked.flatMap((queue, index): Found[] => {
        const of = attributes[index] ?? null;
        return of === null ? [] : [{ queue, attributes: of }];
      });
      if (found.length === 0) return asked.map(() => null);
      const now = await problems.now();
      const [{ pools, messages }, claims, known, wrong, moves, deadLetterQueues, paused] = await Promise.all([
        ofPools(found),
        inTime(claimsOf(found)),
        inTime(consumersOf(found)),
        inTime(problems.ofQueues(found.map(({ queue }) => queue))),
        inTime(movesOf(found)),
        inTime(deadLetterQueuesOf(found)),
        inTime(parts.pauses.ofEach(found.map(({ queue }) => queue))),
      ]);
      const explained = byQueue(found, (index) => {
        const key = queueKey((found[index] as Found).queue);
        const facts: QueueFacts = {
          now,
          pause: pauseFacts(paused?.[index]),
          pool: pools.get(key) ?? null,
          messages: messages.get(key) ?? null,
          claims: claims?.get(key) ?? null,
          consumers: known?.get(key) ?? null,
          problems: wrong?.[index] ?? null,
          move: moves?.get(key),
          deadLetterQueue: deadLetterQueues?.get(key) ?? null,
        };
        return { asOf: now, ...explain(facts) };
      });
      return asked.map((queue) => explained.get(queueKey(queue)) ?? null);
    },
  };
}

/** Undefined: what is paused could not be read in time. */
function pauseFacts(pause: Pause | null | undefined): QueueFacts["pause"] | undefined {
  if (pause === undefined || pause === null) return pause;
  const { scope, at, actor, reason } = pause;
  const what = { queue: "The queue", project: "The queue's project", everything: "Everything" }[scope];
  return { what, at, actor, reason };
}

function byQueue<T>(found: readonly Found[], of: (index: number) => T): Map<string, T> {
  return new Map(found.map(({ queue }, index) => [queueKey(queue), of(index)]));
}
