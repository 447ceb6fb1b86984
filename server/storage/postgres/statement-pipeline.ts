import { DomainError, hasCode } from "../../errors.ts";
import { AGAIN } from "../again.ts";

/** How long a request may wait for its turn before it is given up unsent, in milliseconds (the driver's own deadline). */
export const DRIVER_DEADLINE_MS = 5000;

/**
 * Requests that are in flight together share a statement, a round trip and a commit: a group commit in the process.
 *
 * It never waits on a timer. A request that finds a free lane goes out at the end of this turn of the event loop, with what else came in the
 * same turn; what arrives while all lanes are busy goes with the next statement, at most `maxRequests` and `maxWeight` of it: in order of
 * arrival in each queue, and in turn among queues when there is more. When a lot waits, a statement takes half of it: callers that were answered
 * together come again together, and so the halves keep the database and this process both at work. When a statement of several is refused
 * and rolled back, each of its requests is tried alone, so that one bad request never fails its neighbours; when it was held up by
 * somebody's lock and rolled back, each queue is tried alone.
 * A request that waits past the deadline is DEADLINE_EXCEEDED and was not sent.
 */
export class StatementPipeline<Request, Result> {
  readonly #run: (batch: readonly Request[]) => Promise<(Result | DomainError | typeof AGAIN)[]>;
  readonly #lineOf: (request: Request) => string;
  readonly #namesOf: (request: Request) => readonly string[];
  readonly #lanes: number;
  readonly #maxRequests: number;
  readonly #maxWeight: number;
  readonly #enoughWeight: number;
  readonly #linesTakeTurns: boolean;
  /** The queues that statements under way are for. */
  readonly #busyLines = new Map<string, number>();
  #waiting: Waiting<Request, Result>[] = [];
  #busy = 0;
  #scheduled = false;

  constructor(params: {
    /** One statement for all; gives a result or an error for each, in order. Throwing means that the statement changed nothing, unless OUTCOME_UNKNOWN. */
    run: (batch: readonly Request[]) => Promise<(Result | DomainError | typeof AGAIN)[]>;
    /** The queue that a request is for: when not all fit into a statement, queues take turns. */
    lineOf: (request: Request) => string;
    /** What the request is about, where a statement must not meet it twice: of requests with a name in common the later goes with a later statement. */
    namesOf?: (request: Request) => readonly string[];
    lanes: number;
    maxRequests: number;
    maxWeight: number;
    /** From this weight on a statement of its own is worth its cost: of more than twice as much, half goes. */
    enoughWeight: number;
    /** One statement at a time for each queue, where two would only get in each other's way. */
    linesTakeTurns: boolean;
  }) {
    this.#run = params.run;
    this.#lineOf = params.lineOf;
    this.#namesOf = params.namesOf ?? (() => []);
    this.#lanes = params.lanes;
    this.#maxRequests = params.maxRequests;
    this.#maxWeight = params.maxWeight;
    this.#enoughWeight = params.enoughWeight;
    this.#linesTakeTurns = params.linesTakeTurns;
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
      if (this.#send()) this.#schedule();
    });
  }

  /** False when nothing that waits may go now. */
  #send(): boolean {
    const batch = this.#nextBatch();
    if (batch.length === 0) return false;
    const lines = [...new Set(batch.map(({ request }) => this.#lineOf(request)))];
    this.#busy += 1;
    for (const line of lines) this.#busyLines.set(line, (this.#busyLines.get(line) ?? 0) + 1);
    void this.#settle(batch).then(() => {
      this.#busy -= 1;
      for (const line of lines) {
        const left = (this.#busyLines.get(line) as number) - 1;
        if (left > 0) this.#busyLines.set(line, left);
        else this.#busyLines.delete(line);
      }
      this.#schedule();
    });
    return true;
  }

  #nextBatch(): Waiting<Request, Result>[] {
    const oldest = performance.now() - DRIVER_DEADLINE_MS;
    const waiting = this.#waiting.filter((one) => {
      if (one.since >= oldest) return true;
      one.reject(new DomainError("DEADLINE_EXCEEDED", "The storage is too busy: this was not sent. Try again."));
      return false;
    });
    const ready =
      this.#linesTakeTurns && this.#busyLines.size > 0
        ? waiting.filter(({ request }) => !this.#busyLines.has(this.#lineOf(request)))
        : waiting;
    const total = ready.reduce((sum, one) => sum + one.weight, 0);
    const maxWeight = Math.min(this.#maxWeight, total > 2 * this.#enoughWeight ? total / 2 : total);
    const batch: Waiting<Request, Result>[] = [];
    const named = new Set<string>();
    let weight = 0;
    for (const one of ready.length <= this.#maxRequests && total <= maxWeight ? ready : this.#inTurn(ready)) {
      if (batch.length > 0 && (batch.length >= this.#maxRequests || weight + one.weight > maxWeight)) break;
      const names = this.#namesOf(one.request);
      if (names.some((name) => named.has(name))) continue;
      for (const name of names) named.add(name);
      batch.push(one);
      weight += one.weight;
    }
    const taken = new Set(batch);
    this.#waiting = batch.length === waiting.length ? [] : waiting.filter((one) => !taken.has(one));
    return batch;
  }

  /** One request of each queue, then the next of each: a queue with thousands waiting delays nobody else's first. */
  *#inTurn(waiting: readonly Waiting<Request, Result>[]): Generator<Waiting<Request, Result>> {
    let lines = [...Map.groupBy(waiting, (one) => this.#lineOf(one.request)).values()];
    for (let place = 0; lines.length > 0; place += 1) {
      for (const line of lines) yield line[place] as Waiting<Request, Result>;
      lines = lines.filter((line) => line.length > place + 1);
    }
  }

  async #settle(batch: Waiting<Request, Result>[]): Promise<void> {
    try {
      const results = await this.#run(batch.map((waiting) => waiting.request));
      const again: Waiting<Request, Result>[] = [];
      batch.forEach((waiting, index) => {
        const result = results[index];
        if (result === AGAIN) again.push(waiting);
        else if (result instanceof DomainError) waiting.reject(result);
        else waiting.resolve(result as Result);
      });
      if (again.length > 0) this.#waiting = [...again, ...this.#waiting];
    } catch (error) {
      const parts = this.#partsOf(batch, error);
      if (parts.length < 2) for (const waiting of batch) waiting.reject(error);
      else for (const part of parts) await this.#settleUnlessLate(part, error);
    }
  }

  /** How to try again what changed nothing. One part: not at all. */
  #partsOf(batch: Waiting<Request, Result>[], error: unknown): Waiting<Request, Result>[][] {
    if (hasCode(error, "INTERNAL")) return batch.map((waiting) => [waiting]);
    if (hasCode(error, "DEADLINE_EXCEEDED")) {
      return [...Map.groupBy(batch, (waiting) => this.#lineOf(waiting.request)).values()];
    }
    return [batch];
  }

  async #settleUnlessLate(part: Waiting<Request, Result>[], error: unknown): Promise<void> {
    const oldest = performance.now() - DRIVER_DEADLINE_MS;
    if (part.some(({ since }) => since >= oldest)) await this.#settle(part);
    else for (const waiting of part) waiting.reject(error);
  }
}

interface Waiting<Request, Result> {
  request: Request;
  weight: number;
  since: number;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}
