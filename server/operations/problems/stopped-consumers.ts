/** Finds queues whose consumers have stopped. */
import { MIN_GONE_SECONDS } from "../../config.ts";
import { DomainError } from "../../errors.ts";
import type { Consumer } from "../../history/consumer.ts";
import { judgeConsumers } from "../../problems/consumer-rules.ts";
import type { FoundProblem } from "../../problems/problem.ts";
import { withDeadline } from "../../storage/deadlines/deadline.ts";
import { type QueueRef, queueKey } from "../../storage/queue-ref.ts";
import { holderOf } from "../claims/record.ts";
import type { OperationContext } from "../context.ts";
import type { QueueLookup } from "../lifecycle/queue-lookup.ts";

/** Consumers, those that stopped last, and the queues that they stopped at. */
const MAX_STOPPED = 2000;
const MAX_QUEUES = 200;
/** Of each queue: as many are read, those that have stopped first. */
const CONSUMERS = 100;
const CLAIMS = 100;
/** For what is held. Without it a problem still makes sense. */
const CLAIMS_MS = 3000;

export async function findStoppedConsumers(
  { consumers, samples, data }: OperationContext,
  lookup: Pick<QueueLookup, "find">,
  now: Date,
): Promise<FoundProblem[]> {
  const silent = await consumers.stopped({ silentSeconds: MIN_GONE_SECONDS, limit: MAX_STOPPED });
  const stoppedIn = Map.groupBy(silent, (consumer) => queueKey(queueOf(consumer)));
  const queues = [...stoppedIn.values()].flatMap(([first]) => (first === undefined ? [] : [queueOf(first)]));
  const attributes = await lookup.find(queues);
  const concerned = queues.flatMap((queue, index) => {
    const goneSeconds = attributes[index]?.consumerGoneSeconds ?? 0;
    const stopped = (stoppedIn.get(queueKey(queue)) ?? []).flatMap(({ name, stoppedAt }) =>
      stoppedAt !== null && now.getTime() - stoppedAt.getTime() >= goneSeconds * 1000 ? [{ name, stoppedAt }] : [],
    );
    return goneSeconds === 0 || stopped.length === 0 ? [] : [{ queue, goneSeconds, stopped }];
  });
  const some = concerned.slice(0, MAX_QUEUES);
  if (some.length === 0) return [];
  const [pages, last, claims] = await Promise.all([
    consumers.list({
      queues: some.map(({ queue, goneSeconds }) => ({ ...queue, goneSeconds })),
      page: { limit: CONSUMERS },
    }),
    samples.last(some.map(({ queue }) => queue)),
    withDeadline(
      data.batch.claims({ queues: some.map(({ queue }) => queue), page: { limit: CLAIMS } }),
      CLAIMS_MS,
      () => [],
    ).catch(() => []),
  ]);
  return some.flatMap(({ queue, goneSeconds, stopped }, index) => {
    const names = new Set(stopped.map(({ name }) => name));
    const isPresent = ({ lastSeenAt, name }: Consumer) =>
      !names.has(name) && now.getTime() - lastSeenAt.getTime() < goneSeconds * 1000;
    const sample = last[index] ?? null;
    const page = claims[index];
    const held = page === undefined || page instanceof DomainError ? [] : page.items;
    const found = judgeConsumers({
      ...{ queue, goneSeconds, stopped, now },
      // There may be more consumers than were read; what is given out tells of them.
      othersPresent: (pages[index]?.items ?? []).some(isPresent) || (sample?.rates?.delivered ?? 0) > 0,
      ready: sample?.ready ?? 0,
      oldestReadyAt: sample?.oldestReadyAt ?? null,
      held: held
        .filter((claim) => names.has(holderOf(claim) ?? ""))
        .reduce((sum, { messageCount }) => sum + messageCount, 0),
    });
    return found === null ? [] : [found];
  });
}

const queueOf = ({ project, queue: name }: Consumer): QueueRef => ({ project, name });
