/** One deadline for each call: waiting for its turn counts as much as being under way. */
import { type DomainError, hasCode } from "../errors.ts";
import { silent, stillUnderWay, tooBusy, tookTooLong } from "./storage-errors.ts";

/** Of a driver's call, in milliseconds. */
export const DRIVER_DEADLINE_MS = 5000;
/**
 * A call that did not wait is ended by its connection, which knows whether it was sent. So the connection has the first
 * word.
 */
const FIRST_WORD_MS = 200;
const ANSWERED_BY_MS = DRIVER_DEADLINE_MS + FIRST_WORD_MS;
/** With less left a call is given up unsent, since its answer would come too late to tell what happened. */
export const WORTH_SENDING_MS = 1000;

/** Who answers calls: what they wait for together. */
export interface Source {
  /** When it last answered anybody, as performance.now() counts. */
  heardAt: number;
}

export interface Call {
  readonly since: number;
  readonly source: Source;
  /** May have happened from then on. */
  sent: boolean;
  readonly reject: (error: DomainError) => void;
}

/**
 * Calls whose caller was told that the time is up, though the storage answers others: they say nothing about whether it
 * is there.
 */
const slow = new WeakSet<Error>();

export function isSlow(error: unknown): boolean {
  return error instanceof Error && slow.has(error);
}

/** The storage lives, but has not answered in time. `wrote`: what was sent may still change something. */
export function tooSlow({ wrote }: { wrote: boolean }): DomainError {
  const error = wrote ? stillUnderWay() : tookTooLong();
  slow.add(error);
  return error;
}

/** A source that answered, if only to refuse. */
export function noteAnswer(source: Source, error?: unknown): void {
  if (hasCode(error, "STORAGE_UNAVAILABLE") || hasCode(error, "OUTCOME_UNKNOWN")) return;
  source.heardAt = performance.now();
}

/** Rejects the calls whose time is up, all with one timer. What was sent goes on, and its answer is nobody's. */
export class CallDeadlines {
  /** In order of their beginning. */
  readonly #open = new Set<Call>();
  #timer: NodeJS.Timeout | undefined;

  begin(call: Call): void {
    this.#open.add(call);
    if (this.#timer === undefined) this.#wait(call);
  }

  end(call: Call): void {
    this.#open.delete(call);
  }

  /** False for one that was answered already, or is given up now. */
  isWorthSending(call: Call): boolean {
    if (!this.#open.has(call)) return false;
    if (performance.now() - call.since <= DRIVER_DEADLINE_MS - WORTH_SENDING_MS) return true;
    this.#giveUp(call);
    return false;
  }

  #wait({ since }: Call): void {
    // Of a loop that stood still, the answers that came meanwhile are read first.
    const look = () => setImmediate(() => this.#look());
    this.#timer = setTimeout(look, Math.max(1, since + ANSWERED_BY_MS - performance.now()));
    this.#timer.unref();
  }

  #look(): void {
    this.#timer = undefined;
    const latest = performance.now() - ANSWERED_BY_MS;
    for (const call of this.#open) {
      if (call.since > latest) {
        this.#wait(call);
        break;
      }
      this.#giveUp(call);
    }
  }

  #giveUp(call: Call): void {
    this.#open.delete(call);
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
