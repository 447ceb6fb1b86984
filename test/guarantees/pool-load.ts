/** Callers that post, claim and delete in some queues until they are stopped, and record the results. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { DomainError, hasCode } from "../../server/errors.ts";
import type { DataDriver } from "../../server/storage/data-driver.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { aMessage, idsOf, readAll } from "../conformance/harness.ts";

const POSTERS = 2;
const WORKERS = 2;
/** Longer than any test, so that no claim expires. */
const LEASE = { limit: 3, ttlSeconds: 600, graceSeconds: 60, clientId: null };

export interface Heard {
  succeeded: number;
  errors: unknown[];
  /** The longest successful call, in milliseconds. */
  slowest: number;
}

export interface PoolLoad {
  /** The results of all callers since the last call of this method. */
  heard(): Heard;
  /**
   * Waits until 20 more calls and a delete have succeeded. Workers that wait for an answer from before take longer than
   * posters.
   */
  untilItWorks(): Promise<void>;
  /**
   * Stops the callers. Expects that no acknowledged message was lost or came back, and that no message was delivered
   * twice.
   */
  stopAndCheck(): Promise<void>;
}

export function startPoolLoad(data: DataDriver, queues: readonly QueueRef[]): PoolLoad {
  let now: Heard = { succeeded: 0, errors: [], slowest: 0 };
  let calls = 0;
  let running = true;
  const posted = new Map<string, QueueRef>();
  /** The claim of each delivered message, by message id. */
  const claims = new Map<string, string>();
  const twice: string[] = [];
  const deleted = new Set<string>();
  /** Messages of deletes that failed, so that their outcome is unknown. */
  const doubtful = new Set<string>();

  async function call<T>(work: () => Promise<T>): Promise<T | null> {
    const began = performance.now();
    try {
      const result = await work();
      now.succeeded += 1;
      calls += 1;
      now.slowest = Math.max(now.slowest, performance.now() - began);
      return result;
    } catch (error) {
      now.errors.push(error);
      return null;
    } finally {
      // Leaves some of the machine to the other tests.
      await sleep(10);
    }
  }

  async function poster(queue: QueueRef): Promise<void> {
    while (running) {
      const post = await call(() => data.messages.post({ queue, messages: [aMessage(), aMessage()], clientId: null }));
      for (const id of post?.ids ?? []) posted.set(id, queue);
    }
  }

  async function worker(queue: QueueRef): Promise<void> {
    while (running) {
      const taken = await call(() => data.claims.create({ queue, ...LEASE }));
      const ids = idsOf(taken?.messages ?? []);
      if (taken === null || ids.length === 0) continue;
      for (const id of ids) {
        if (claims.has(id)) twice.push(id);
        claims.set(id, taken.claimId);
      }
      // One message of each claim stays claimed.
      const [, ...gone] = ids;
      const count = await call(() => data.messages.bulkDelete({ queue, ids: gone, claimIds: [taken.claimId] }));
      for (const id of gone) (count === null ? doubtful : deleted).add(id);
    }
  }

  const callers = queues.flatMap((queue) => [
    ...Array.from({ length: POSTERS }, () => poster(queue)),
    ...Array.from({ length: WORKERS }, () => worker(queue)),
  ]);
  return {
    heard() {
      const heard = now;
      now = { succeeded: 0, errors: [], slowest: 0 };
      return heard;
    },
    async untilItWorks() {
      const before = { calls, deleted: deleted.size };
      await expect.poll(() => calls > before.calls + 20 && deleted.size > before.deleted).toBe(true);
    },
    async stopAndCheck() {
      running = false;
      await Promise.all(callers);
      const there = new Map<string, string | null>();
      for (const queue of queues) {
        for (const { id, claim } of await readAll(data, queue, 1000)) {
          expect(there.has(id)).toBe(false);
          there.set(id, claim?.id ?? null);
        }
      }
      expect(twice).toEqual([]);
      const lost = [...posted.keys()].filter((id) => !there.has(id) && !deleted.has(id) && !doubtful.has(id));
      expect(lost).toEqual([]);
      expect([...deleted].filter((id) => there.has(id))).toEqual([]);
      // Delivered messages are still held by their claims.
      const strayed = [...claims].filter(([id, claim]) => there.has(id) && there.get(id) !== claim);
      expect(strayed).toEqual([]);
      expect(deleted.size).toBeGreaterThan(0);
    },
  };
}

/** Expects that each error has a readable message and says how to try again: 503, or with a key. */
export function expectUnavailable(errors: readonly unknown[]): void {
  for (const error of errors) {
    expect(error).toBeInstanceOf(DomainError);
    const status = hasCode(error, "OUTCOME_UNKNOWN") ? 504 : 503;
    expect(error).toMatchObject({ status, message: expect.stringMatching(/\w+ \w+/) });
  }
}
