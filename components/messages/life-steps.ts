import type { LifeEvent } from "./fragments.ts";

/** A claim on the message, from its delivery to its end. */
export interface ClaimStep {
  claim: LifeEvent;
  renewals: number;
  /** How it ended: RELEASED, LAPSED or DELETED. Null: it goes on, or the message left with it. */
  end: LifeEvent | null;
}

/** A line of a life: one event, one claim, or many claims in a row that led to nothing. */
export type Step = { event: LifeEvent } | ClaimStep | { claims: ClaimStep[] };

/** Claims in a row that led to nothing: of so many and more, all but the first share a line. */
const MANY = 4;
/** An arrival belongs to the departure before it, though the clocks of two pools differ. */
const SAME_MOMENT_MS = 10_000;

const ENDS: readonly LifeEvent["kind"][] = ["RELEASED", "LAPSED", "DELETED"];

export function stepsOf(events: readonly LifeEvent[]): Step[] {
  const steps: ({ event: LifeEvent } | ClaimStep)[] = [];
  for (let index = 0; index < events.length; index += 1) {
    const event = events[index] as LifeEvent;
    if (event.kind !== "CLAIMED") {
      if (!isArrivalAfter(events[index - 1], event)) steps.push({ event });
      continue;
    }
    const step: ClaimStep = { claim: event, renewals: 0, end: null };
    const isOfClaim = (next: LifeEvent | undefined) => next !== undefined && next.claimId === event.claimId;
    while (events[index + 1]?.kind === "RENEWED" && isOfClaim(events[index + 1])) {
      step.renewals += 1;
      index += 1;
    }
    const next = events[index + 1];
    if (next !== undefined && ENDS.includes(next.kind) && isOfClaim(next)) {
      step.end = next;
      index += 1;
    }
    steps.push(step);
  }
  return folded(steps);
}

function isArrivalAfter(before: LifeEvent | undefined, event: LifeEvent): boolean {
  if (event.kind !== "ARRIVED" || before === undefined) return false;
  const left = before.kind === "DEAD_LETTERED" || before.kind === "MOVED";
  const isNear = Math.abs(Date.parse(event.at) - Date.parse(before.at)) < SAME_MOMENT_MS;
  return left && before.otherQueueName === event.queueName && isNear;
}

const isInVain = (step: { event: LifeEvent } | ClaimStep): step is ClaimStep =>
  "claim" in step && (step.end?.kind === "RELEASED" || step.end?.kind === "LAPSED");

function folded(steps: readonly ({ event: LifeEvent } | ClaimStep)[]): Step[] {
  const all: Step[] = [];
  for (let first = 0; first < steps.length; ) {
    const run: ClaimStep[] = [];
    for (let step = steps[first]; step !== undefined && isInVain(step); step = steps[first + run.length])
      run.push(step);
    if (run.length >= MANY) all.push(run[0] as ClaimStep, { claims: run.slice(1) });
    else all.push(...(run.length > 0 ? run : [steps[first] as Step]));
    first += Math.max(run.length, 1);
  }
  return all;
}

/** Whether the message had been a dead letter of the queue to which this event moves it. */
export function isRedrive(events: readonly LifeEvent[], moved: LifeEvent): boolean {
  return events.some(
    ({ kind, queueName, at }) => kind === "DEAD_LETTERED" && queueName === moved.otherQueueName && at <= moved.at,
  );
}
