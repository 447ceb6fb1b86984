import { randomUUID } from "node:crypto";
import { ArrivalNotices, type Arrived } from "../arrival-notices.ts";
import type { ArrivalListener } from "../data-driver.ts";
import type { QueueRef } from "../queue-ref.ts";
import type { RedisLink } from "./server/cluster.ts";
import { ANSWER_TIMEOUT_MS, type Client, discard } from "./server/connection.ts";

/** For so long a process takes it that nobody else listens. */
const LISTENERS_ASKED_EVERY_MS = 1000;
const RECONNECT_MS = 1000;

/**
 * Tells in which queues messages arrived: this process at once, and others of the same store by PUBLISH.
 *
 * Notices are gathered and sent beside the scripts. On a single server they pause for a second when nobody else
 * listened; the servers of a cluster know only their own listeners. A notice may be lost with a broken connection, so a
 * waiting client also looks by itself now and then.
 */
export class Arrivals {
  readonly #link: RedisLink;
  readonly #channel: string;
  readonly #onError: (error: unknown) => void;
  readonly #listeners = new Set<ArrivalListener>();
  readonly #self = randomUUID();
  readonly #notices = new ArrivalNotices((arrived) => this.#send(arrived));
  #othersListen = true;
  #saidAt = Number.NEGATIVE_INFINITY;
  #client: Client | null = null;
  #connecting = false;
  #reconnect: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(link: RedisLink, channel: string, onError: (error: unknown) => void) {
    this.#link = link;
    this.#channel = channel;
    this.#onError = onError;
  }

  /** `count` messages became free in the queue by a call of this process. */
  tell(queue: QueueRef, count: number): void {
    if (count === 0 || this.#closed) return;
    for (const listener of this.#listeners) listener(queue, count);
    if (!this.#othersListen && performance.now() - this.#saidAt < LISTENERS_ASKED_EVERY_MS) return;
    this.#notices.add(queue, count);
  }

  watch(listener: ArrivalListener): () => void {
    this.#listeners.add(listener);
    void this.#listen();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#silence();
    };
  }

  close(): void {
    this.#closed = true;
    this.#listeners.clear();
    this.#notices.close();
    this.#silence();
  }

  async #send(arrived: readonly Arrived[]): Promise<void> {
    const notice = JSON.stringify(arrived.map(({ queue, count }) => [queue.project, queue.name, count]));
    try {
      this.#saidAt = performance.now();
      const options = { wrote: false, deadline: performance.now() + ANSWER_TIMEOUT_MS };
      const command = ["PUBLISH", this.#channel, `${this.#self}${notice}`];
      const receivers = await this.#link.send(this.#channel, command, options);
      this.#othersListen = this.#link.isCluster || (receivers as number) > (this.#client === null ? 0 : 1);
    } catch (error) {
      // Those who wait elsewhere look by themselves. Not tried again at once: this user may not be allowed to.
      this.#othersListen = false;
      if (!this.#closed) this.#onError(error);
    }
  }

  async #listen(): Promise<void> {
    if (this.#client !== null || this.#connecting || this.#closed || this.#listeners.size === 0) return;
    this.#connecting = true;
    let client: Client | undefined;
    try {
      client = await this.#link.openClient((error) => this.#lost(client, error));
      await client.subscribe(this.#channel, (notice) => this.#hear(notice));
      this.#client = client;
      // It may have broken before anybody looked at it.
      if (!client.isReady) this.#lost(client, null);
    } catch (error) {
      if (client !== undefined) discard(client);
      this.#onError(error);
      this.#retry();
    } finally {
      this.#connecting = false;
    }
    if (this.#listeners.size === 0) this.#silence();
  }

  /** Whoever may connect to the server may say anything here; what is no notice is passed over. */
  #hear(notice: string): void {
    const start = this.#self.length;
    if (notice.startsWith(this.#self) || notice[start] !== "[") return;
    for (const [project, name, count] of readNotice(notice.slice(start))) {
      for (const listener of this.#listeners) listener({ project, name }, count);
    }
  }

  #lost(client: Client | undefined, error: unknown): void {
    if (client === undefined || this.#client !== client) return;
    this.#client = null;
    discard(client);
    if (error !== null) this.#onError(error);
    this.#retry();
  }

  #retry(): void {
    if (this.#closed) return;
    this.#reconnect ??= setTimeout(() => {
      this.#reconnect = null;
      void this.#listen();
    }, RECONNECT_MS).unref();
  }

  #silence(): void {
    if (this.#reconnect !== null) clearTimeout(this.#reconnect);
    this.#reconnect = null;
    const client = this.#client;
    this.#client = null;
    if (client !== null) discard(client);
  }
}

function readNotice(text: string): [string, string, number][] {
  try {
    const parts: unknown[] = JSON.parse(text);
    return parts.filter(
      (part): part is [string, string, number] =>
        Array.isArray(part) &&
        typeof part[0] === "string" &&
        typeof part[1] === "string" &&
        Number.isSafeInteger(part[2]),
    );
  } catch {
    return [];
  }
}
