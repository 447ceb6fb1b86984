/** The deadline of each call to a storage. The time that a call waits in this process counts as well. */
import { type DomainError, hasCode } from "../../errors.ts";
import { silent, stillUnderWay, tooBusy, tookTooLong } from "../errors/storage-errors.ts";

/** How long a driver's call may take, in milliseconds. */
export const DRIVER_DEADLINE_MS = 5000;
/**
 * How much later than its connection this module ends a call. The connection knows whether a call was sent, so a call
 * that did not wait is ended by the connection first.
 */
const CONNECTION_FIRST_MS = 200;
const ANSWERED_BY_MS = DRIVER_DEADLINE_MS + CONNECTION_FIRST_MS;
/** With less time left, a call is not sent any more: its answer would come too late to tell what happened. */
export const WORTH_SENDING_MS = 1000;

/** The part of a storage that answers these calls. If it answers none of them, it counts as silent. */
export interface Source {
  /** When it last answered any call, in milliseconds of performance.now(). */
  heardAt: number;
}

export const NO_PLACE = -1;

export interface Call {
  readonly since: number;
  readonly source: Source;
  /** Of CallDeadlines. Begins as NO_PLACE. */
  place: number;
  /** True: the call may have had an effect. */
  sent: boolean;
  readonly reject: (error: DomainError) => void;
}

/**
 * Errors of calls that were too slow while the storage answered others. They do not mean that the storage is
 * unreachable.
 */
const slow = new WeakSet<Error>();

export function isSlow(error: unknown): boolean {
  return error instanceof Error && slow.has(error);
}

/**
 * The error of a call that was too slow, although the storage is alive. `wrote`: what was sent may still change
 * something.
 */
export function tooSlow({ wrote }: { wrote: boolean }): DomainError {
  const error = wrote ? stillUnderWay() : tookTooLong();
  slow.add(error);
  return error;
}

/**
 * Records that the source has answered. A refusal is an answer too; STORAGE_UNAVAILABLE and OUTCOME_UNKNOWN are not.
 */
export function noteAnswer(source: Source, error?: unknown): void {
  if (hasCode(error, "STORAGE_UNAVAILABLE") || hasCode(error, "OUTCOME_UNKNOWN")) return;
  source.heardAt = performance.now();
}

/** Places of answered calls are freed when they are at least so many, and half of all. */
const MIN_ANSWERED = 64;

/** Rejects calls at their deadline, all with one timer. A call that was sent is not stopped; its answer is ignored. */
export class CallDeadlines {
  /**
   * Calls, oldest first; undefined in the place of one that was answered. Hazard: a Set that every call enters and
   * leaves is copied all the time. V8 links its old copies, with what they held, so that calls outlive them until the
   * next full collection.
   */
  #calls: (Call | undefined)[] = [];
  /** The place of the first of these. */
  #first = 0;
  /** How many of the first ones were answered. */
  #answered = 0;
  #timer: NodeJS.Timeout | undefined;

  begin(call: Call): void {
    call.place = this.#first + this.#calls.length;
    this.#calls.push(call);
    if (this.#timer === undefined) this.#wait(call);
  }

  end(call: Call): void {
    if (!this.#isOpen(call)) return;
    const calls = this.#calls;
    calls[call.place - this.#first] = undefined;
    while (this.#answered < calls.length && calls[this.#answered] === undefined) this.#answered += 1;
    if (this.#answered < MIN_ANSWERED || this.#answered * 2 < calls.length) return;
    calls.splice(0, this.#answered);
    this.#first += this.#answered;
    this.#answered = 0;
  }

  #isOpen(call: Call): boolean {
    return this.#calls[call.place - this.#first] === call;
  }

  /** False when the call has been answered already, or is given up now. */
  isWorthSending(call: Call): boolean {
    if (!this.#isOpen(call)) return false;
    if (performance.now() - call.since <= DRIVER_DEADLINE_MS - WORTH_SENDING_MS) return true;
    this.#giveUp(call);
    return false;
  }

  #wait({ since }: Call): void {
    // After the event loop was blocked, the answers that came meanwhile are read first.
    const check = () => setImmediate(() => this.#check());
    this.#timer = setTimeout(check, Math.max(1, since + ANSWERED_BY_MS - performance.now()));
    this.#timer.unref();
  }

  #check(): void {
    this.#timer = undefined;
    const latest = performance.now() - ANSWERED_BY_MS;
    for (const call of this.#calls.slice(this.#answered)) {
      if (call === undefined) continue;
      if (call.since > latest) {
        this.#wait(call);
        break;
      }
      this.#giveUp(call);
    }
  }

  #giveUp(call: Call): void {
    this.end(call);
    const isSilent = call.source.heardAt < call.since;
    if (call.sent) {
      call.reject(isSilent ? stillUnderWay() : tooSlow({ wrote: true }));
    } else if (isSilent && performance.now() - call.since >= DRIVER_DEADLINE_MS) {
      call.reject(silent());
    } else {
      call.reject(tooBusy());
    }
  }
}
