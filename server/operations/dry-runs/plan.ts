/** Makes the plan of a dry run: goes over the queues, and says what it found. */
import { DomainError, hasCode, isUnavailable } from "../../errors.ts";
import {
  type Count,
  type DryRunPlan,
  filterText,
  type MessageAction,
  type PlannedMessage,
  type PlannedQueue,
} from "../../jobs/dry-run.ts";
import type { Queue } from "../../storage/control-driver.ts";
import type { MessageFilter, SelectOrder } from "../../storage/messages/message-select.ts";
import { type QueueRef, queueKey } from "../../storage/queue-ref.ts";
import type { OperationContext } from "../context.ts";
import { readMetadata } from "../input/queue-metadata.ts";
import { type Destinations, namedTarget, targetMissing } from "../jobs/destinations.ts";
import type { DeadLetters } from "../lifecycle/dead-letters.ts";
import type { QueueLookup } from "../lifecycle/queue-lookup.ts";
import { MAX_UNDOABLE_DELETES } from "../undo/recorder.ts";
import { type QueueToSurvey, Survey, surveyQueue } from "./survey.ts";

export interface PlanParts {
  lookup: QueueLookup;
  deadLetters: Pick<DeadLetters, "exhaustedFrom">;
  destinations: Destinations;
}

interface PlanParams {
  action: MessageAction;
  filter: MessageFilter;
  limit: number | null;
  queues: readonly Queue[];
  /** The queue was named: when it fails, so does the dry run. */
  isNamed: boolean;
}

/** Messages at the beginning that a dry run names, and what it may use to find them. */
const SAMPLE = 3;
const SAMPLE_BUDGET = { messages: 20_000, bytes: 16 * 1_048_576, milliseconds: 500 };
/** Queues that are asked at a time. */
const ASKED_AT_A_TIME = 8;
/** How long queues are asked whether they hold messages. Those that were not reached are left out. */
const ASK_MS = 4000;

/** QUEUE_DOES_NOT_EXIST when the target is missing, BAD_INPUT when it is the only queue that the job would go over. */
export async function makePlan(context: OperationContext, parts: PlanParts, params: PlanParams): Promise<DryRunPlan> {
  const { action, filter, limit } = params;
  const queues = await withoutTarget(parts, params);
  const warnings: string[] =
    queues.length < params.queues.length ? ["The target is left out: it is where they go."] : [];
  const conditions = action.kind === "purgeQueues" ? beforeOf(action.before) : filter;
  const planned: PlannedQueue[] = [];
  const toSurvey = await withMessages(context, parts, queues, params.isNamed, warnings);
  // Its time begins here: a pool that does not answer takes none of it from the others.
  const survey = new Survey();
  for (const queue of toSurvey) {
    const { destinations } = parts;
    const found = await surveyQueue(context, survey, { queue, action, filter: conditions, limit, destinations });
    if (found !== null) planned.push(found);
  }
  if (!survey.count.exact) warnings.unshift("There is more than could be counted in the time of a dry run.");
  return {
    action,
    filterText: filterText(conditions),
    limit,
    queues: planned,
    count: survey.count,
    claimed: survey.claimed,
    oldest: survey.oldest?.at.toISOString() ?? null,
    newest: survey.newest?.at.toISOString() ?? null,
    sample: await sampleOf(context, survey, planned, toSurvey, conditions),
    destinations: survey.destinations,
    refused: survey.refused.list(),
    undoable: context.limits.UNDO_SECONDS > 0 && isUndoable(action, survey.count),
    warnings,
  };
}

/** What a delete removes is kept beside the queue, so there may not be too many. */
const isUndoable = ({ kind }: MessageAction, { value, exact }: Count): boolean =>
  kind === "purgeQueues" || (kind === "deleteMessages" && exact && value <= MAX_UNDOABLE_DELETES);

/** The first matches of the queue that has the oldest one, and the last match of the queue that has the newest one. */
async function sampleOf(
  { data }: OperationContext,
  { oldest, newest }: Survey,
  planned: readonly PlannedQueue[],
  queues: readonly QueueToSurvey[],
  conditions: MessageFilter,
): Promise<PlannedMessage[]> {
  const find = async (at: QueueRef | null, order: SelectOrder, limit: number): Promise<PlannedMessage[]> => {
    const isIt = (queue: QueueRef) => at !== null && queueKey(queue) === queueKey(at);
    const { upToMarker } = planned.find(isIt) ?? {};
    const { exhaustedFrom = null } = queues.find(isIt) ?? {};
    if (at === null || upToMarker === undefined) return [];
    const { project, name } = at;
    const [filter, queue] = [
      { ...conditions, upToMarker },
      { project, name },
    ];
    const found = await data.messages.select({ queue, filter, exhaustedFrom, order, limit, budget: SAMPLE_BUDGET });
    return found.messages.map(({ id }) => ({ project, name, id }));
  };
  const [first, last] = await Promise.all([
    find(oldest, "oldestFirst", SAMPLE),
    // The last of some ids is the last one that is named, not the newest.
    conditions.ids === undefined ? find(newest, "newestFirst", 1) : [],
  ]);
  return [...first, ...last.filter(({ id }) => first.every((one) => one.id !== id))];
}

const beforeOf = (before: string | null): MessageFilter => (before === null ? {} : { postedBefore: new Date(before) });

/** The queues without the one that the messages go to. */
async function withoutTarget({ lookup }: PlanParts, { action, queues, isNamed }: PlanParams): Promise<Queue[]> {
  if (action.kind !== "redriveMessages" && action.kind !== "moveMessages") return [...queues];
  const targets = new Map<string, QueueRef>();
  for (const queue of queues) {
    const target = namedTarget(action, queue);
    if (target !== null) targets.set(queueKey(target), target);
  }
  const found = await lookup.find([...targets.values()]);
  const missing = [...targets.values()].find((_, index) => found[index] === null);
  if (missing !== undefined) throw targetMissing(missing);
  const rest = queues.filter((queue) => !targets.has(queueKey(queue)));
  if (isNamed && rest.length === 0) {
    throw new DomainError("BAD_INPUT", "The messages are in this queue already. Name another one.", {
      details: { field: action.kind === "moveMessages" ? "action.move.queue" : "action.redrive.to" },
    });
  }
  return rest;
}

/** Those that hold messages, each with its highest marker. One whose pool fails is left out, with a warning. */
async function withMessages(
  context: OperationContext,
  { deadLetters }: PlanParts,
  queues: readonly Queue[],
  isNamed: boolean,
  warnings: string[],
): Promise<QueueToSurvey[]> {
  const { data, limits } = context;
  const stats = isNamed ? [] : await data.tryStats(queues);
  const full = queues.filter((queue, index) => {
    const one = stats[index];
    if (one instanceof DomainError && isUnavailable(one)) {
      warnings.push(`The queue ${queue.name} is left out: ${one.message}`);
      return false;
    }
    return !(one !== undefined && one !== null && !(one instanceof DomainError) && one.total === 0);
  });
  const ask = async ({ project, name, createdAt, metadataText }: Queue): Promise<QueueToSurvey | null> => {
    const queue = { project, name };
    try {
      const newest = await newestMarker(data, queue);
      if (newest === null) return null;
      const exhaustedFrom = await deadLetters.exhaustedFrom(queue, readMetadata(limits, metadataText).effective);
      return { ...queue, createdAt, exhaustedFrom, newest };
    } catch (error) {
      if (isNamed) throw error;
      if (isUnavailable(error)) warnings.push(`The queue ${name} is left out: ${error.message}`);
      else if (!hasCode(error, "QUEUE_DOES_NOT_EXIST")) throw error;
      return null;
    }
  };
  const found: QueueToSurvey[] = [];
  const until = performance.now() + ASK_MS;
  for (let from = 0; from < full.length; from += ASKED_AT_A_TIME) {
    if (performance.now() >= until) {
      warnings.unshift(`${full.length - from} queues are left out: their pools answered too slowly.`);
      break;
    }
    const asked = await Promise.all(full.slice(from, from + ASKED_AT_A_TIME).map(ask));
    found.push(...asked.filter((queue) => queue !== null));
  }
  return found;
}

async function newestMarker(data: OperationContext["data"], queue: QueueRef): Promise<string | null> {
  const { items } = await data.messages.list({
    queue,
    page: { limit: 1, atEnd: true },
    includeClaimed: true,
    includeDelayed: true,
    includeExhausted: true,
  });
  return items[0]?.marker ?? null;
}
