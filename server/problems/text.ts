/** What problems say, in words for people: made of their numbers when they are read. */
import type { JobKind } from "../jobs/job.ts";
import { refusalReason, type WriteRefusal } from "../storage/errors/read-only-storage.ts";
import type { FoundProblem, Problem, ProblemKind } from "./problem.ts";

export interface ProblemText {
  /** Who, how much and why: a sentence. */
  text: string;
  /** What it was concluded from: a line of numbers. */
  evidence: string;
  /** What to do: a sentence or two. */
  advice: string;
}

/** What the product can do about a problem. */
export const FIXES = [
  "createDeadLetterQueue",
  "releaseClaims",
  "resume",
  "testPool",
  "updatePoolUri",
  "drainPool",
  "collectGarbage",
  "retryJob",
] as const;
export type ProblemFix = (typeof FIXES)[number];

const NUMBERS = new Intl.NumberFormat("en-US");
export const inNumbers = (value: number) => NUMBERS.format(value);
export const plural = (count: number, one: string, many = `${one}s`) =>
  `${inNumbers(count)} ${count === 1 ? one : many}`;
const messages = (count: number) => plural(count, "message");

const UNITS = [
  ["day", 86_400],
  ["h", 3600],
  ["min", 60],
] as const;

/** Such as "12 min", "1 h 5 min" or "2 days 3 h". */
export function inTime(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const index = UNITS.findIndex(([, size]) => seconds >= size);
  const [unit, size] = UNITS[index] ?? ["s", 1];
  const whole = Math.floor(seconds / size);
  const name = unit === "day" && whole !== 1 ? "days" : unit;
  const [smaller, part] = UNITS[index + 1] ?? ["s", 1];
  const rest = Math.floor((seconds - whole * size) / part);
  // Of minutes, the seconds mean nothing.
  return rest === 0 || index < 0 || unit === "min" ? `${whole} ${name}` : `${whole} ${name} ${rest} ${smaller}`;
}

const SIZES = ["bytes", "KiB", "MiB", "GiB", "TiB"] as const;

export function inBytes(bytes: number): string {
  const index = Math.min(SIZES.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const value = bytes / 1024 ** index;
  return `${index === 0 || value >= 100 ? Math.round(value) : Math.round(value * 10) / 10} ${SIZES[index]}`;
}

/** A rate that rounds to zero is said to be low, not to be none. */
function inRate(rate: number | null): string {
  if (rate === null) return "unknown";
  if (rate > 0 && rate < 0.05) return "under 0.1 a second";
  return `${inNumbers(Math.round(rate * 10) / 10)} a second`;
}

const queueOf = ({ queue, project }: FoundProblem) => `The queue ${queue} of the project "${project}"`;

type Texts = { [Kind in ProblemKind]: (problem: Extract<FoundProblem, { kind: Kind }>, now: number) => ProblemText };

const REFUSALS: Record<WriteRefusal, [what: string, advice: string]> = {
  "disk-full": ["The disk of the pool POOL is full.", "Free some space there"],
  "memory-full": ["The memory of the pool POOL is full.", "Raise its server's maxmemory, or delete messages"],
  "out-of-memory": ["The server of the pool POOL is out of memory.", "Give it more, or fewer connections"],
  "read-only": ["The pool POOL is read-only.", "Make it writable, or give it the URI of its primary server"],
  "disk-failing": ["The pool POOL cannot write to its disk.", "Check whether it is full, and read its log"],
  "too-few-replicas": ["The pool POOL has too few replicas to take writes.", "Start them again"],
};

const TEXTS: Texts = {
  stuck(problem, now) {
    const { ready, claimed, oldestReadyAt, givenAt } = problem.numbers;
    const given =
      givenAt === null ? "None was given out so far" : `The last one was given out ${inTime(now - givenAt)} ago`;
    return {
      text: `${queueOf(problem)} is stuck: nothing took its ${messages(ready)} for ${inTime(now - problem.since.getTime())}.`,
      evidence: `The oldest ready message is ${inTime(now - oldestReadyAt)} old. ${given}; ${inNumbers(claimed)} are claimed now.`,
      advice: "Start its consumers again, or check what they do.",
    };
  },
  growing(problem, now) {
    const { depth, from, postedRate, deliveredRate } = problem.numbers;
    return {
      text: `${queueOf(problem)} grows: it has ${messages(depth)}, ${inNumbers(depth - from)} more than ${inTime(now - problem.since.getTime())} ago.`,
      evidence: `Posted: ${inRate(postedRate)}. Given out: ${inRate(deliveredRate)}.`,
      advice: "Start more consumers, or post less.",
    };
  },
  claimsLapsing(problem) {
    const { lapsed, claimed } = problem.numbers;
    const percent = Math.min(100, Math.round((100 * lapsed) / Math.max(1, claimed)));
    return {
      text: `Claims of the queue ${problem.queue} of the project "${problem.project}" lapse: of the messages that were claimed in ten minutes, ${percent} % came back unfinished.`,
      evidence: `${inNumbers(lapsed)} of ${messages(claimed)} in ten minutes. Each will be delivered again.`,
      advice:
        "Claim with a longer ttl, or fewer messages at once, or renew the claims; or find out why consumers stop.",
    };
  },
  exhausted(problem) {
    const { deadLetterQueue, exhausted, exact } = problem.numbers;
    return {
      text: `${queueOf(problem)} keeps ${exact ? "" : "at least "}${messages(exhausted)} that nobody can claim, delivered as often as it allows: its dead letter queue ${deadLetterQueue} does not exist.`,
      evidence: `${inNumbers(exhausted)} exhausted; the dead letter queue is ${deadLetterQueue}.`,
      advice: "Create it, and the next claim moves them there.",
    };
  },
  deadLettersArriving(problem) {
    const { deadLetters, usual } = problem.numbers;
    return {
      text: `${queueOf(problem)} gave up ${messages(deadLetters)} in ten minutes: they went to its dead letter queue.`,
      evidence: `Usual are ${inNumbers(usual)} in ten minutes, by the last day.`,
      advice: "Look at what the consumers cannot handle, in the dead letter queue.",
    };
  },
  deadLetterQueueMissing(problem) {
    const { deadLetterQueue } = problem.numbers;
    return {
      text: `${queueOf(problem)} names the dead letter queue ${deadLetterQueue}, which does not exist.`,
      evidence: "No message is held back yet.",
      advice: "Create it, or messages that are delivered too often will stay where nobody can claim them.",
    };
  },
  consumerGone(problem, now) {
    const { consumers, names, held, ready, othersPresent } = problem.numbers;
    const named = names.join(", ");
    const more = consumers > names.length ? ` and ${inNumbers(consumers - names.length)} more` : "";
    const stopped = `stopped claiming from the queue ${problem.queue} of the project "${problem.project}"`;
    return {
      text: `${named}${more} ${stopped} ${inTime(now - problem.since.getTime())} ago.`,
      evidence: `Before, ${consumers === 1 ? "it" : "they"} claimed every few seconds. ${
        othersPresent ? "Others still claim" : "Nobody else claims"
      }; ${inNumbers(ready)} ready messages wait${held > 0 ? `, and ${inNumbers(held)} are still held` : ""}.`,
      advice: "Start it again, or check what it waits for.",
    };
  },
  poolUnhealthy({ pool, numbers }, now) {
    const { reachable, failed, sameAs, healthySince } = numbers;
    const parts: ProblemText[] = [];
    if (!reachable) {
      parts.push({
        text: `The pool ${pool} cannot be reached, so its queues are not available.`,
        evidence: "The last check got no answer.",
        advice: "Check its server and URI.",
      });
    } else if (failed.length > 0) {
      parts.push({
        text: `In the pool ${pool} these operations fail: ${failed.join(", ")}.`,
        evidence: "A check does real operations on a hidden queue.",
        advice: "Read its server's log.",
      });
    }
    if (sameAs !== null) {
      parts.push({
        text: `The pool ${pool} is the same server and namespace as the pool ${sameAs}.`,
        evidence: "Both stores have the same identity.",
        advice: "Give it no new queues, move those that it has to a third pool, and delete it.",
      });
    }
    if (parts.length === 0) {
      parts.push({
        text: `The pool ${pool} was unhealthy until a moment ago.`,
        evidence: `Its checks succeed for ${inTime(now - (healthySince ?? now))}. This ends when they did for a minute.`,
        advice: "Nothing is to be done, unless it fails again.",
      });
    }
    const joined = (of: (part: ProblemText) => string) => parts.map(of).join(" ");
    return {
      text: joined(({ text }) => text),
      evidence: joined(({ evidence }) => evidence),
      advice: joined(({ advice }) => advice),
    };
  },
  poolFull({ pool, numbers }) {
    const { reason, freeBytes } = numbers;
    const [what, advice] = REFUSALS[reason];
    const left = freeBytes === null ? "" : ` (${inBytes(freeBytes)} are free)`;
    return {
      text: what.replace("POOL", pool),
      evidence: `${refusalReason(reason)}${left}.`,
      advice: `${advice}${left}. Until then it can only be read. It recovers by itself.`,
    };
  },
  poolEmptyAgain({ pool, since }) {
    return {
      text: `The pool ${pool} came back without what its queues held: on ${since.toISOString()} its storage was found empty, or was another one.`,
      evidence: "Its store has another identity or history than before.",
      advice:
        "Check that it keeps its data on disk, and post again what you can. Then update the pool with its URI, which ends this warning.",
    };
  },
  clockSkew({ pool, numbers: { seconds } }) {
    return {
      text: `The clock of the pool ${pool} is ${inTime(Math.abs(seconds) * 1000)} ${seconds > 0 ? "ahead of" : "behind"} that of the control database.`,
      evidence: `Measured: ${seconds > 0 ? "+" : "−"}${Math.abs(Math.round(seconds * 10) / 10)} s. Claims, delays and expiry follow the pool's clock.`,
      advice: "Let both servers set their clocks by NTP.",
    };
  },
  gcBehind({ pool, numbers: { error }, since }, now) {
    return error === null
      ? {
          text: `Garbage was not collected for ${inTime(now - since.getTime())}.`,
          evidence: "Expired messages and claims take space until then; nothing else changes.",
          advice: "Check that a process of the service runs, and read its log.",
        }
      : {
          text: `Garbage collection failed in the pool ${pool}: ${error}`,
          evidence: `It has failed for ${inTime(now - since.getTime())}.`,
          advice: "Until it succeeds, expired messages take space there.",
        };
  },
  disk({ pool, numbers: { freeBytes, totalBytes } }) {
    const percent = Math.floor((100 * freeBytes) / Math.max(1, totalBytes));
    return {
      text: `The storage of the pool ${pool} is almost full: ${inBytes(freeBytes)} are free, ${percent} %.`,
      evidence: `${inBytes(freeBytes)} of ${inBytes(totalBytes)}.`,
      advice: "Free some space, or move queues to another pool.",
    };
  },
  jobFailed({ numbers: { kind, target, error }, since }, now) {
    return {
      text: `${jobInWords(kind, target)} failed: ${error}`,
      evidence: `It failed ${inTime(now - since.getTime())} ago. What was done stays done.`,
      advice: "Repair what it says, and start it again.",
    };
  },
};

function jobInWords(kind: JobKind, target: string): string {
  const queues = target === "" ? "several queues" : `the queue ${target}`;
  switch (kind) {
    case "moveQueue":
      return `Moving the queue ${target}`;
    case "drainPool":
      return `Draining the pool ${target}`;
    case "redriveMessages":
      return `Redriving from ${queues}`;
    case "deleteMessages":
      return `Deleting messages of ${queues}`;
    case "moveMessages":
      return `Moving messages of ${queues}`;
    case "releaseClaims":
      return `Releasing claims of ${queues}`;
    case "purgeQueues":
      return `Purging ${queues}`;
    case "generateMessages":
      return `Posting test messages to ${queues}`;
  }
}

export function describeProblem(problem: FoundProblem, now: Date): ProblemText {
  const describe = TEXTS[problem.kind] as (problem: FoundProblem, now: number) => ProblemText;
  return describe(problem, now.getTime());
}

/** A problem with its words. */
export type ProblemRecord = Problem & ProblemText & { readonly fix: ProblemFix | null };

export function inWords(problem: Problem, now: Date): ProblemRecord {
  return { ...problem, ...describeProblem(problem, now), fix: fixOf(problem) };
}

/** Null: nothing that the product does by itself. */
function fixOf(problem: FoundProblem): ProblemFix | null {
  switch (problem.kind) {
    case "exhausted":
    case "deadLetterQueueMissing":
      return "createDeadLetterQueue";
    case "stuck":
      return problem.numbers.claimed > 0 ? "releaseClaims" : null;
    case "consumerGone":
      return problem.numbers.held > 0 ? "releaseClaims" : null;
    case "poolUnhealthy":
      return problem.numbers.sameAs === null ? "testPool" : "drainPool";
    case "poolFull":
    case "disk":
      return "drainPool";
    case "poolEmptyAgain":
      return "updatePoolUri";
    case "gcBehind":
      return "collectGarbage";
    case "jobFailed":
      return problem.numbers.kind === "generateMessages" ? null : "retryJob";
    default:
      return null;
  }
}
