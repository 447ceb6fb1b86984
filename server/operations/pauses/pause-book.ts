import type { ControlDriver } from "../../storage/control-driver.ts";
import type { Pause } from "../../storage/pause.ts";
import { type QueueRef, queueKey } from "../../storage/queue-ref.ts";
import { FreshValue } from "../fresh-value.ts";

interface Read {
  everything: Pause | null;
  projects: ReadonlyMap<string, Pause>;
  queues: ReadonlyMap<string, Pause>;
}

/** What is paused, for the hot path: one statement a second, however many queues and callers there are. */
export class PauseBook {
  readonly #read: FreshValue<Read>;

  constructor({ control, now }: { control: Pick<ControlDriver, "pauses">; now: () => number }) {
    this.#read = new FreshValue({ read: async () => sorted(await control.pauses.list()), now });
  }

  /** Why the queue gives out no messages: the widest pause that covers it. Null: it is not paused. */
  of(queue: QueueRef): Pause | null | Promise<Pause | null> {
    const read = this.#read.get();
    return read instanceof Promise ? read.then((found) => covering(found, queue)) : covering(read, queue);
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
    this.#read.forget();
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
