import { DomainError } from "../../errors.ts";

/** How long a request may wait for its turn before it is given up unsent, in milliseconds (the driver's own deadline). */
export const DRIVER_DEADLINE_MS = 5000;

/**
 * Requests that are in flight together share a statement, a round trip and a commit: a group commit in the process.
 *
 * It never waits on a timer. A request that finds a free lane goes out at the end of this turn of the event loop, with what else came in the
 * same turn; what arrives while all lanes are busy goes with the next statement, in order of arrival, at most `maxRequests` and
 * `maxWeight` a statement. When a statement of several is refused
 * and rolled back, each of its requests is tried alone, so that one bad request never fails its neighbours.
 * A request that waits past the deadline is DEADLINE_EXCEEDED and was not sent.
 */
export class StatementPipeline<Request, Result> {
  readonly #run: (batch: readonly Request[]) => Promise<(Result | DomainError)[]>;
  readonly #lanes: number;
  readonly #maxRequests: number;
  readonly #maxWeight: number;
  #waiting: Waiting<Request, Result>[] = [];
  #busy = 0;
  #scheduled = false;

  constructor(params: {
    /** One statement for all; gives a result or an error for each, in order. Throwing means that the statement changed nothing, unless OUTCOME_UNKNOWN. */
    run: (batch: readonly Request[]) => Promise<(Result | DomainError)[]>;
    lanes: number;
    maxRequests: number;
    maxWeight: number;
  }) {
    this.#run = params.run;
    this.#lanes = params.lanes;
    this.#maxRequests = params.maxRequests;
    this.#maxWeight = params.maxWeight;
  }

  /** `weight`: what the request adds to the statement, in the unit of maxWeight. */
  submit(request: Request, weight: number): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, weight, since: performance.now(), resolve, reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled || this.#busy >= this.#lanes || this.#waiting.length === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#send();
      this.#schedule();
    });
  }

  #send(): void {
    const batch = this.#nextBatch();
    if (batch.length === 0) return;
    this.#busy += 1;
    void this.#settle(batch).then(() => {
      this.#busy -= 1;
      this.#schedule();
    });
  }

  #nextBatch(): Waiting<Request, Result>[] {
    const oldest = performance.now() - DRIVER_DEADLINE_MS;
    const batch: Waiting<Request, Result>[] = [];
    let weight = 0;
    let taken = 0;
    for (const waiting of this.#waiting) {
      if (waiting.since < oldest) {
        waiting.reject(new DomainError("DEADLINE_EXCEEDED", "The storage is too busy: this was not sent. Try again."));
      } else {
        if (batch.length > 0 && (batch.length >= this.#maxRequests || weight + waiting.weight > this.#maxWeight)) break;
        batch.push(waiting);
        weight += waiting.weight;
      }
      taken += 1;
    }
    this.#waiting = this.#waiting.slice(taken);
    return batch;
  }

  async #settle(batch: Waiting<Request, Result>[]): Promise<void> {
    try {
      const results = await this.#run(batch.map((waiting) => waiting.request));
      batch.forEach((waiting, index) => {
        const result = results[index];
        if (result instanceof DomainError) waiting.reject(result);
        else waiting.resolve(result as Result);
      });
    } catch (error) {
      if (batch.length === 1 || !(error instanceof DomainError) || error.code !== "INTERNAL") {
        for (const waiting of batch) waiting.reject(error);
        return;
      }
      for (const waiting of batch) await this.#settle([waiting]);
    }
  }
}

interface Waiting<Request, Result> {
  request: Request;
  weight: number;
  since: number;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}
