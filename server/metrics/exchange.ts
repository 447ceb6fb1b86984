/**
 * Metrics of several workers. A scrape reaches one of them, and it is told of the others through their parent, which
 * also keeps the counts of those that have ended.
 *
 * A sum of counts must never fall: Prometheus takes that for a restart, and sees a rate that nothing had. So whatever a
 * scrape shows has passed through the parent, and a worker that is gone or silent counts with what was last heard of
 * it.
 */
import { DomainError } from "../errors.ts";
import { withDeadline } from "../storage/deadlines/deadline.ts";
import { countsOf, put, type Snapshot } from "./snapshot.ts";

/** How long the parent waits for workers. */
const WORKER_MS = 1000;
/** How long a worker waits for the parent. */
const PARENT_MS = 2000;
/** How often a worker reports its counts: of one that is killed, later ones are lost. */
const REPORT_MS = 1000;

/** `order` grows with each reading of the metrics. */
type FromWorker = { snapshot: Snapshot; order: number } & (
  | { metrics: "counts" }
  | { metrics: "ask" | "given"; id: number }
);
type FromParent = { metrics: "give"; id: number } | ({ metrics: "told"; id: number } & Collected);

interface Collected {
  /** Of workers, and the counts of those that have ended. */
  snapshots: readonly Snapshot[];
  answered: number;
  /** Workers of which only their last counts are among the snapshots. */
  silent: number;
}

interface Asked {
  worker: WorkerPort;
  /** Null: the worker is gone. */
  answer: (snapshot: Snapshot | null) => void;
}

/** A process at the other end of a channel. */
interface Port {
  send(message: FromParent | FromWorker, done: (error: Error | null) => void): unknown;
  on(event: "message", listener: (message: unknown) => void): unknown;
}
export type WorkerPort = Port & { on(event: "disconnect", listener: () => void): unknown };

/** In the parent: add each worker when it is started. */
export class MetricsExchange {
  /** The last counts of each living worker. */
  readonly #living = new Map<WorkerPort, { counts: Snapshot; order: number }>();
  readonly #asked = new Map<number, Asked>();
  #ended: Promise<Snapshot> = Promise.resolve([]);
  #lastId = 0;

  add(worker: WorkerPort): void {
    this.#living.set(worker, { counts: [], order: 0 });
    worker.on("message", (message) => {
      if (!isOurs<FromWorker>(message)) return;
      const { snapshot, order } = message;
      const known = this.#living.get(worker);
      if (known && order > known.order) this.#living.set(worker, { counts: countsOf(snapshot), order });
      if (message.metrics === "ask") void this.#tell(worker, message.id);
      if (message.metrics === "given") this.#asked.get(message.id)?.answer(snapshot);
    });
    // Comes after the last message, which the end of the process may not.
    worker.on("disconnect", () => {
      const counts = this.#living.get(worker)?.counts ?? [];
      this.#living.delete(worker);
      this.#ended = this.#ended.then((ended) => put([ended, counts]));
      for (const asked of this.#asked.values()) if (asked.worker === worker) asked.answer(null);
    });
  }

  async #tell(asker: WorkerPort, id: number): Promise<void> {
    const given = new Map<WorkerPort, Snapshot>();
    const ids: number[] = [];
    const asked = this.#others(asker).map(
      (worker) =>
        new Promise<void>((resolve) => {
          this.#lastId += 1;
          ids.push(this.#lastId);
          const answer: Asked["answer"] = (snapshot) => {
            if (snapshot !== null) given.set(worker, snapshot);
            resolve();
          };
          this.#asked.set(this.#lastId, { worker, answer });
          worker.send({ metrics: "give", id: this.#lastId }, ignore);
        }),
    );
    await withDeadline(Promise.all(asked), WORKER_MS, () => []);
    for (const one of ids) this.#asked.delete(one);
    const ended = await this.#ended;
    // One that has ended meanwhile is in `ended`, with all that it has given.
    const others = this.#others(asker);
    const snapshots = others.map((worker) => given.get(worker) ?? this.#living.get(worker)?.counts ?? []);
    const answered = others.filter((worker) => given.has(worker)).length;
    const silent = others.length - answered;
    asker.send({ metrics: "told", id, snapshots: [ended, ...snapshots], answered, silent }, ignore);
  }

  #others(worker: WorkerPort): WorkerPort[] {
    return [...this.#living.keys()].filter((one) => one !== worker);
  }
}

/** How a process gets the metrics of all workers of its service. */
export interface WorkerMetrics {
  /** STORAGE_UNAVAILABLE when the parent does not answer. */
  collect(): Promise<Collected>;
  /** Reports the last counts. */
  stop(): Promise<void>;
}

/** Of a process that is the only one. */
export function soleWorker(snapshot: () => Promise<Snapshot>): WorkerMetrics {
  return {
    collect: async () => ({ snapshots: [await snapshot()], answered: 1, silent: 0 }),
    stop: async () => undefined,
  };
}

/** In a worker. */
export function joinExchange(params: {
  parent: Port;
  metrics: { snapshot(): Promise<Snapshot>; counts(): Promise<Snapshot> };
}): WorkerMetrics {
  const { parent, metrics } = params;
  const asked = new Map<number, (others: Collected) => void>();
  let lastId = 0;
  let lastOrder = 0;
  let collecting: Promise<Collected> | null = null;
  let reporting: Promise<void> | null = null;

  // A parent that is gone ends this process by itself.
  const send = (message: FromWorker) => new Promise<void>((resolve) => void parent.send(message, () => resolve()));

  async function read(snapshot: () => Promise<Snapshot>): Promise<{ snapshot: Snapshot; order: number }> {
    lastOrder += 1;
    const order = lastOrder;
    return { snapshot: await snapshot(), order };
  }

  async function give(id: number): Promise<void> {
    await send({ metrics: "given", id, ...(await read(metrics.snapshot)) });
  }

  async function collect(): Promise<Collected> {
    const own = await read(metrics.snapshot);
    lastId += 1;
    const id = lastId;
    const { promise, resolve } = Promise.withResolvers<Collected>();
    asked.set(id, resolve);
    try {
      void send({ metrics: "ask", id, ...own });
      // Without the others, the counts would seem to fall.
      const { snapshots, answered, silent } = await withDeadline(promise, PARENT_MS, () => {
        throw new DomainError("STORAGE_UNAVAILABLE", "The metrics of the other workers could not be collected.");
      });
      return { snapshots: [own.snapshot, ...snapshots], answered: answered + 1, silent };
    } finally {
      asked.delete(id);
    }
  }

  /** One at a time, or reports that the parent does not read would fill the memory. */
  function report(): Promise<void> {
    reporting ??= read(metrics.counts)
      .then((counts) => send({ metrics: "counts", ...counts }))
      .finally(() => {
        reporting = null;
      });
    return reporting;
  }

  parent.on("message", (message) => {
    if (!isOurs<FromParent>(message)) return;
    if (message.metrics === "give") void give(message.id);
    else asked.get(message.id)?.(message);
  });
  const timer = setInterval(report, REPORT_MS).unref();
  return {
    collect() {
      collecting ??= collect().finally(() => {
        collecting = null;
      });
      return collecting;
    },
    async stop() {
      clearInterval(timer);
      await reporting;
      await report();
    },
  };
}

function isOurs<Message>(message: unknown): message is Message {
  return typeof message === "object" && message !== null && "metrics" in message;
}

/** A process that cannot be told is gone, or about to be. */
const ignore = () => undefined;
