/** The rules about queues, minute by minute, on numbers alone. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { byChange, type Change, type Depths } from "../../server/history/sample.ts";
import { judge, type Observation, type RuleState, type Thresholds } from "../../server/problems/queue-rules.ts";

const MINUTE = 60_000;
const START = Date.parse("2026-01-01T12:00:00Z");
const LIMITS: Thresholds = { stuckSeconds: 300, growingPercent: 10, lapsingPercent: 5, deadLettersArriving: 5 };

type Changes = Partial<Record<Change, number>>;

/** A queue that is looked at each minute, or when the rules want to, as the sampler does. */
class Watched {
  state: RuleState = {};
  minute = 0;
  #last: { minute: number; depths: Depths } | null = null;
  readonly limits: Thresholds;
  /** Looked at in each minute, needed or not. */
  readonly eager: boolean;

  constructor(limits: Partial<Thresholds> = {}, eager = false) {
    this.limits = { ...LIMITS, ...limits };
    this.eager = eager;
  }

  /** A minute passes. Null: nothing happens in it. Returns what is wrong then: kind, and minutes since the start. */
  next(depths: Partial<Depths> | null, changes: Changes = {}): string[] {
    this.minute += 1;
    const end = START + this.minute * MINUTE;
    const isDue = this.eager || (this.state.lookAt !== undefined && this.state.lookAt <= end);
    if (depths === null && !isDue) return this.problems();
    const now: Depths = {
      ...(this.#last?.depths ?? { ready: 0, claimed: 0, delayed: 0, exhausted: 0, oldestReadyAt: null }),
      ...depths,
    };
    if ((changes.delivered ?? 0) > 0) this.state = { ...this.state, givenAt: end };
    const seen: Observation = {
      ...{ end, takenAt: end, depths: now, rates: null },
      before: this.#last?.depths ?? null,
      minuteBefore: this.#last?.depths ?? null,
      counts: byChange((change) => changes[change] ?? 0),
      lastMinute: end - MINUTE,
      followsOn: this.#last?.minute === this.minute - 1,
    };
    this.state = judge(this.state, seen, this.limits).state;
    this.#last = { minute: this.minute, depths: now };
    return this.problems();
  }

  problems(): string[] {
    const { stuck, growing, claimsLapsing, deadLettersArriving } = this.state;
    const since = Object.entries({ stuck, growing: growing?.since, claimsLapsing, deadLettersArriving });
    return since.flatMap(([kind, at]) => (at === undefined ? [] : [`${kind} ${(at - START) / MINUTE}`]));
  }
}

const at = (minute: number) => new Date(START + minute * MINUTE);

describe("a queue is stuck", () => {
  test("when its oldest message has waited for five minutes and nothing was given out, since it came", () => {
    const queue = new Watched();
    expect(queue.next({ ready: 3, oldestReadyAt: at(0.5) })).toEqual([]);
    for (let minute = 2; minute <= 5; minute += 1) expect(queue.next(null)).toEqual([]);
    expect(queue.next(null)).toEqual(["stuck 0.5"]);
    expect(queue.next({ ready: 4 }, { posted: 1 })).toEqual(["stuck 0.5"]);
  });

  test("since the last message was given out, if more waited then, and no more once one is given out", () => {
    const queue = new Watched();
    queue.next({ ready: 9, oldestReadyAt: at(0) }, { delivered: 5 });
    for (let minute = 2; minute <= 5; minute += 1) expect(queue.next(null)).toEqual([]);
    expect(queue.next(null)).toEqual(["stuck 1"]);
    expect(queue.next({ ready: 8 }, { delivered: 1 })).toEqual([]);
  });

  test("and stays so since then when its oldest messages expire or are deleted unseen", () => {
    const queue = new Watched();
    queue.next({ ready: 9, oldestReadyAt: at(0) });
    for (let minute = 2; minute <= 6; minute += 1) queue.next(null);
    expect(queue.next({ ready: 5, oldestReadyAt: at(4) }, { expired: 4 })).toEqual(["stuck 0"]);
    expect(queue.next({ ready: 0, oldestReadyAt: null }, { deleted: 5 })).toEqual([]);
  });

  test("not because of a delayed message that has just become ready, however old it is", () => {
    const queue = new Watched();
    queue.next({ delayed: 1 });
    for (let minute = 2; minute <= 15; minute += 1) queue.next(null);
    expect(queue.next({ delayed: 0, ready: 1, oldestReadyAt: at(0.5) })).toEqual([]);
    for (let minute = 17; minute <= 19; minute += 1) expect(queue.next(null)).toEqual([]);
    expect(queue.next(null)).toEqual(["stuck 15"]);
  });

  test("never when that is off", () => {
    const queue = new Watched({ stuckSeconds: 0 });
    queue.next({ ready: 9, oldestReadyAt: at(0) });
    for (let minute = 2; minute <= 60; minute += 1) expect(queue.next(null)).toEqual([]);
  });
});

describe("a queue grows", () => {
  const rise = (queue: Watched, from: number, by: number, minutes: number) => {
    for (let minute = 1; minute < minutes; minute += 1) {
      expect(queue.next({ ready: from + by * minute }, { posted: by, delivered: 1 })).toEqual([]);
    }
    return queue.next({ ready: from + by * minutes }, { posted: by, delivered: 1 });
  };

  test("when it did in each of six minutes and by ten percent, since the first of them", () => {
    const queue = new Watched();
    queue.next({ ready: 600, oldestReadyAt: at(0) }, { delivered: 1 });
    expect(rise(queue, 600, 10, 6)).toEqual(["growing 1"]);
  });

  test("not when it grew by less, when one minute was without growth, or when nothing happened in one", () => {
    const little = new Watched();
    little.next({ ready: 1000, oldestReadyAt: at(0) }, { delivered: 1 });
    expect(rise(little, 1000, 10, 6)).toEqual([]);
    for (const pause of [{ ready: 700 }, { ready: 690 }, null]) {
      const broken = new Watched();
      broken.next({ ready: 600, oldestReadyAt: at(0) }, { delivered: 1 });
      for (let minute = 1; minute <= 5; minute += 1) {
        broken.next({ ready: 600 + minute * 20 }, { posted: 20, delivered: 1 });
      }
      expect(broken.next(pause, pause === null ? {} : { delivered: 1 })).toEqual([]);
      expect(broken.next({ ready: 720 }, { posted: 20, delivered: 1 })).toEqual([]);
    }
  });

  test("until it has no new peak for three minutes, so that one calm minute ends nothing", () => {
    const queue = new Watched();
    queue.next({ ready: 600, oldestReadyAt: at(0) }, { delivered: 1 });
    rise(queue, 600, 20, 6);
    expect(queue.next({ ready: 715 }, { delivered: 1 })).toEqual(["growing 1"]);
    expect(queue.next({ ready: 721 }, { delivered: 1 })).toEqual(["growing 1"]);
    expect(queue.next({ ready: 721 }, { delivered: 1 })).toEqual(["growing 1"]);
    // The rules look by themselves, though nothing happens.
    expect(queue.next(null)).toEqual(["growing 1"]);
    expect(queue.next(null)).toEqual([]);
  });

  test("until half of what counts as growth is gone", () => {
    const queue = new Watched();
    queue.next({ ready: 600, oldestReadyAt: at(0) }, { delivered: 1 });
    rise(queue, 600, 20, 6);
    expect(queue.next({ ready: 625 }, { delivered: 95 })).toEqual([]);
  });
});

describe("claims lapse", () => {
  test("when more than five percent of ten minutes' messages came back, since the first of them, until it is half of that", () => {
    const queue = new Watched();
    for (let minute = 1; minute <= 5; minute += 1) queue.next({}, { claimed: 20, delivered: 20 });
    expect(queue.next({}, { claimed: 20, lapsed: 4, delivered: 20 })).toEqual([]);
    expect(queue.next({}, { claimed: 20, lapsed: 4, delivered: 20 })).toEqual(["claimsLapsing 5"]);
    // The window moves on by itself: eight of ever more.
    for (let minute = 8; minute <= 15; minute += 1) {
      expect(queue.next({}, { claimed: 20, delivered: 20 })).toEqual(["claimsLapsing 5"]);
    }
    expect(queue.next({}, { claimed: 20, delivered: 20 })).toEqual([]);
  });

  test("not when few messages did, and the problem ends when the queue is not used any more", () => {
    const few = new Watched();
    expect(few.next({}, { claimed: 4, lapsed: 4, delivered: 4 })).toEqual([]);
    const queue = new Watched();
    expect(queue.next({}, { claimed: 10, lapsed: 10, delivered: 10 })).toEqual(["claimsLapsing 0"]);
    for (let minute = 2; minute <= 10; minute += 1) expect(queue.next(null)).toEqual(["claimsLapsing 0"]);
    expect(queue.next(null)).toEqual([]);
  });
});

describe("dead letters arrive", () => {
  test("when more come in ten minutes than is usual for the queue", () => {
    const queue = new Watched();
    expect(queue.next({}, { deadLettered: 4 })).toEqual([]);
    expect(queue.next({}, { deadLettered: 4 })).toEqual(["deadLettersArriving 0"]);
    for (let minute = 3; minute <= 11; minute += 1) expect(queue.next(null)).toEqual(["deadLettersArriving 0"]);
    expect(queue.next(null)).toEqual([]);
  });

  test("from the number on that the queue has, until a fifth of it is left, and never with 0", () => {
    const queue = new Watched({ deadLettersArriving: 50 });
    expect(queue.next({}, { deadLettered: 40 })).toEqual([]);
    expect(queue.next({}, { deadLettered: 10 })).toEqual(["deadLettersArriving 0"]);
    for (let minute = 3; minute <= 10; minute += 1) expect(queue.next(null)).toEqual(["deadLettersArriving 0"]);
    // The 40 are over, and the 10 are a fifth.
    expect(queue.next(null)).toEqual(["deadLettersArriving 0"]);
    expect(queue.next(null)).toEqual([]);
    const off = new Watched({ deadLettersArriving: 0 });
    expect(off.next({}, { deadLettered: 1e6 })).toEqual([]);
  });

  test("not when as many have come for days", () => {
    const queue = new Watched();
    for (let minute = 1; minute <= 3 * 1440; minute += 1) queue.next({}, { deadLettered: 2 });
    expect(queue.problems()).toEqual([]);
    for (let minute = 1; minute <= 8; minute += 1) queue.next({}, { deadLettered: 10 });
    expect(queue.problems()).toEqual([expect.stringMatching(/^deadLettersArriving/)]);
  });
});

test("what is remembered of a queue stays small", () => {
  const queue = new Watched();
  for (let minute = 1; minute <= 60; minute += 1) {
    const changes = { claimed: 1e6, lapsed: 9e5, deadLettered: 9e5, posted: 1e6 };
    queue.next({ ready: 1e6 + minute * 1e5, oldestReadyAt: at(0) }, changes);
  }
  expect(queue.problems()).toHaveLength(4);
  expect(JSON.stringify(queue.state).length).toBeLessThan(600);
});

describe("whatever happens to a queue", () => {
  /** What happens in a minute. Null: nothing. */
  const happening = fc.record({
    posted: fc.nat(40),
    taken: fc.nat(40),
    lapsed: fc.nat(6),
    deadLettered: fc.nat(3),
  });
  const minutes = fc.array(fc.oneof({ weight: 2, arbitrary: fc.constant(null) }, { weight: 3, arbitrary: happening }), {
    maxLength: 80,
  });

  /** The depths and changes of each minute: messages are taken in order. */
  function* live(story: readonly (typeof happening extends fc.Arbitrary<infer T> ? T | null : never)[]) {
    const waiting: number[] = [];
    for (const [index, minute] of story.entries()) {
      if (minute === null) {
        yield { depths: null, changes: {} as Changes, ready: waiting.length };
        continue;
      }
      const { posted, taken, lapsed, deadLettered } = minute;
      const given = Math.min(taken, waiting.length + posted);
      for (let count = 0; count < posted; count += 1) waiting.push(index + 0.5);
      waiting.splice(0, given);
      const oldestReadyAt = waiting[0] === undefined ? null : at(waiting[0]);
      const changes: Changes = { posted, delivered: given, claimed: given, lapsed, deadLettered, deleted: given };
      yield { depths: { ready: waiting.length, oldestReadyAt }, changes, ready: waiting.length };
    }
  }

  test("looking only when it is used or due finds the same problems as looking in each minute", () => {
    fc.assert(
      fc.property(minutes, (story) => {
        const [lazy, eager] = [new Watched(), new Watched({}, true)];
        for (const { depths, changes } of live(story)) {
          expect(lazy.next(depths, changes)).toEqual(eager.next(depths, changes));
        }
      }),
      { numRuns: 300 },
    );
  });

  test("since stays as long as the problem does and is never ahead, stuck means that messages wait, and all ends in silence", () => {
    fc.assert(
      fc.property(minutes, (story) => {
        const queue = new Watched();
        let before: string[] = [];
        for (const { depths, changes, ready } of live(story)) {
          const now = queue.next(depths, changes);
          const lasting = before.filter((one) => now.some((other) => other.split(" ")[0] === one.split(" ")[0]));
          expect(now).toEqual(expect.arrayContaining(lasting));
          for (const one of now) expect(Number(one.split(" ")[1])).toBeLessThan(queue.minute);
          if (now.some((one) => one.startsWith("stuck"))) {
            expect(ready).toBeGreaterThan(0);
            expect(changes.delivered ?? 0).toBe(0);
          }
          before = now;
        }
        queue.next({ ready: 0, oldestReadyAt: null }, { deleted: 1 });
        for (let minute = 0; minute < 15; minute += 1) queue.next(null);
        expect(queue.problems()).toEqual([]);
        expect(queue.state.lookAt).toBe(undefined);
      }),
      { numRuns: 300 },
    );
  });
});
