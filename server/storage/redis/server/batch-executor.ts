import { type Call, CallDeadlines, noteAnswer, type Source } from "../../call-deadlines.ts";
import { RESEND } from "../../resend.ts";

/** Scripts of one line that are on their way at a time: one is done while the next is sent. */
const LANES = 2;

interface Waiting<Request, Result> extends Call {
  readonly request: Request;
  readonly weight: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

interface Line<Request, Result> extends Source {
  waiting: Waiting<Request, Result>[];
  underWay: number;
  scheduled: boolean;
}

/**
 * Requests of one line that are in flight together share a script. It never sends by a timer: what came in one turn of
 * the event loop goes out at its end, and what comes while two scripts are on their way goes with the next, in order of
 * arrival and at most `maxWeight` of it. They succeed or fail together. Each has one deadline (`call-deadlines.ts`):
 * DEADLINE_EXCEEDED when it was not sent by then, else OUTCOME_UNKNOWN.
 */
export class BatchExecutor<Request, Result> {
  readonly #send: (requests: readonly Request[]) => Promise<readonly (Result | typeof RESEND)[]>;
  readonly #maxWeight: number;
  readonly #deadlines = new CallDeadlines();
  readonly #lines = new Map<string, Line<Request, Result>>();

  /** `send` gives a result for each request, in order. */
  constructor(params: {
    send: (requests: readonly Request[]) => Promise<readonly (Result | typeof RESEND)[]>;
    maxWeight: number;
  }) {
    this.#send = params.send;
    this.#maxWeight = params.maxWeight;
  }

  submit(name: string, request: Request, weight: number): Promise<Result> {
    let line = this.#lines.get(name);
    if (line === undefined) {
      line = { waiting: [], underWay: 0, scheduled: false, heardAt: Number.NEGATIVE_INFINITY };
      this.#lines.set(name, line);
    }
    const source = line;
    const done = new Promise<Result>((resolve, reject) => {
      const waiting = { request, weight, since: performance.now(), source, sent: false, resolve, reject };
      this.#deadlines.begin(waiting);
      source.waiting.push(waiting);
    });
    this.#schedule(name, line);
    return done;
  }

  #schedule(name: string, line: Line<Request, Result>): void {
    if (line.scheduled || line.underWay >= LANES) return;
    if (line.waiting.length === 0) {
      if (line.underWay === 0) this.#lines.delete(name);
      return;
    }
    line.scheduled = true;
    setImmediate(() => {
      line.scheduled = false;
      const batch = this.#nextBatch(line);
      if (batch.length > 0) {
        line.underWay += 1;
        void this.#settle(line, batch).then(() => {
          line.underWay -= 1;
          this.#schedule(name, line);
        });
      }
      this.#schedule(name, line);
    });
  }

  #nextBatch(line: Line<Request, Result>): Waiting<Request, Result>[] {
    const batch: Waiting<Request, Result>[] = [];
    let weight = 0;
    let taken = 0;
    for (const one of line.waiting) {
      if (batch.length > 0 && weight + one.weight > this.#maxWeight) break;
      taken += 1;
      if (!this.#deadlines.isWorthSending(one)) continue;
      batch.push(one);
      weight += one.weight;
    }
    line.waiting.splice(0, taken);
    return batch;
  }

  async #settle(line: Line<Request, Result>, batch: readonly Waiting<Request, Result>[]): Promise<void> {
    for (const waiting of batch) waiting.sent = true;
    try {
      const results = await this.#send(batch.map(({ request }) => request));
      noteAnswer(line);
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
      line.waiting.unshift(...again);
    } catch (error) {
      noteAnswer(line, error);
      for (const waiting of batch) {
        this.#deadlines.end(waiting);
        waiting.reject(error);
      }
    }
  }
}
