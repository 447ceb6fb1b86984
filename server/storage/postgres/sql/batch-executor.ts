import { DomainError, hasCode } from "../../../errors.ts";
import { type Call, CallDeadlines, noteAnswer, type Source } from "../../call-deadlines.ts";
import { RESEND } from "../../resend.ts";

/**
 * Requests that are in flight together share a statement, a round trip and a commit: a group commit in the process.
 *
 * It never sends by a timer. A request that finds a free lane goes out at the end of this turn of the event loop, with
 * what else came in the same turn; what arrives while all lanes are busy goes with the next statement, at most
 * `maxRequests` and `maxWeight` of it: in order of arrival in each queue, and in turn among queues when there is more.
 * When a lot waits, a statement takes half of it: callers that were answered together come again together, and so the
 * halves keep the database and this process both at work. When a statement of several is refused and rolled back, each
 * of its requests is tried alone, so that one bad request never fails its neighbours; when it was held up by somebody's
 * lock and rolled back, each queue is tried alone. Each request has one deadline (`call-deadlines.ts`):
 * DEADLINE_EXCEEDED when it was not sent by then, else OUTCOME_UNKNOWN.
 */
export class BatchExecutor<Request, Result> {
  readonly #run: (batch: readonly Request[]) => Promise<(Result | DomainError | typeof RESEND)[]>;
  readonly #partitionKey: (request: Request) => string;
  readonly #namesOf: (request: Request) => readonly string[];
  readonly #concurrency: number;
  readonly #maxRequests: number;
  readonly #maxWeight: number;
  readonly #splitThreshold: number;
  readonly #serializePerPartition: boolean;
  /** The queues that statements under way are for. */
  readonly #busyLines = new Map<string, number>();
  readonly #deadlines = new CallDeadlines();
  readonly #source: Source = { heardAt: Number.NEGATIVE_INFINITY };
  #waiting: Waiting<Request, Result>[] = [];
  #busy = 0;
  #scheduled = false;

  constructor(params: {
    /** One statement for all; gives a result or an error for each, in order. Throwing means that the statement changed nothing, unless OUTCOME_UNKNOWN. */
    run: (batch: readonly Request[]) => Promise<(Result | DomainError | typeof RESEND)[]>;
    /** The queue that a request is for: when not all fit into a statement, queues take turns. */
    partitionKey: (request: Request) => string;
    /** What the request is about, where a statement must not meet it twice: of requests with a name in common the later goes with a later statement. */
    namesOf?: (request: Request) => readonly string[];
    concurrency: number;
    maxRequests: number;
    maxWeight: number;
    /** From this weight on a statement of its own is worth its cost: of more than twice as much, half goes. */
    splitThreshold: number;
    /** One statement at a time for each queue, where two would only get in each other's way. */
    serializePerPartition: boolean;
  }) {
    this.#run = params.run;
    this.#partitionKey = params.partitionKey;
    this.#namesOf = params.namesOf ?? (() => []);
    this.#concurrency = params.concurrency;
    this.#maxRequests = params.maxRequests;
    this.#maxWeight = params.maxWeight;
    this.#splitThreshold = params.splitThreshold;
    this.#serializePerPartition = params.serializePerPartition;
  }

  /** `weight`: what the request adds to the statement, in the unit of maxWeight. */
  submit(request: Request, weight: number): Promise<Result> {
    return new Promise((resolve, reject) => {
      const waiting = { request, weight, since: performance.now(), source: this.#source, sent: false, resolve, reject };
      this.#deadlines.begin(waiting);
      this.#waiting.push(waiting);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled || this.#busy >= this.#concurrency || this.#waiting.length === 0) return;
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
    const lines = [...new Set(batch.map(({ request }) => this.#partitionKey(request)))];
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
    const waiting = this.#waiting.filter((one) => this.#deadlines.isWorthSending(one));
    const ready =
      this.#serializePerPartition && this.#busyLines.size > 0
        ? waiting.filter(({ request }) => !this.#busyLines.has(this.#partitionKey(request)))
        : waiting;
    const total = ready.reduce((sum, one) => sum + one.weight, 0);
    const maxWeight = Math.min(this.#maxWeight, total > 2 * this.#splitThreshold ? total / 2 : total);
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
    let lines = [...Map.groupBy(waiting, (one) => this.#partitionKey(one.request)).values()];
    for (let place = 0; lines.length > 0; place += 1) {
      for (const line of lines) yield line[place] as Waiting<Request, Result>;
      lines = lines.filter((line) => line.length > place + 1);
    }
  }

  async #settle(batch: Waiting<Request, Result>[]): Promise<void> {
    for (const waiting of batch) waiting.sent = true;
    try {
      const results = await this.#run(batch.map((waiting) => waiting.request));
      noteAnswer(this.#source);
      const again: Waiting<Request, Result>[] = [];
      batch.forEach((waiting, index) => {
        const result = results[index];
        waiting.sent = result !== RESEND;
        if (!waiting.sent) again.push(waiting);
        else this.#end(waiting, result as Result | DomainError);
      });
      if (again.length > 0) this.#waiting = [...this.#unansweredFirst(again, batch), ...this.#waiting];
    } catch (error) {
      noteAnswer(this.#source, error);
      const parts = this.#partsOf(batch, error);
      if (parts.length < 2) for (const waiting of batch) this.#fail(waiting, error);
      else for (const part of parts) await this.#settleInTime(part);
    }
  }

  /** Those of queues without any answer go in front, so that no queue's backlog keeps another's request waiting. */
  #unansweredFirst(
    again: readonly Waiting<Request, Result>[],
    batch: readonly Waiting<Request, Result>[],
  ): Waiting<Request, Result>[] {
    const answered = new Set(batch.filter(({ sent }) => sent).map(({ request }) => this.#partitionKey(request)));
    const isAnswered = ({ request }: Waiting<Request, Result>) => Number(answered.has(this.#partitionKey(request)));
    return again.toSorted((a, b) => isAnswered(a) - isAnswered(b));
  }

  /** How to try again what changed nothing. One part: not at all. */
  #partsOf(batch: Waiting<Request, Result>[], error: unknown): Waiting<Request, Result>[][] {
    if (hasCode(error, "INTERNAL")) return batch.map((waiting) => [waiting]);
    if (hasCode(error, "DEADLINE_EXCEEDED")) {
      return [...Map.groupBy(batch, (waiting) => this.#partitionKey(waiting.request)).values()];
    }
    return [batch];
  }

  async #settleInTime(part: Waiting<Request, Result>[]): Promise<void> {
    // The statement before was rolled back.
    for (const waiting of part) waiting.sent = false;
    const inTime = part.filter((waiting) => this.#deadlines.isWorthSending(waiting));
    if (inTime.length > 0) await this.#settle(inTime);
  }

  #end(waiting: Waiting<Request, Result>, result: Result | DomainError): void {
    this.#deadlines.end(waiting);
    if (result instanceof DomainError) waiting.reject(result);
    else waiting.resolve(result);
  }

  #fail(waiting: Waiting<Request, Result>, error: unknown): void {
    this.#deadlines.end(waiting);
    waiting.reject(error);
  }
}

interface Waiting<Request, Result> extends Call {
  readonly request: Request;
  readonly weight: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}
