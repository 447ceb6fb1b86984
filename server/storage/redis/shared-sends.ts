import { ANSWER_TIMEOUT_MS } from "./connection.ts";
import { deadlineExceeded } from "./redis-errors.ts";

/** Scripts of one line that are on their way at a time: one is done while the next is sent. */
const LANES = 2;

interface Waiting<Request> {
  request: Request;
  weight: number;
  since: number;
  resolve: () => void;
  reject: (error: unknown) => void;
}

interface Line<Request> {
  waiting: Waiting<Request>[];
  underWay: number;
  scheduled: boolean;
}

/**
 * Requests of one line that are in flight together share a script. It never waits on a timer: what came in one turn of the event loop goes
 * out at its end, and what comes while two scripts are on their way goes with the next, in order of arrival and at most `maxWeight` of it. They
 * succeed or fail together. One that waits past the deadline is DEADLINE_EXCEEDED and was not sent.
 */
export class SharedSends<Request> {
  readonly #send: (line: string, requests: readonly Request[]) => Promise<void>;
  readonly #maxWeight: number;
  readonly #lines = new Map<string, Line<Request>>();

  constructor(params: { send: (line: string, requests: readonly Request[]) => Promise<void>; maxWeight: number }) {
    this.#send = params.send;
    this.#maxWeight = params.maxWeight;
  }

  submit(name: string, request: Request, weight: number): Promise<void> {
    let line = this.#lines.get(name);
    if (line === undefined) {
      line = { waiting: [], underWay: 0, scheduled: false };
      this.#lines.set(name, line);
    }
    const { waiting } = line;
    const done = new Promise<void>((resolve, reject) => {
      waiting.push({ request, weight, since: performance.now(), resolve, reject });
    });
    this.#schedule(name, line);
    return done;
  }

  #schedule(name: string, line: Line<Request>): void {
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
        void this.#settle(name, batch).then(() => {
          line.underWay -= 1;
          this.#schedule(name, line);
        });
      }
      this.#schedule(name, line);
    });
  }

  #nextBatch(line: Line<Request>): Waiting<Request>[] {
    const oldest = performance.now() - ANSWER_TIMEOUT_MS;
    const batch: Waiting<Request>[] = [];
    let weight = 0;
    let taken = 0;
    for (const one of line.waiting) {
      if (batch.length > 0 && weight + one.weight > this.#maxWeight) break;
      taken += 1;
      if (one.since < oldest) {
        one.reject(deadlineExceeded());
        continue;
      }
      batch.push(one);
      weight += one.weight;
    }
    line.waiting.splice(0, taken);
    return batch;
  }

  async #settle(name: string, batch: readonly Waiting<Request>[]): Promise<void> {
    try {
      await this.#send(
        name,
        batch.map(({ request }) => request),
      );
      for (const { resolve } of batch) resolve();
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
