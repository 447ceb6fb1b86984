import type { ControlDriver } from "../../storage/control-driver.ts";
import type { Pause } from "../../storage/pause.ts";
import { type QueueRef, queueKey } from "../../storage/queue-ref.ts";

/** How long a process may use what it read: a pause takes effect in other processes within this time. */
const FRESH_MS = 1000;

interface Read {
  everything: Pause | null;
  projects: ReadonlyMap<string, Pause>;
  queues: ReadonlyMap<string, Pause>;
}

/** What is paused, for the hot path: one statement a second, however many queues and callers there are. */
export class PauseBook {
  readonly #control: Pick<ControlDriver, "pauses">;
  readonly #now: () => number;
  #read: Read | undefined;
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<Read> | undefined;

  constructor({ control, now }: { control: Pick<ControlDriver, "pauses">; now: () => number }) {
    this.#control = control;
    this.#now = now;
  }

  /** Why the queue gives out no messages: the widest pause that covers it. Null: it is not paused. */
  of(queue: QueueRef): Pause | null | Promise<Pause | null> {
    if (this.#read !== undefined && this.#now() - this.#readAt < FRESH_MS) return covering(this.#read, queue);
    return this.#refresh().then((read) => covering(read, queue));
  }

  /** The same for many. */
  async ofEach(queues: readonly QueueRef[]): Promise<(Pause | null)[]> {
    const [first] = queues;
    if (first === undefined) return [];
    await this.of(first);
    return Promise.all(queues.map((queue) => this.of(queue)));
  }

  /** Call it after a change here: the next look reads the database. */
  forget(): void {
    this.#read = undefined;
    this.#reading = undefined;
  }

  #refresh(): Promise<Read> {
    if (this.#reading !== undefined) return this.#reading;
    const reading = this.#control.pauses
      .list()
      .then(sorted)
      .then((read) => {
        // What was read before a change is not kept.
        if (this.#reading === reading) {
          this.#read = read;
          this.#readAt = this.#now();
        }
        return read;
      })
      .finally(() => {
        if (this.#reading === reading) this.#reading = undefined;
      });
    this.#reading = reading;
    return reading;
  }
}

function sorted(pauses: readonly Pause[]): Read {
  const projects = new Map<string, Pause>();
  const queues = new Map<string, Pause>();
  let everything: Pause | null = null;
  for (const pause of pauses) {
    if (pause.scope === "everything") everything = pause;
    else if (pause.scope === "project") projects.set(pause.project, pause);
    else queues.set(queueKey({ project: pause.project, name: pause.queue }), pause);
  }
  return { everything, projects, queues };
}

function covering({ everything, projects, queues }: Read, queue: QueueRef): Pause | null {
  if (everything !== null) return everything;
  if (projects.size === 0 && queues.size === 0) return null;
  return projects.get(queue.project) ?? queues.get(queueKey(queue)) ?? null;
}
