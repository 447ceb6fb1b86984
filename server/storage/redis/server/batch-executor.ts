import { type Call, CallDeadlines, NO_PLACE, noteAnswer, type Source } from "../../deadlines/call-deadlines.ts";
import { RESEND } from "../../resend.ts";

/** How many scripts of one partition are in flight at a time: the server runs one while the next is being sent. */
const CONCURRENCY = 2;

interface Waiting<Request, Result> extends Call {
  readonly request: Request;
  readonly weight: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

interface Partition<Request, Result> extends Source {
  waiting: Waiting<Request, Result>[];
  inFlight: number;
  scheduled: boolean;
}

/**
 * Requests of one partition that are in flight together share a script. No timer delays them: requests that come in one
 * turn of the event loop are sent at its end. Requests that come while two scripts are in flight go with the next one,
 * in order of arrival, up to `maxWeight`.
 *
 * Requests of one script succeed or fail together. Each has a deadline of its own (see call-deadlines.ts):
 * DEADLINE_EXCEEDED when it was not sent by then, else OUTCOME_UNKNOWN.
 */
export class BatchExecutor<Request, Result> {
  readonly #send: (requests: readonly Request[]) => Promise<readonly (Result | typeof RESEND)[]>;
  readonly #maxWeight: number;
  readonly #deadlines = new CallDeadlines();
  readonly #partitions = new Map<string, Partition<Request, Result>>();

  /** `send` returns a result for each request, in order; RESEND for one that must go with a later script. */
  constructor(params: {
    send: (requests: readonly Request[]) => Promise<readonly (Result | typeof RESEND)[]>;
    maxWeight: number;
  }) {
    this.#send = params.send;
    this.#maxWeight = params.maxWeight;
  }

  submit(name: string, request: Request, weight: number): Promise<Result> {
    let partition = this.#partitions.get(name);
    if (partition === undefined) {
      partition = { waiting: [], inFlight: 0, scheduled: false, heardAt: Number.NEGATIVE_INFINITY };
      this.#partitions.set(name, partition);
    }
    const source = partition;
    const done = new Promise<Result>((resolve, reject) => {
      const waiting = {
        request,
        weight,
        since: performance.now(),
        source,
        place: NO_PLACE,
        sent: false,
        resolve,
        reject,
      };
      this.#deadlines.begin(waiting);
      source.waiting.push(waiting);
    });
    this.#schedule(name, partition);
    return done;
  }

  #schedule(name: string, partition: Partition<Request, Result>): void {
    if (partition.scheduled || partition.inFlight >= CONCURRENCY) return;
    if (partition.waiting.length === 0) {
      if (partition.inFlight === 0) this.#partitions.delete(name);
      return;
    }
    partition.scheduled = true;
    setImmediate(() => {
      partition.scheduled = false;
      const batch = this.#nextBatch(partition);
      if (batch.length > 0) {
        partition.inFlight += 1;
        void this.#run(partition, batch).then(() => {
          partition.inFlight -= 1;
          this.#schedule(name, partition);
        });
      }
      this.#schedule(name, partition);
    });
  }

  #nextBatch(partition: Partition<Request, Result>): Waiting<Request, Result>[] {
    const batch: Waiting<Request, Result>[] = [];
    let weight = 0;
    let taken = 0;
    for (const one of partition.waiting) {
      if (batch.length > 0 && weight + one.weight > this.#maxWeight) break;
      taken += 1;
      if (!this.#deadlines.isWorthSending(one)) continue;
      batch.push(one);
      weight += one.weight;
    }
    partition.waiting.splice(0, taken);
    return batch;
  }

  async #run(partition: Partition<Request, Result>, batch: readonly Waiting<Request, Result>[]): Promise<void> {
    for (const waiting of batch) waiting.sent = true;
    try {
      const results = await this.#send(batch.map(({ request }) => request));
      noteAnswer(partition);
      const again: Waiting<Request, Result>[] = [];
      batch.forEach((waiting, index) => {
        const result = results[index];
        waiting.sent = result !== RESEND;
        if (!waiting.sent) {
          again.push(waiting);
          return;
        }
        this.#deadlines.end(waiting);
        waiting.resolve(result as Result);
      });
      partition.waiting.unshift(...again);
    } catch (error) {
      noteAnswer(partition, error);
      for (const waiting of batch) {
        this.#deadlines.end(waiting);
        waiting.reject(error);
      }
    }
  }
}
