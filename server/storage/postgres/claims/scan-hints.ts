import { byNumber } from "../messages/markers.ts";
import { PerQueue, type QueueRow } from "../queue-rows.ts";
import type { Statement, Statements } from "../sql/statements.ts";

/**
 * So many held or delayed messages in front of the first ready one are left out for a while instead of being walked
 * over by each claim.
 */
const WORTH_SKIPPING = 2000;
/** How long they are left out, in milliseconds: so many times what the walk over them took, within bounds. */
const SKIP_WALKS = 10;
const SHORTEST_SKIP_MS = 1000;
const LONGEST_SKIP_MS = 10_000;
/** Between two looks at how many there are. */
const LOOK_MS = 1000;

const IN_FRONT: Statement = {
  name: "claim_in_front",
  text: `SELECT count(*)::int AS messages FROM (
      SELECT 1 FROM messages m WHERE m.queue_id = $1 AND m.marker > $2 AND m.marker < $3 LIMIT ${WORTH_SKIPPING}
    ) AS walked`,
};

/** A claim of the queue need not look below `start` for a while. */
interface ScanSkip {
  start: string;
  until: number;
  /** Of the pool's clock, which tests move: what is held now is ready then. */
  offsetMs: number;
}

export interface ScanStart {
  /** A marker below which the claim does not look. */
  start: string;
  /** Whether it leaves messages out by that. */
  skipping: boolean;
  /** The queue's when it began. */
  releases: number;
}

/**
 * Where claims of a queue begin. A hundred thousand messages that are held or delayed cost a claim 40 ms to walk over, one claim after the other; so once a claim
 * had to, those that follow begin where it found its first message.
 *
 * Price: what becomes ready among those (a claim that lapses, a delay that ends, a release in another process) is seen
 * when the skip ends, which is at most ten seconds later, and nearly always one. A release in this process ends it, and
 * so does a claim that finds nothing: no claim answers "nothing there" without having looked everywhere. With fewer
 * messages in front than are worth skipping, nothing is ever left out.
 */
export class ScanHints {
  readonly #statements: Statements;
  readonly #hints = new PerQueue<{ skip: ScanSkip | null; lookedAt: number; releases: number }>(() => ({
    skip: null,
    lookedAt: 0,
    /** How often claims were told to look everywhere. */
    releases: 0,
  }));
  readonly #clock: { offsetMs: number };

  constructor(statements: Statements, clock: { offsetMs: number }) {
    this.#statements = statements;
    this.#clock = clock;
  }

  /** `floor`: where a claim begins that leaves nothing out. */
  of(row: QueueRow, floor: string): ScanStart {
    const hint = this.#hints.of(row);
    const { skip, releases } = hint;
    if (skip !== null && skip.until > performance.now() && skip.offsetMs === this.#clock.offsetMs) {
      if (byNumber(skip.start, floor) > 0) return { start: skip.start, skipping: true, releases };
    } else hint.skip = null;
    return { start: floor, skipping: false, releases };
  }

  /** Of a claim that leaves nothing out. */
  everywhere(row: QueueRow, floor: string): ScanStart {
    return { start: floor, skipping: false, releases: this.#hints.of(row).releases };
  }

  /** A claim found its first message at the marker `first` and took so many milliseconds. Looks in the background at what it walked over. */
  learn(
    row: QueueRow,
    { start, releases }: ScanStart,
    { first, milliseconds }: { first: string; milliseconds: number },
  ): void {
    const hint = this.#hints.of(row);
    // What was released while the claim was under way it may have passed over.
    if (releases !== hint.releases) return;
    const before = String(BigInt(first) - 1n);
    if (hint.skip !== null) {
      if (byNumber(before, hint.skip.start) > 0) hint.skip.start = before;
      return;
    }
    const now = performance.now();
    if (now - hint.lookedAt < LOOK_MS || BigInt(before) - BigInt(start) < WORTH_SKIPPING) return;
    hint.lookedAt = now;
    const until = now + Math.min(Math.max(SKIP_WALKS * milliseconds, SHORTEST_SKIP_MS), LONGEST_SKIP_MS);
    this.#statements.read<{ messages: number }>(IN_FRONT, [row.id, start, first]).then(
      ([found]) => {
        if (found === undefined || found.messages < WORTH_SKIPPING || releases !== hint.releases) return;
        hint.skip = { start: before, until, offsetMs: this.#clock.offsetMs };
      },
      // Claims walk on, which is only slower.
      () => undefined,
    );
  }

  /** Messages of the queue have become ready here, or none was found: the next claim looks everywhere. */
  reset(row: QueueRow): void {
    const hint = this.#hints.of(row);
    hint.skip = null;
    hint.releases += 1;
  }
}
