/**
 * The model that real drivers are compared with: queues as the contract describes them, in arrays and with one clock.
 *
 * Times are seconds since the run began. Each `tick` advances the clock by less than any duration in use, so that of
 * two things with the same duration the earlier one ends first.
 */
import { DomainError, type ErrorCode } from "../../server/errors.ts";
import type { NewMessage } from "../../server/storage/data-driver.ts";
import { normaliseUuid } from "../../server/storage/list-pages.ts";
import type { DeadLettered } from "../../server/storage/messages/dead-lettered.ts";
import { type MessageHeaders, messageBytes } from "../../server/storage/messages/message-headers.ts";
import type { MessageState } from "../../server/storage/messages/message-state.ts";

export interface ModelMessage {
  id: string;
  bodyText: string;
  clientId: string | null;
  createdAt: number;
  ttlSeconds: number;
  expiresAt: number;
  availableAt: number;
  claimId: string | null;
  claimExpiresAt: number;
  claimCount: number;
  /** A dead letter: held by the claim for a transfer, but not delivered and not among the claim's messages. */
  heldBack: boolean;
  headers: MessageHeaders | null;
  /** The client of the last claim that delivered it. */
  lastHolder: string | null;
  /** The last claim that delivered it, from when it was held back on. Undefined: it was not since. */
  lastDelivery: string | null | undefined;
  /** `at` in seconds of the model. */
  deadLettered: (Omit<DeadLettered, "at"> & { at: number }) | null;
}

export interface ModelClaim {
  id: string;
  ttlSeconds: number;
  graceSeconds: number;
  clientId: string | null;
  createdAt: number;
  renewedAt: number;
  expiresAt: number;
}

export interface ListOptions {
  includeClaimed: boolean;
  includeDelayed: boolean;
  includeExhausted: boolean;
  exhaustedFrom: number | null;
  exceptClientId?: string;
}

const TICK = 1e-6;

export interface ClaimTimes {
  ttlSeconds: number;
  graceSeconds: number;
}

/** Two queues of one store: messages can be transferred, and calls to one queue must not touch the other. */
export class StoreModel {
  readonly queues = [new QueueModel(), new QueueModel()] as const;

  tick(): void {
    this.advance(TICK);
  }

  advance(seconds: number): void {
    for (const queue of this.queues) queue.now += seconds;
  }
}

class QueueModel {
  now = 0;
  /** Ordered by marker. */
  messages: ModelMessage[] = [];
  /** In the order of creation, without released ones. Expired ones stay. */
  claims: ModelClaim[] = [];
  #keyed = new Map<string, { request: string; ids: string[] }>();

  alive(): ModelMessage[] {
    return this.messages.filter((message) => message.expiresAt > this.now);
  }

  find(id: string): ModelMessage | undefined {
    return this.alive().find((message) => message.id === id);
  }

  isClaimed(message: ModelMessage): boolean {
    return message.claimId !== null && message.claimExpiresAt > this.now;
  }

  isDue(message: ModelMessage): boolean {
    return message.availableAt <= this.now;
  }

  /** Asks in the same order as every driver: claimed, then delayed, then exhausted. */
  stateOf(message: ModelMessage, exhaustedFrom: number | null): MessageState {
    if (this.isClaimed(message)) return "claimed";
    if (!this.isDue(message)) return "delayed";
    return exhaustedFrom !== null && message.claimCount >= exhaustedFrom ? "exhausted" : "ready";
  }

  /** A claim ends when its ttl is over, or with the last message that it holds. */
  liveClaims(): ModelClaim[] {
    return this.claims.filter((claim) => claim.expiresAt > this.now && this.heldBy(claim.id).length > 0);
  }

  heldBy(claimId: string): ModelMessage[] {
    return this.alive().filter(
      (message) => message.claimId === claimId && !message.heldBack && this.isClaimed(message),
    );
  }

  listed(options: ListOptions): ModelMessage[] {
    const included: Record<MessageState, boolean> = {
      claimed: options.includeClaimed,
      delayed: options.includeDelayed,
      exhausted: options.includeExhausted,
      ready: true,
    };
    return this.alive().filter(
      (message) =>
        included[this.stateOf(message, options.exhaustedFrom)] &&
        (options.exceptClientId === undefined || message.clientId !== options.exceptClientId),
    );
  }

  /** The ids or the error code that a repeated post must return; null when the post is not a repeat. */
  repeated(key: string | undefined, request: string): string[] | ErrorCode | null {
    const prior = key === undefined ? undefined : this.#keyed.get(key);
    if (prior === undefined) return null;
    return prior.request === request ? prior.ids : "IDEMPOTENCY_KEY_REUSED";
  }

  post(
    messages: readonly NewMessage[],
    clientId: string | null,
    ids: readonly string[],
    key?: string,
    request = "",
  ): void {
    messages.forEach((message, index) => {
      this.messages.push({
        id: ids[index] as string,
        bodyText: message.bodyText,
        clientId,
        createdAt: this.now,
        ttlSeconds: message.ttlSeconds,
        expiresAt: this.now + message.ttlSeconds,
        availableAt: this.now + message.delaySeconds,
        claimId: null,
        claimExpiresAt: 0,
        claimCount: 0,
        heldBack: false,
        headers: message.headers ?? null,
        lastHolder: null,
        lastDelivery: undefined,
        deadLettered: null,
      });
    });
    if (key !== undefined) this.#keyed.set(key, { request, ids: [...ids] });
  }

  /** The messages that a claim of at most `limit` takes. */
  claimable(limit: number, exhaustedFrom: number | null): ModelMessage[] {
    return this.alive()
      .filter((message) => this.stateOf(message, exhaustedFrom) === "ready")
      .slice(0, limit);
  }

  /** Claims `taken`. Dead letters among them are held but not delivered, and no claim is made of dead letters alone. */
  claim(
    taken: readonly ModelMessage[],
    id: string,
    times: ClaimTimes,
    clientId: string | null,
    deadLettersFrom: number | null,
  ): void {
    for (const message of taken) {
      message.heldBack = deadLettersFrom !== null && message.claimCount >= deadLettersFrom;
      if (message.heldBack) {
        if (message.lastDelivery === undefined) message.lastDelivery = message.claimId;
      } else {
        message.claimCount += 1;
        message.lastHolder = clientId;
        message.lastDelivery = undefined;
      }
      message.claimId = id;
      this.#hold(message, times);
    }
    if (taken.every((message) => message.heldBack)) return;
    const expiresAt = this.now + times.ttlSeconds;
    this.claims.push({ id, ...times, clientId, createdAt: this.now, renewedAt: this.now, expiresAt });
  }

  renew(claim: ModelClaim, times: ClaimTimes): void {
    const held = this.heldBy(claim.id);
    Object.assign(claim, times, { renewedAt: this.now, expiresAt: this.now + times.ttlSeconds });
    for (const message of held) this.#hold(message, times);
  }

  #hold(message: ModelMessage, { ttlSeconds, graceSeconds }: ClaimTimes): void {
    message.claimExpiresAt = this.now + ttlSeconds;
    if (message.expiresAt < message.claimExpiresAt) {
      message.expiresAt = message.claimExpiresAt + graceSeconds;
      message.ttlSeconds = ttlSeconds + graceSeconds;
    }
  }

  release(claimId: string): void {
    for (const message of this.heldBy(claimId)) message.claimId = null;
    this.claims = this.claims.filter((claim) => claim.id !== claimId);
  }

  /** Returns how many were released, or the error code. */
  releaseMessages(ids: readonly string[], claimId: string, delaySeconds: number): number | ErrorCode {
    const claimed = this.alive().filter((message) => ids.includes(message.id) && this.isClaimed(message));
    if (claimed.some((message) => message.claimId !== claimId)) return "MESSAGE_NOT_CLAIMED_BY";
    for (const message of claimed) {
      message.claimId = null;
      message.heldBack = false;
      if (delaySeconds > 0) message.availableAt = this.now + delaySeconds;
    }
    return claimed.length;
  }

  /** The error code that a delete must return; null when it must succeed, also because there is nothing to delete. */
  refusesDelete(id: string, claimId: string | undefined): ErrorCode | null {
    if (claimId !== undefined && normaliseUuid(claimId) === null) return "CLAIM_DOES_NOT_EXIST";
    const message = this.find(id);
    if (message === undefined) return null;
    if (claimId === undefined) return this.isClaimed(message) ? "MESSAGE_IS_CLAIMED" : null;
    if (!this.isClaimed(message)) return "MESSAGE_NOT_CLAIMED";
    if (message.claimId === claimId) return null;
    return this.liveClaims().some((claim) => claim.id === claimId) ? "MESSAGE_NOT_CLAIMED_BY" : "CLAIM_DOES_NOT_EXIST";
  }

  /** Those of the messages that a live claim holds, sorted. */
  claimedAmong(ids: readonly string[]): string[] {
    const claimed = this.alive().filter((message) => ids.includes(message.id) && this.isClaimed(message));
    return claimed.map(({ id }) => id).sort();
  }

  refusesBulkDelete(
    ids: readonly string[],
    claimIds: readonly string[] | undefined,
    refuseClaimed: boolean,
  ): ErrorCode | null {
    if (claimIds === undefined) {
      return refuseClaimed && this.claimedAmong(ids).length > 0 ? "MESSAGE_IS_CLAIMED" : null;
    }
    const held = (message: ModelMessage) =>
      this.isClaimed(message) && message.claimId !== null && claimIds.includes(message.claimId);
    return this.alive().some((message) => ids.includes(message.id) && !held(message)) ? "MESSAGE_NOT_CLAIMED_BY" : null;
  }

  /** Returns how many of them existed. */
  remove(ids: readonly string[]): number {
    const there = this.alive().filter((message) => ids.includes(message.id)).length;
    this.messages = this.messages.filter((message) => !ids.includes(message.id));
    return there;
  }

  /**
   * Moves those that the claim holds, or without one those that no claim holds, to the end of another queue, as if just
   * posted there, but for the rest of a delay. Returns their ids.
   * `deadLettersOf`: the name of the queue from which they come as dead letters.
   */
  transfer(
    ids: readonly string[],
    claimId: string | null,
    { ttlSeconds, deadLettersOf }: { ttlSeconds: number | null; deadLettersOf: string | null },
    to: QueueModel,
  ): string[] {
    const moved = this.alive().filter(
      (message) =>
        ids.includes(message.id) &&
        (claimId === null ? !this.isClaimed(message) : message.claimId === claimId && this.isClaimed(message)),
    );
    this.remove(moved.map(({ id }) => id));
    for (const message of moved) {
      const ttl = ttlSeconds === null ? {} : { ttlSeconds, expiresAt: this.now + ttlSeconds };
      const { claimCount: deliveries, lastHolder, lastDelivery } = message;
      const deadLettered =
        deadLettersOf === null
          ? message.deadLettered
          : {
              queue: deadLettersOf,
              at: this.now,
              deliveries,
              clientId: lastHolder,
              claimId: lastDelivery === undefined ? message.claimId : lastDelivery,
            };
      const begun = {
        createdAt: this.now,
        availableAt: Math.max(this.now, message.availableAt),
        claimId: null,
        claimCount: 0,
        heldBack: false,
        lastHolder: null,
        lastDelivery: undefined,
        deadLettered,
      };
      to.messages.push({ ...message, ...begun, ...ttl });
    }
    return moved.map(({ id }) => id);
  }

  purge(): void {
    this.messages = [];
    this.claims = [];
  }

  /** The queue is deleted and created again. */
  recreate(): void {
    this.purge();
    this.#keyed.clear();
  }

  stats(exhaustedFrom: number | null) {
    const alive = this.alive();
    const inState = (state: MessageState) =>
      alive.filter((message) => this.stateOf(message, exhaustedFrom) === state).length;
    return {
      total: alive.length,
      claimed: inState("claimed"),
      delayed: inState("delayed"),
      exhausted: inState("exhausted"),
      ready: inState("ready"),
      oldest: alive[0]?.id ?? null,
      newest: alive.at(-1)?.id ?? null,
    };
  }
}

export type { QueueModel };

/** The first messages that fit into `maxBytes`, but at least one. */
export function fitting(messages: readonly ModelMessage[], maxBytes = Number.POSITIVE_INFINITY): ModelMessage[] {
  let bytes = 0;
  const end = messages.findIndex((message, index) => {
    bytes += messageBytes(message);
    return bytes > maxBytes && index > 0;
  });
  return end === -1 ? [...messages] : messages.slice(0, end);
}

/** The code of the DomainError that `work` ends with, or its result. */
export async function outcomeOf<T>(work: Promise<T>): Promise<T | ErrorCode> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof DomainError) return error.code;
    throw error;
  }
}
