/** Callers that post, claim and delete in some queues without end, and write down what they were told. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { DomainError } from "../../server/errors.ts";
import type { DataDriver } from "../../server/storage/data-driver.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { aMessage, idsOf, readAll } from "../conformance/harness.ts";

const POSTERS = 2;
const WORKERS = 2;
/** Longer than any test: no claim lapses. */
const LEASE = { limit: 3, ttlSeconds: 600, graceSeconds: 60, clientId: null };

export interface Heard {
  succeeded: number;
  errors: unknown[];
  /** In milliseconds, of those that succeeded. */
  slowest: number;
}

export interface PoolLoad {
  /** What the callers have heard since the last look; the sum of all queues. */
  heard(): Heard;
  /** Ends it, and expects that nothing acknowledged was lost or came back, and that no message was under two claims. */
  stopAndCheck(): Promise<void>;
}

export function startPoolLoad(data: DataDriver, queues: readonly QueueRef[]): PoolLoad {
  let now: Heard = { succeeded: 0, errors: [], slowest: 0 };
  let running = true;
  const posted = new Map<string, QueueRef>();
  /** Of each message that was delivered: its claim. */
  const claims = new Map<string, string>();
  const twice: string[] = [];
  const deleted = new Set<string>();
  /** Of a delete whose outcome nobody knows. */
  const doubtful = new Set<string>();

  async function call<T>(work: () => Promise<T>): Promise<T | null> {
    const began = performance.now();
    try {
      const result = await work();
      now.succeeded += 1;
      now.slowest = Math.max(now.slowest, performance.now() - began);
      return result;
    } catch (error) {
      now.errors.push(error);
      return null;
    } finally {
      // Others share the machine.
      await sleep(10);
    }
  }

  async function poster(queue: QueueRef): Promise<void> {
    while (running) {
      const made = await call(() => data.messages.post({ queue, messages: [aMessage(), aMessage()], clientId: null }));
      for (const id of made?.ids ?? []) posted.set(id, queue);
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
      // The last one stays claimed.
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
      // What was delivered is still its claim's.
      const strayed = [...claims].filter(([id, claim]) => there.has(id) && there.get(id) !== claim);
      expect(strayed).toEqual([]);
      expect(deleted.size).toBeGreaterThan(0);
    },
  };
}

/** Every one of them is a refusal that a client can read and try again after. */
export function expectUnavailable(errors: readonly unknown[]): void {
  for (const error of errors) {
    expect(error).toBeInstanceOf(DomainError);
    expect(error).toMatchObject({ status: 503, message: expect.stringMatching(/\w+ \w+/) });
  }
}
