/**
 * One message's life: what happened to it, and who did it. Kept only by queues that ask for it, for as long as they say.
 *
 * What a driver can tell: everything that a call or gc did to the message in this store, while the queue kept lives. It
 * knows nothing of other stores: a move to another pool leaves the events behind, and says so by `since`.
 */
import type { QueueRef } from "../queue-ref.ts";

/**
 * | kind | the message | until | other fields |
 * |---|---|---|---|
 * | posted | was posted | its delay ends | clientId |
 * | arrived | came from another queue | | otherQueue, null when unknown |
 * | claimed | was delivered by a claim | the claim ends | clientId, actor, claimId, deliveries |
 * | renewed | is held longer | the claim ends | as claimed |
 * | released | was given back | its delay ends | clientId, claimId |
 * | lapsed | lost its claim, which expired | | clientId, claimId |
 * | deadLettered | went to a dead letter queue | | otherQueue, deliveries |
 * | moved | went to another queue | | otherQueue, deliveries |
 * | deleted, popped | was deleted, taken for good | | of a claim that held it: clientId, claimId; deliveries |
 * | purged, expired | was purged, came to the end of its time | | deliveries |
 * | restored | came back by an undo | | deliveries |
 *
 * A claim that only holds a dead letter back is no event. What an undo of a purge brings back was never gone where
 * nothing was written of the purge.
 */
export const LIFE_EVENTS = [
  "posted",
  "arrived",
  "claimed",
  "renewed",
  "released",
  "lapsed",
  "restored",
  "deadLettered",
  "moved",
  "deleted",
  "popped",
  "purged",
  "expired",
] as const;
export type LifeEventKind = (typeof LIFE_EVENTS)[number];

/** Fields that a kind does not have are null. */
export interface LifeEvent {
  kind: LifeEventKind;
  /** By the store's clock. */
  at: Date;
  clientId: string | null;
  /** Who claimed it, as access control names them. */
  actor: string | null;
  claimId: string | null;
  until: Date | null;
  /** How often it had been claimed, with this time. */
  deliveries: number | null;
  /** The name of the queue that it came from or went to, in the same project. */
  otherQueue: string | null;
}

export interface MessageLife {
  /** Oldest first. Empty for a message of which nothing is known. */
  events: LifeEvent[];
  /** Events between the first ones and the last ones were left out: see MAX_LIFE_EVENTS. */
  cut: boolean;
}

/** What a queue keeps. */
export interface KeptLives {
  /** How long each event is kept. */
  seconds: number;
  /** Since when this store keeps them. What was before is not known. */
  since: Date;
  /** In the order in which they were asked for. */
  lives: MessageLife[];
}

/** Most events of a life. Of a longer one the first FIRST_LIFE_EVENTS are kept, and the newest. */
export const MAX_LIFE_EVENTS = 200;
export const FIRST_LIFE_EVENTS = 20;

/** The longest time for which a queue may keep events: a week. */
export const MAX_LIFE_SECONDS = 604_800;
/** Most events of a queue on PostgreSQL, most bytes of them on Redis. Beyond that the oldest go early. */
export const MAX_QUEUE_EVENTS = 1_000_000;
export const MAX_QUEUE_EVENT_BYTES = 64 * 1_048_576;

export interface MessageLives {
  /**
   * From now on the queue keeps what happens to its messages, each event for `seconds`; 0 ends that, and forgets what
   * was kept. The same number again changes nothing. Every process of the store keeps to it at once, those of earlier
   * versions too where the store itself writes the events (PostgreSQL). DEADLINE_EXCEEDED when the store is too busy.
   */
  keep(params: { queue: QueueRef; seconds: number }): Promise<void>;
  /**
   * The lives of these messages, whether they still exist or not. Null when the queue keeps none. Shows what has
   * happened by itself at once: a claim that lapsed, a message that expired.
   */
  read(params: { queue: QueueRef; ids: readonly string[] }): Promise<KeptLives | null>;
}

/** The events in order, with times that never go back: a store's clock may have been set back. */
export function inOrder(events: readonly LifeEvent[]): LifeEvent[] {
  let latest = 0;
  return events.map((event) => {
    latest = Math.max(latest, event.at.getTime());
    return { ...event, at: new Date(latest) };
  });
}

const ENDINGS: ReadonlySet<LifeEventKind> = new Set([
  "deadLettered",
  "moved",
  "deleted",
  "popped",
  "purged",
  "expired",
]);

/** Whether the message left the queue with this event. */
export const isEnding = ({ kind }: Pick<LifeEvent, "kind">) => ENDINGS.has(kind);

/** What happened by itself, and nobody has written down yet. */
export function lapseOf(events: readonly LifeEvent[], now: Date): LifeEvent | null {
  const last = events.at(-1);
  if (last === undefined || (last.kind !== "claimed" && last.kind !== "renewed")) return null;
  if (last.until === null || last.until > now) return null;
  return { ...last, kind: "lapsed", at: last.until, until: null, actor: null, deliveries: null };
}

/** A life of at most MAX_LIFE_EVENTS events. */
export function shortened(events: LifeEvent[]): MessageLife {
  if (events.length <= MAX_LIFE_EVENTS) return { events, cut: false };
  const newest = events.slice(FIRST_LIFE_EVENTS - MAX_LIFE_EVENTS);
  return { events: [...events.slice(0, FIRST_LIFE_EVENTS), ...newest], cut: true };
}
