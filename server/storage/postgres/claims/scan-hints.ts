import { byNumber } from "../messages/markers.ts";
import { PerQueue, type QueueRow } from "../queue-rows.ts";
import { int8 } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import type { Statements } from "../sql/statements.ts";

/** From so many held or delayed messages in front of the first ready one on, claims leave these out for a while. */
const WORTH_SKIPPING = 2000;
/** How long they are left out: so many times as long as the walk over them took, within bounds. */
const SKIP_WALKS = 10;
const SHORTEST_SKIP_MS = 1000;
const LONGEST_SKIP_MS = 10_000;
/** Between two looks at how many there are. */
const LOOK_MS = 1000;

const IN_FRONT = statement({
  name: "claim_in_front",
  parameters: { queueId: int8, after: int8, before: int8 },
  row: rowOf<{ messages: number }>(),
  text: `
    SELECT count(*)::int AS messages FROM (
      SELECT 1 FROM messages m
      WHERE m.queue_id = :queueId AND m.marker > :after AND m.marker < :before LIMIT ${WORTH_SKIPPING}
    ) AS walked`,
});

/** Claims of the queue start behind the marker `start` for a while. */
interface ScanSkip {
  start: string;
  /** As performance.now() counts. */
  until: number;
  /** The offset of the pool's clock. When a test moves it, what is held now is ready. */
  clockOffset: number;
}

export interface ScanStart {
  /** The claim looks at messages behind this marker. */
  start: string;
  /** Whether it leaves out messages that way that may be ready. */
  skipping: boolean;
  /** How often claims of the queue had been told to look everywhere when it began. */
  releases: number;
}

/**
 * Where claims of a queue start. A hundred thousand messages that are held or delayed cost a claim 40 ms to walk over,
 * one claim after the other. So once a claim had to, those that follow start where it found its first message.
 *
 * Price: what becomes ready in front of that (a claim expires, a delay ends, another process releases a claim) is seen
 * when the skip ends, after at most ten seconds, and nearly always one. A release in this process ends the skip, and so
 * does a claim that finds nothing: no claim answers "nothing" without having looked everywhere. With fewer messages in
 * front than WORTH_SKIPPING nothing is ever left out.
 */
export class ScanHints {
  readonly #statements: Statements;
  readonly #hints = new PerQueue<{ skip: ScanSkip | null; lookedAt: number; releases: number }>(() => ({
    skip: null,
    lookedAt: 0,
    /** How often claims were told to look everywhere. */
    releases: 0,
  }));

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /** `first`: where a claim starts that leaves nothing out. */
  of(row: QueueRow, first: string): ScanStart {
    const hint = this.#hints.of(row);
    const { skip, releases } = hint;
    if (skip !== null && skip.until > performance.now() && skip.clockOffset === this.#statements.pool.clockOffset) {
      if (byNumber(skip.start, first) > 0) return { start: skip.start, skipping: true, releases };
    } else hint.skip = null;
    return { start: first, skipping: false, releases };
  }

  /** The start of a claim that leaves nothing out. */
  everywhere(row: QueueRow, first: string): ScanStart {
    return { start: first, skipping: false, releases: this.#hints.of(row).releases };
  }

  /**
   * A claim found its first message at the marker `first`, after `milliseconds`. Looks in the background at how many it
   * walked over.
   */
  learn(
    row: QueueRow,
    { start, releases }: ScanStart,
    { first, milliseconds }: { first: string; milliseconds: number },
  ): void {
    const hint = this.#hints.of(row);
    // The claim may have passed over what was released while it was under way.
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
    this.#statements.read(IN_FRONT, { queueId: row.id, after: start, before: first }).then(
      ([found]) => {
        if (found === undefined || found.messages < WORTH_SKIPPING || releases !== hint.releases) return;
        hint.skip = { start: before, until, clockOffset: this.#statements.pool.clockOffset };
      },
      // Claims go on walking, which is only slower.
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
