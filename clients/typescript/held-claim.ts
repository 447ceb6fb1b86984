/** A claim that a worker holds, with the messages that are not settled yet. */
import { ACKNOWLEDGE, RELEASE_CLAIM, RELEASE_MESSAGES, RENEW } from "./documents.ts";
import { IsimudError } from "./errors.ts";
import type { Send } from "./requests.ts";

/** Most messages in one acknowledgement: the server's default limit. */
const MAX_IDS = 100;
/** Codes that say that the claim, or the queue, is no more. */
const LOST: ReadonlySet<string> = new Set(["CLAIM_DOES_NOT_EXIST", "MESSAGE_NOT_CLAIMED", "MESSAGE_NOT_CLAIMED_BY"]);
/** Least time between two tries to renew. */
const LEAST_RENEWAL_MS = 250;

interface Parts {
  send: Send;
  address: { project: string | undefined; queue: string };
  claimId: string;
  ids: readonly string[];
  times: { ttlSeconds: number; graceSeconds: number | undefined };
  /** When it expires, by performance.now(), at the earliest. */
  until: number;
  renew: boolean;
  onError: (error: unknown) => void;
}

export class HeldClaim {
  /** Resolves when no message is held any more. */
  readonly settled: Promise<void>;
  readonly #parts: Parts;
  readonly #ending = new AbortController();
  readonly #held: Set<string>;
  #until: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #settle = () => {};
  /** Messages to acknowledge with the next request. */
  #done: { id: string; resolve: () => void; reject: (error: unknown) => void }[] = [];
  #acknowledging = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#held = new Set(parts.ids);
    this.#until = parts.until;
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#watch((parts.times.ttlSeconds * 1000) / 2);
    this.#settleIfEmpty();
  }

  /** Aborts when the claim is lost or was given up. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /**
   * Deletes a message that is done. Those that are done while a request is on its way go together with the next.
   * Rejects when the claim was lost: then the message is delivered again.
   */
  acknowledge(id: string): Promise<void> {
    if (this.signal.aborted) return Promise.reject(this.#lostError());
    const settled = new Promise<void>((resolve, reject) => this.#done.push({ id, resolve, reject }));
    if (!this.#acknowledging) void this.#acknowledgeAll();
    return settled;
  }

  /** Gives a message back, for others from `delaySeconds` on. Does nothing when the claim was lost or given up. */
  async release(id: string, delaySeconds: number): Promise<void> {
    const { send, address, claimId } = this.#parts;
    if (this.signal.aborted) return;
    try {
      await send(RELEASE_MESSAGES, { input: { ...address, claimId, ids: [id], delaySeconds } }, { repeatable: true });
    } catch (error) {
      if (!this.#isLost(error)) throw error;
    } finally {
      this.#end(id);
    }
  }

  /** Aborts the signal and releases all messages that are still held. */
  giveUp(): void {
    if (this.signal.aborted || this.#held.size === 0) return;
    const { send, address, claimId, onError } = this.#parts;
    clearTimeout(this.#timer);
    this.#ending.abort();
    void send(RELEASE_CLAIM, { input: { ...address, claimId } }, { repeatable: true })
      .catch(onError)
      .then(() => {
        this.#held.clear();
        this.#settleIfEmpty();
      });
  }

  async #acknowledgeAll(): Promise<void> {
    const { send, address, claimId } = this.#parts;
    this.#acknowledging = true;
    // Handlers that end in the same turn of the event loop share a request.
    await Promise.resolve();
    while (this.#done.length > 0) {
      const some = this.#done.splice(0, MAX_IDS);
      const ids = some.map(({ id }) => id);
      try {
        await send(ACKNOWLEDGE, { input: { ...address, ids, claimIds: [claimId] } }, { repeatable: true });
        for (const { resolve } of some) resolve();
      } catch (error) {
        if (this.#isLost(error)) this.#lose();
        for (const { reject } of some) reject(error);
      }
      for (const id of ids) this.#end(id);
    }
    this.#acknowledging = false;
  }

  /** Looks again after this time, and then renews or finds that the claim has expired. */
  #watch(milliseconds: number): void {
    this.#timer = setTimeout(() => void this.#look(), milliseconds);
  }

  async #look(): Promise<void> {
    const { send, address, claimId, times, renew, onError } = this.#parts;
    const left = this.#until - performance.now();
    if (left <= 0) return this.#lose();
    if (!renew) return this.#watch(left);
    const asked = performance.now();
    try {
      await send(RENEW, { input: { ...address, claimId, ...times } }, { repeatable: true, signal: this.signal });
      this.#until = asked + times.ttlSeconds * 1000;
    } catch (error) {
      if (this.signal.aborted || this.#held.size === 0) return;
      onError(error);
      if (this.#isLost(error)) return this.#lose();
    }
    if (this.#held.size > 0) this.#watch(Math.max((this.#until - performance.now()) / 2, LEAST_RENEWAL_MS));
  }

  #isLost(error: unknown): boolean {
    return error instanceof IsimudError && LOST.has(error.code);
  }

  #lose(): void {
    clearTimeout(this.#timer);
    this.#ending.abort();
    this.#held.clear();
    this.#settleIfEmpty();
  }

  #end(id: string): void {
    this.#held.delete(id);
    this.#settleIfEmpty();
  }

  #settleIfEmpty(): void {
    if (this.#held.size > 0) return;
    clearTimeout(this.#timer);
    this.#settle();
  }

  #lostError(): IsimudError {
    const message = "The claim was lost before the message was acknowledged: it is delivered again.";
    return new IsimudError(message, { code: "CLAIM_DOES_NOT_EXIST", retry: "NEVER" });
  }
}
