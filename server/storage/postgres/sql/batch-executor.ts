import { DomainError, hasCode } from "../../../errors.ts";
import { type Call, CallDeadlines, NO_PLACE, noteAnswer, type Source } from "../../deadlines/call-deadlines.ts";
import { RESEND } from "../../resend.ts";

/**
 * Sends requests that are in flight together in one statement: one round trip and one commit, a group commit in the
 * process.
 *
 * - It never sends by a timer. While fewer than `concurrency` statements are under way, requests go out at the end of
 *   this turn of the event loop, together. Later ones go with the next statement.
 * - A statement takes at most `maxRequests` and `maxWeight`: in order of arrival in each partition, and in turn among
 *   partitions when there is more.
 * - Above twice `splitThreshold` a statement takes half the backlog, so that database and process work in parallel.
 * - When a statement of several requests is refused and rolled back, each request is tried alone: one bad request never
 *   fails its neighbours. When it waited too long for a lock and was rolled back, each partition is tried alone.
 * - Each request has one deadline (`call-deadlines.ts`): DEADLINE_EXCEEDED when it was not sent by then, else
 *   OUTCOME_UNKNOWN.
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
  /** By partition: how many statements are under way for it. */
  readonly #busyPartitions = new Map<string, number>();
  readonly #deadlines = new CallDeadlines();
  readonly #source: Source = { heardAt: Number.NEGATIVE_INFINITY };
  #waiting: Waiting<Request, Result>[] = [];
  #busy = 0;
  #scheduled = false;

  constructor(params: {
    /**
     * Runs one statement for all; returns a result or an error for each, in order. Throwing means that the statement
     * changed nothing, unless OUTCOME_UNKNOWN.
     */
    run: (batch: readonly Request[]) => Promise<(Result | DomainError | typeof RESEND)[]>;
    /** The queue that a request is for. When not all fit into a statement, partitions take turns. */
    partitionKey: (request: Request) => string;
    /**
     * What the request is about, where a statement must not be about it twice: of two requests with a name in common
     * the later one goes with a later statement.
     */
    namesOf?: (request: Request) => readonly string[];
    concurrency: number;
    maxRequests: number;
    maxWeight: number;
    /** From this weight on a statement of its own is worth its cost. */
    splitThreshold: number;
    /** One statement at a time for each partition, where two would only get in each other's way. */
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
      const waiting = {
        request,
        weight,
        since: performance.now(),
        source: this.#source,
        place: NO_PLACE,
        sent: false,
        resolve,
        reject,
      };
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

  /** False when no waiting request may go now. */
  #send(): boolean {
    const batch = this.#nextBatch();
    if (batch.length === 0) return false;
    const partitions = [...new Set(batch.map(({ request }) => this.#partitionKey(request)))];
    this.#busy += 1;
    for (const key of partitions) this.#busyPartitions.set(key, (this.#busyPartitions.get(key) ?? 0) + 1);
    void this.#settle(batch).then(() => {
      this.#busy -= 1;
      for (const key of partitions) {
        const left = (this.#busyPartitions.get(key) as number) - 1;
        if (left > 0) this.#busyPartitions.set(key, left);
        else this.#busyPartitions.delete(key);
      }
      this.#schedule();
    });
    return true;
  }

  #nextBatch(): Waiting<Request, Result>[] {
    const waiting = this.#waiting.filter((one) => this.#deadlines.isWorthSending(one));
    const ready =
      this.#serializePerPartition && this.#busyPartitions.size > 0
        ? waiting.filter(({ request }) => !this.#busyPartitions.has(this.#partitionKey(request)))
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

  /**
   * One request of each partition, then the next of each: a long backlog of one does not delay the first of another.
   */
  *#inTurn(waiting: readonly Waiting<Request, Result>[]): Generator<Waiting<Request, Result>> {
    let backlogs = [...Map.groupBy(waiting, (one) => this.#partitionKey(one.request)).values()];
    for (let turn = 0; backlogs.length > 0; turn += 1) {
      for (const backlog of backlogs) yield backlog[turn] as Waiting<Request, Result>;
      backlogs = backlogs.filter((backlog) => backlog.length > turn + 1);
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

  /** Requests of partitions without any answer first, so that no backlog keeps another partition's request waiting. */
  #unansweredFirst(
    again: readonly Waiting<Request, Result>[],
    batch: readonly Waiting<Request, Result>[],
  ): Waiting<Request, Result>[] {
    const answered = new Set(batch.filter(({ sent }) => sent).map(({ request }) => this.#partitionKey(request)));
    const isAnswered = ({ request }: Waiting<Request, Result>) => Number(answered.has(this.#partitionKey(request)));
    return again.toSorted((a, b) => isAnswered(a) - isAnswered(b));
  }

  /** The parts in which to try again what changed nothing. One part: it is not tried again. */
  #partsOf(batch: Waiting<Request, Result>[], error: unknown): Waiting<Request, Result>[][] {
    if (hasCode(error, "INTERNAL")) return batch.map((waiting) => [waiting]);
    if (hasCode(error, "DEADLINE_EXCEEDED")) {
      return [...Map.groupBy(batch, (waiting) => this.#partitionKey(waiting.request)).values()];
    }
    return [batch];
  }

  async #settleInTime(part: Waiting<Request, Result>[]): Promise<void> {
    // The statement of the whole batch was rolled back.
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
