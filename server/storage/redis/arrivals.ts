import { ArrivalChannel } from "../arrivals/arrival-channel.ts";
import type { Arrived } from "../arrivals/arrival-notices.ts";
import type { RedisLink } from "./server/cluster.ts";
import { ANSWER_TIMEOUT_MS, type Client, discard } from "./server/connection.ts";

/**
 * Arrivals in a pool on Redis. Notices go by PUBLISH, beside the scripts. On a single server they pause for a second
 * when nobody else listened. In a cluster they never pause, because a server knows only its own listeners.
 */
export class Arrivals extends ArrivalChannel<Client> {
  readonly #link: RedisLink;
  readonly #channel: string;

  constructor(link: RedisLink, channel: string, onError: (error: unknown) => void) {
    super(onError);
    this.#link = link;
    this.#channel = channel;
  }

  protected async send(arrived: readonly Arrived[]): Promise<void> {
    const notice = JSON.stringify(arrived.map(({ queue, count }) => [queue.project, queue.name, count]));
    try {
      this.askedAt = performance.now();
      const options = { wrote: false, deadline: performance.now() + ANSWER_TIMEOUT_MS };
      const command = ["PUBLISH", this.#channel, `${this.self}${notice}`];
      const receivers = await this.#link.send(this.#channel, command, options);
      this.othersListen = this.#link.isCluster || (receivers as number) > (this.connection === null ? 0 : 1);
    } catch (error) {
      // Waiting clients look by themselves. No new try at once: the server may forbid this user to publish.
      this.othersListen = false;
      if (!this.closed) this.onError(error);
    }
  }

  protected async open(): Promise<Client> {
    let opened: Client | undefined;
    const client = await this.#link.openClient((error) => {
      if (opened !== undefined) this.lost(opened, error);
    });
    opened = client;
    try {
      await client.subscribe(this.#channel, (notice) => this.hear(notice));
    } catch (error) {
      discard(client);
      throw error;
    }
    return client;
  }

  protected discard(client: Client): void {
    discard(client);
  }

  protected isUsable(client: Client): boolean {
    return client.isReady;
  }
}
