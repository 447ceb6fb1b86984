/** Helpers for the tests of the Redis driver's guarantees. Each test file has a server or a cluster of its own. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from "vitest";
import { DomainError } from "../../server/errors.ts";
import type { DataDriver } from "../../server/storage/data-driver.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { openRedisDataDriver } from "../../server/storage/redis/data-driver.ts";
import { ask, type TestRedis } from "../support/redis.ts";

export const MESSAGE = { bodyText: "1", ttlSeconds: 300, delaySeconds: 0 };

export const post = (driver: DataDriver, queue: QueueRef, count = 1) =>
  driver.messages.post({ queue, messages: Array.from({ length: count }, () => MESSAGE), clientId: null });
export const claim = (driver: DataDriver, queue: QueueRef) =>
  driver.claims.create({ queue, limit: 5, ttlSeconds: 60, graceSeconds: 60, clientId: null });
export const list = (driver: DataDriver, queue: QueueRef) => driver.messages.list({ queue, page: { limit: 10 } });
export const codeOf = (error: unknown) => (error instanceof DomainError ? error.code : String(error));

export async function aQueue(driver: DataDriver, name: string): Promise<QueueRef> {
  const queue = { project: "p", name };
  await driver.attachQueue({ ...queue, epoch: 1 });
  return queue;
}

export async function untilItWorks(work: () => Promise<unknown>): Promise<void> {
  await vi.waitFor(work, { timeout: 5000, interval: 50 });
}

/** A single server, or a cluster. `servers` has its masters. */
export interface RedisPlace {
  url: string;
  servers: readonly TestRedis[];
  stop(): Promise<void>;
}

export type OpenRedisPlace = () => Promise<RedisPlace>;

/** The driver under test and its servers, for all tests of a suite. */
export interface RedisUnderTest {
  driver: DataDriver;
  url: string;
  servers: readonly TestRedis[];
  /** The URI of the same servers with another prefix of the keys. */
  withPrefix(prefix: string): string;
  /** Sends one command to each server. Returns the replies. */
  askAll(command: string): Promise<string[]>;
}

/**
 * Prepares a driver for the tests of a suite. The result is filled before the first test. A test fails if it leaves an
 * uncaught error.
 */
export function prepareRedis(open: OpenRedisPlace): RedisUnderTest {
  const under = {} as RedisUnderTest;
  let place: RedisPlace;
  const uncaught: unknown[] = [];
  const hear = (error: unknown) => uncaught.push(error);
  beforeAll(async () => {
    place = await open();
    const { url, servers } = place;
    Object.assign(under, {
      url,
      servers,
      driver: await openRedisDataDriver({ uri: url }),
      withPrefix(prefix: string) {
        const uri = new URL(url);
        uri.searchParams.set("prefix", prefix);
        return uri.toString();
      },
      askAll: (command: string) => Promise.all(servers.map(({ port }) => ask(port, command))),
    });
  });
  afterAll(async () => {
    await under.driver.close();
    await place.stop();
  });
  beforeEach(() => {
    uncaught.length = 0;
    process.on("uncaughtException", hear).on("unhandledRejection", hear);
  });
  afterEach(() => {
    process.off("uncaughtException", hear).off("unhandledRejection", hear);
    expect(uncaught).toEqual([]);
  });
  return under;
}
