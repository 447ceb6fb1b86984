/**
 * What this process has seen of consumers since it last told the store. It is written at each claim, pop and renewal, so
 * an entry lives as long as its consumer calls, and is changed in place: a map whose entries come and go with each
 * request costs more than the claim's own work in this process.
 */
import type { QueueRef } from "../storage/queue-ref.ts";
import { CONSUMERS_OF_QUEUE, type ConsumerNews } from "./consumer.ts";

/** Entries of all queues. While there are as many, nothing is noted of others. */
const MAX_NOTES = 10_000;
/** Milliseconds of silence after which an entry goes. */
const IDLE_MS = 60_000;

interface Note {
  readonly project: string;
  readonly queue: string;
  readonly name: string;
  actor: string;
  messages: number;
  /** Milliseconds of `now`; -1: not yet. */
  claimAt: number;
  emptyAt: number;
  renewalAt: number;
  /** True: the store knows all that it says. */
  told: boolean;
}

const NEVER = { claimAt: -1, emptyAt: -1, renewalAt: -1 };

type OfQueue = Map<string, Note>;

export class ConsumerNotes {
  readonly #now: () => number;
  readonly #maximum: number;
  readonly #projects = new Map<string, Map<string, OfQueue>>();
  #size = 0;

  constructor(now: () => number, maximum = MAX_NOTES) {
    this.#now = now;
    this.#maximum = maximum;
  }

  get size(): number {
    return this.#size;
  }

  /** A claim or a pop that got so many messages. */
  note(queue: QueueRef, clientId: string | null, actor: string, messages: number): void {
    const note = this.#noteOf(queue, clientId ?? actor, actor);
    if (note === undefined) return;
    if (messages > 0) {
      note.messages += messages;
      note.claimAt = this.#now();
    } else note.emptyAt = this.#now();
    note.actor = actor;
    note.told = false;
  }

  /** A claim of this holder was renewed. */
  noteRenewal(queue: QueueRef, holder: string, actor: string): void {
    const note = this.#noteOf(queue, holder, actor);
    if (note === undefined) return;
    note.renewalAt = this.#now();
    note.actor = actor;
    note.told = false;
  }

  /** Gives what is new to `tell`, in parts of at most `part`. What a part that fails would have told is told later. */
  async tellNews(part: number, tell: (news: readonly ConsumerNews[]) => Promise<void>): Promise<void> {
    const untold = [...this.#all()].filter(({ told }) => !told);
    for (let from = 0; from < untold.length; from += part) {
      const notes = untold.slice(from, from + part);
      const now = this.#now();
      const age = (at: number) => (at < 0 ? null : now - at);
      const news = notes.map(
        ({ project, queue, name, actor, messages, claimAt, emptyAt, renewalAt }): ConsumerNews => ({
          ...{ project, queue, name, actor, messages },
          ...{ claimAgeMs: age(claimAt), emptyAgeMs: age(emptyAt), renewalAgeMs: age(renewalAt) },
        }),
      );
      for (const note of notes) note.told = true;
      try {
        await tell(news);
      } catch (error) {
        for (const note of notes) note.told = false;
        throw error;
      }
      for (const [index, note] of notes.entries()) note.messages -= news[index]?.messages ?? 0;
    }
    this.#sweep();
  }

  #noteOf({ project, name: queue }: QueueRef, name: string, actor: string): Note | undefined {
    let queues = this.#projects.get(project);
    let consumers = queues?.get(queue);
    const known = consumers?.get(name);
    if (known !== undefined) return known;
    if (this.#size >= this.#maximum || (consumers?.size ?? 0) >= CONSUMERS_OF_QUEUE) return undefined;
    if (queues === undefined) {
      queues = new Map();
      this.#projects.set(project, queues);
    }
    if (consumers === undefined) {
      consumers = new Map();
      queues.set(queue, consumers);
    }
    const note: Note = { project, queue, name, actor, messages: 0, ...NEVER, told: true };
    consumers.set(name, note);
    this.#size += 1;
    return note;
  }

  *#all(): Iterable<Note> {
    for (const queues of this.#projects.values()) for (const consumers of queues.values()) yield* consumers.values();
  }

  /** Forgets those that are silent; when there are many, all that have nothing to tell. */
  #sweep(): void {
    const before = this.#size > this.#maximum / 2 ? this.#now() : this.#now() - IDLE_MS;
    for (const [project, queues] of this.#projects) {
      for (const [queue, consumers] of queues) {
        for (const [name, { told, claimAt, emptyAt, renewalAt }] of consumers) {
          if (!told || Math.max(claimAt, emptyAt, renewalAt) > before) continue;
          consumers.delete(name);
          this.#size -= 1;
        }
        if (consumers.size === 0) queues.delete(queue);
      }
      if (queues.size === 0) this.#projects.delete(project);
    }
  }
}
