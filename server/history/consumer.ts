/** Who claims from queues or pops from them: what is known of each, and the store of that. */
import type { Page, PageRequest } from "../storage/list-pages.ts";
import type { QueueRef } from "../storage/queue-ref.ts";

/**
 * A call that claims or pops belongs to the client id that it sends, or else to its actor. A program that renews a claim
 * is the consumer that holds it.
 */
export interface Consumer {
  readonly project: string;
  readonly queue: string;
  /** The client id, or else the actor. */
  readonly name: string;
  /** The actor of its last call. */
  readonly actor: string;
  readonly firstSeenAt: Date;
  /** When it last got messages, when it last got none, and when it last renewed a claim. One of them is set. */
  readonly lastClaimAt: Date | null;
  readonly lastEmptyClaimAt: Date | null;
  readonly lastRenewalAt: Date | null;
  /** The latest of the three. */
  readonly lastSeenAt: Date;
  /**
   * When it stopped: its last call, if it had called every few seconds before and has been silent since, and no other
   * one began at about that time in its place.
   */
  readonly stoppedAt: Date | null;
  /** All messages that it got, since it was first seen. */
  readonly claimed: number;
  /** Messages that it got in each of the last MINUTES minutes, oldest first. The last minute is still running. */
  readonly minutes: readonly number[];
  /** The end of the running minute. */
  readonly minutesUntil: Date;
  /** Messages a second in the last minute. */
  readonly rate: number;
}

/** What a process has seen of a consumer since it told the store last. */
export interface ConsumerNews {
  readonly project: string;
  readonly queue: string;
  readonly name: string;
  readonly actor: string;
  readonly messages: number;
  /** How long ago it last got messages, got none, and renewed a claim; in milliseconds. Null: not since. */
  readonly claimAgeMs: number | null;
  readonly emptyAgeMs: number | null;
  readonly renewalAgeMs: number | null;
}

export interface StoppedRequest {
  /** How long a consumer must have been silent. */
  silentSeconds: number;
  limit: number;
}

/** Minutes whose messages are kept. */
export const MINUTES = 60;
/** Of more, those that have been silent longest are forgotten. */
export const CONSUMERS_OF_QUEUE = 1000;
/** A consumer that stopped longer ago is no news. */
export const STOPPED_SECONDS = 86_400;

/** Shared by all processes. Its clock is that of the samples. */
export interface ConsumerStore {
  /** False: nothing is noted. */
  readonly isOn: boolean;
  /** Adds what a process has seen. What it has seen of queues that do not exist is left out. */
  add(news: readonly ConsumerNews[]): Promise<void>;
  /**
   * A page of the consumers of each queue, in the order asked: first those that have stopped, then those that called
   * within the last hour, then the others; each by name. One statement for all. `goneSeconds`: how long a silence means
   * that a consumer stopped, 0 for never.
   */
  list(params: {
    queues: readonly (QueueRef & { goneSeconds: number })[];
    page: PageRequest;
  }): Promise<Page<Consumer>[]>;
  /** The consumer of each queue with this name, in the order asked; null when it is unknown. One statement for all. */
  named(wanted: readonly (QueueRef & { consumer: string; goneSeconds: number })[]): Promise<(Consumer | null)[]>;
  /**
   * Consumers that stopped within the last day, those that stopped last first. None before this process is
   * `silentSeconds` old: after a restart of the service nobody has called yet.
   */
  stopped(request: StoppedRequest): Promise<Consumer[]>;
  /** Deletes a batch of those that have been silent longest: for a week, or beyond what the table may hold. */
  trim(): Promise<number>;
}
