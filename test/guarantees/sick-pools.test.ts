/**
 * A pool is killed, stalls or has a slow network under load. The queues of other pools are not affected, and its own
 * queues are intact afterwards.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DomainError } from "../../server/errors.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { uniqueName } from "../conformance/harness.ts";
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from "../support/database.ts";
import { startOwnPostgres } from "../support/own-postgres.ts";
import { openPooled, type Pooled } from "../support/pooled.ts";
import { describeWithRedis, startRedis } from "../support/redis.ts";
import { type SlowNetwork, slowNetwork } from "../support/slow-network.ts";
import { expectUnavailable, type Heard, type PoolLoad, startPoolLoad } from "./pool-load.ts";

/** Less than the time that a call waits for a stalled pool. */
const UNDISTURBED_MS = 3000;
const FAR_MS = 8000;

/** A storage that a test can kill and stall. */
interface Patient {
  url: string;
  kill(): Promise<void>;
  restart(): Promise<void>;
  stall(): Promise<void>;
  resume(): void;
  stop(): Promise<void>;
}

async function redisPatient(): Promise<Patient> {
  const server = await startRedis(["--appendonly", "yes", "--appendfsync", "always"]);
  return {
    url: server.url,
    kill: async () => void server.child.kill("SIGKILL"),
    restart: () => server.restart(),
    stall: async () => void server.child.kill("SIGSTOP"),
    resume: () => server.child.kill("SIGCONT"),
    stop: () => server.stop(),
  };
}

function describeSickPools(name: string, open: () => Promise<Patient>): void {
  describe(`a failing pool on ${name} beside another pool`, () => {
    let control: TestDatabase;
    let healthy: TestDatabase;
    let pooled: Pooled;
    let patient: Patient;
    let network: SlowNetwork;
    beforeAll(async () => {
      [control, healthy, patient] = await Promise.all([createTestDatabase(), createEmptyDatabase(), open()]);
      network = await slowNetwork(patient.url);
      pooled = await openPooled({ url: control.url });
      const uris = { well: healthy.url, sick: patient.url, distant: network.uri };
      for (const [pool, uri] of Object.entries(uris)) await pooled.control.pools.create({ name: pool, uri, weight: 1 });
    });
    afterAll(async () => {
      patient.resume();
      await pooled.close();
      await network.close();
      await patient.stop();
      await control.drop();
      await healthy.drop();
    });

    async function queuesIn(pool: string): Promise<QueueRef[]> {
      const queues = [uniqueName(), uniqueName()].map((queue) => ({ project: "p", name: queue }));
      for (const queue of queues) {
        await pooled.control.queues.create(queue);
        const { epoch } = await pooled.control.catalogue.insert(queue, pool);
        await pooled.data.attachQueue({ ...queue, epoch });
      }
      return queues;
    }

    it.each<[string, string, () => unknown, () => unknown]>([
      ["is killed", "sick", () => patient.kill(), () => patient.restart()],
      ["hangs", "sick", () => patient.stall(), () => patient.resume()],
      ["is too far away", "distant", () => (network.delayMs = FAR_MS), () => (network.delayMs = 0)],
    ])(
      "a pool that %s delays no call to the other, answers 503 with the reason, and is intact afterwards",
      async (_, pool, hurt, heal) => {
        const [ill, well] = (await Promise.all(
          [pool, "well"].map(async (one) => startPoolLoad(pooled.data, await queuesIn(one))),
        )) as [PoolLoad, PoolLoad];
        await ill.untilItWorks();
        await well.untilItWorks();
        await hurt();
        ill.heard();
        well.heard();
        const errors: unknown[] = [];
        const others: Heard[] = [];
        const refusedAtOnce = (error: unknown) =>
          error instanceof DomainError && error.message.includes(`The pool "${pool}" does not answer`);
        await expect
          .poll(() => {
            errors.push(...ill.heard().errors);
            others.push(well.heard());
            return errors.some(refusedAtOnce) && others.reduce((sum, { succeeded }) => sum + succeeded, 0) > 100;
          })
          .toBe(true);
        await heal();
        expectUnavailable(errors);
        expect(others.flatMap((heard) => heard.errors)).toEqual([]);
        expect(Math.max(...others.map(({ slowest }) => slowest))).toBeLessThan(UNDISTURBED_MS);
        await ill.untilItWorks();
        await ill.stopAndCheck();
        await well.stopAndCheck();
      },
    );

    it("a slow pool delays only the calls to its own queues", async () => {
      const [ill, well] = (await Promise.all(
        ["distant", "well"].map(async (one) => startPoolLoad(pooled.data, await queuesIn(one))),
      )) as [PoolLoad, PoolLoad];
      await ill.untilItWorks();
      network.delayMs = 150;
      ill.heard();
      well.heard();
      let slowly = 0;
      await expect
        .poll(() => {
          const { errors, succeeded } = ill.heard();
          expect(errors).toEqual([]);
          slowly += succeeded;
          return slowly;
        })
        .toBeGreaterThan(40);
      const meanwhile = well.heard();
      network.delayMs = 0;
      expect(meanwhile.errors).toEqual([]);
      expect(meanwhile.slowest).toBeLessThan(UNDISTURBED_MS);
      expect(meanwhile.succeeded).toBeGreaterThan(slowly);
      await ill.stopAndCheck();
      await well.stopAndCheck();
    });
  });
}

describeSickPools("PostgreSQL", startOwnPostgres);
describeWithRedis(() => describeSickPools("Redis", redisPatient));
