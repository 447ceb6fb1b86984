/** What a sample of a queue, a pool or a project says, and the resolutions at which samples are kept. */

/** What happens to messages: the counts of a sample, in the order in which they are stored. */
export const CHANGES = [
  "posted",
  "claimed",
  "released",
  "lapsed",
  "deleted",
  "expired",
  "deadLettered",
  "delivered",
  "moved",
] as const;
export type Change = (typeof CHANGES)[number];
/** A number for each kind of change. */
export type ByChange = Readonly<Record<Change, number>>;

export function byChange(of: (change: Change, index: number) => number): ByChange {
  return Object.fromEntries(CHANGES.map((change, index) => [change, of(change, index)])) as Record<Change, number>;
}

/** The states of messages, in the order in which they are stored. */
export const STATES = ["ready", "claimed", "delayed", "exhausted"] as const;
export type State = (typeof STATES)[number];

/** How many messages were in each state. */
export interface Depths extends Readonly<Record<State, number>> {
  /** Since when the oldest ready message waits. Null: nothing was ready. */
  readonly oldestReadyAt: Date | null;
}

/** One interval of a queue, a pool or a project. */
export interface Sample extends Depths {
  /** What happened since the sample before. Null: unknown. */
  readonly counts: ByChange | null;
  /** Over how many intervals, this one included, the counts go: more than 1 when samples are missing before it. */
  readonly intervals: number;
  /** How it was until then, when the interval before has no sample because nothing had changed. */
  readonly before: Depths | null;
}

/**
 * Samples are kept at each of these, the finest first. Each is a multiple of the one before. When all together take more
 * than they may, those of `leastSeconds` stay: what pages show, and what the next resolution is made of.
 */
export const RESOLUTIONS = [
  { seconds: 10, keptSeconds: 3600, leastSeconds: 3600 },
  { seconds: 60, keptSeconds: 86_400, leastSeconds: 7200 },
  { seconds: 600, keptSeconds: 604_800, leastSeconds: 86_400 },
  { seconds: 3600, keptSeconds: 92 * 86_400, leastSeconds: 604_800 },
] as const;
export type ResolutionSeconds = (typeof RESOLUTIONS)[number]["seconds"];

/** Of the queues that are used most. */
export const FINEST = 10;
/** Of every queue that changed, of pools and of projects. */
export const MINUTE = 60;

/** The last end of an interval that is not after this instant. Both in milliseconds since 1970. */
export function endBefore(instant: number, resolutionSeconds: number): number {
  const step = resolutionSeconds * 1000;
  return Math.floor(instant / step) * step;
}
