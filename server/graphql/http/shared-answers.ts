/**
 * Answers to queries that many viewers share: a page that a hundred people look at asks the storage once a second, not
 * a hundred times.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { createHash } from "node:crypto";
import type { Access } from "../../access/access.ts";
import { DomainError } from "../../errors.ts";
import { Wake } from "../../operations/live/ticker.ts";

export interface WatchedQuery {
  key: string;
  document: string;
  variables: Record<string, unknown>;
}

export interface AnswerChange {
  /** Of the query. */
  key: string;
  /** Equal for equal answers. */
  digest: string;
  /** When the query ran: this process's clock. */
  asOf: Date;
}

/** How old an answer may be that another viewer asked for. */
const SHARED_MS = 1000;
/** Answers in memory at most. Above this, each viewer asks alone. */
const MOST_ANSWERS = 500;
/** Different queries that this process watches at most. */
const MOST_WATCHED = 500;
/** Queries of one watcher. */
const MOST_QUERIES = 20;
/** Runs of watched queries at the same time. */
const MOST_RUNS = 4;
/** A watched query rests ten times as long as it ran, from one to thirty seconds. */
const REST = { times: 10, leastMs: 1000, mostMs: 30_000 };
/** Watchers are told as of when an answer is, also when nothing changes. */
const TELL_MS = 10_000;

type Run<Answer> = (access: Access, document: string, variables: Record<string, unknown>) => Promise<Answer>;

/** Calls a function outside of all requests: what is run again and again belongs to none, nor to its trace. */
const outside = AsyncLocalStorage.snapshot();

/** False for a mutation, and for what would be refused. */
type IsQuery = (document: string, variables: Record<string, unknown>) => boolean;

interface Shared<Answer> {
  begun: number;
  answer: Promise<Answer>;
}

interface Watched {
  access: Access;
  document: string;
  variables: Record<string, unknown>;
  /** Undefined until the first run has ended. */
  last: { digest: string; asOf: Date; told: number } | undefined;
  watchers: Set<Watcher>;
  timer: NodeJS.Timeout | undefined;
}

interface Watcher {
  /** What its reader has not seen, by the key of the query in this process. */
  pending: Set<string>;
  wake: Wake;
}

export class SharedAnswers<Answer> {
  readonly #run: Run<Answer>;
  readonly #isQuery: IsQuery;
  readonly #shared = new Map<string, Shared<Answer>>();
  readonly #watched = new Map<string, Watched>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(parts: { run: Run<Answer>; isQuery: IsQuery }) {
    this.#run = parts.run;
    this.#isQuery = parts.isQuery;
  }

  /**
   * The answer to a query. It may be one that another viewer with the same rights asked for within the last second;
   * never with `fresh`. Hazard: nobody may change what it holds.
   */
  answer(
    access: Access,
    document: string,
    variables: Record<string, unknown>,
    { fresh = false }: { fresh?: boolean } = {},
  ): Promise<Answer> {
    const key = keyOf(access, document, variables);
    if (key === null) return this.#run(access, document, variables);
    const known = this.#shared.get(key);
    if (!fresh && known !== undefined && performance.now() - known.begun < SHARED_MS) return known.answer;
    const shared = { begun: performance.now(), answer: this.#run(access, document, variables) };
    if (this.#shared.size < MOST_ANSWERS || known !== undefined) {
      this.#shared.set(key, shared);
      const forget = () => {
        if (this.#shared.get(key) === shared) this.#shared.delete(key);
      };
      const forgetLater = () => void setTimeout(forget, SHARED_MS).unref();
      // The caller gets what it rejects with.
      shared.answer.then(forgetLater, forgetLater);
    }
    return shared.answer;
  }

  /**
   * Tells of each query when it has run for the first time, then whenever its answer is another one, and at least every
   * ten seconds. All watchers share the runs. A reader who is slow skips changes, and is never told less than the
   * latest. BAD_INPUT for more than 20 queries, and for a document that is no valid query; TOO_MANY_REQUESTS when the
   * process watches as many as it may.
   */
  async *watch(
    access: Access,
    queries: readonly WatchedQuery[],
    signal: AbortSignal,
  ): AsyncGenerator<AnswerChange, void, undefined> {
    if (queries.length === 0 || queries.length > MOST_QUERIES) {
      const details = { value: queries.length, minimum: 1, maximum: MOST_QUERIES };
      throw new DomainError("BAD_INPUT", `Watch from 1 to ${MOST_QUERIES} queries.`, { details });
    }
    for (const { key, document, variables } of queries) {
      if (this.#isQuery(document, variables)) continue;
      const text = "A watched document must be one valid query. Send it as a query to see what is wrong with it.";
      throw new DomainError("BAD_INPUT", text, { details: { key } });
    }
    if (signal.aborted) return;
    const watcher: Watcher = { pending: new Set(), wake: new Wake() };
    const keys = new Map<string, string>();
    // At the abort, because a reader that was stopped may never ask again: its queries would run for ever.
    const leave = () => {
      for (const key of keys.keys()) this.#leave(key, watcher);
    };
    signal.addEventListener("abort", leave);
    try {
      for (const query of queries) keys.set(this.#join(access, query, watcher), query.key);
      while (!signal.aborted) {
        const next = watcher.pending.values().next().value;
        if (next === undefined) {
          await watcher.wake.wait(signal);
          continue;
        }
        watcher.pending.delete(next);
        const last = this.#watched.get(next)?.last;
        if (last) yield { key: keys.get(next) ?? "", digest: last.digest, asOf: last.asOf };
      }
    } finally {
      signal.removeEventListener("abort", leave);
      leave();
    }
  }

  #join(access: Access, { document, variables }: WatchedQuery, watcher: Watcher): string {
    const key = keyOf(access, document, variables);
    if (key === null) throw new DomainError("BAD_INPUT", "The variables nest too deeply.");
    let watched = this.#watched.get(key);
    if (watched === undefined) {
      if (this.#watched.size >= MOST_WATCHED) {
        const details = { value: this.#watched.size, maximum: MOST_WATCHED };
        const text = "This process watches as many queries as it may. Try again later, or ask every few seconds.";
        throw new DomainError("TOO_MANY_REQUESTS", text, { details });
      }
      watched = { access, document, variables, last: undefined, watchers: new Set(), timer: undefined };
      this.#watched.set(key, watched);
      void outside(() => this.#refresh(key, watched as Watched));
    } else if (watched.last !== undefined) watcher.pending.add(key);
    watched.watchers.add(watcher);
    return key;
  }

  /** May be called twice. */
  #leave(key: string, watcher: Watcher): void {
    const watched = this.#watched.get(key);
    if (!watched?.watchers.delete(watcher) || watched.watchers.size > 0) return;
    clearTimeout(watched.timer);
    this.#watched.delete(key);
  }

  /** Runs the query, tells its watchers, and plans the next run. */
  async #refresh(key: string, watched: Watched): Promise<void> {
    await this.#turn();
    const begun = performance.now();
    const asOf = new Date();
    const { access, document, variables } = watched;
    const answer: unknown = await this.answer(access, document, variables, { fresh: true }).catch(String);
    this.#running -= 1;
    this.#waiting.shift()?.();
    if (this.#watched.get(key) !== watched) return;
    const digest = createHash("sha256").update(JSON.stringify(answer)).digest("base64url").slice(0, 16);
    const { last } = watched;
    const now = performance.now();
    const tells = last === undefined || last.digest !== digest || now - last.told >= TELL_MS;
    watched.last = { digest, asOf, told: tells ? now : last.told };
    if (tells) {
      for (const { pending, wake } of watched.watchers) {
        pending.add(key);
        wake.set();
      }
    }
    const rest = Math.min(Math.max((now - begun) * REST.times, REST.leastMs), REST.mostMs);
    watched.timer = setTimeout(() => void this.#refresh(key, watched), rest).unref();
  }

  async #turn(): Promise<void> {
    while (this.#running >= MOST_RUNS) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
  }
}

/** Fields that tell who asks, and types that people see of themselves. */
const OWN = /\b(viewer|person|people|Person|sessions|Session)\b/;

/** What of the caller the answer to a document depends on. Only callers in whom it is equal may share one. */
export function onWhom(access: Access, document: string): unknown[] {
  const { rights, kind, actor, sessionId = null } = access;
  return [rights, kind === "token" || OWN.test(document) ? [kind, actor, sessionId] : null];
}

/**
 * The same for viewers who get the same answer: it depends on nothing of the caller but the rights. There are two
 * exceptions: what is the caller's own, and tokens, which see their own claims in full. Null for variables that nest too
 * deeply to be written.
 */
function keyOf(access: Access, document: string, variables: Record<string, unknown>): string | null {
  try {
    return JSON.stringify([onWhom(access, document), document, variables]);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
