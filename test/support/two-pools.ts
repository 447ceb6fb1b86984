/** Two processes' drivers on one control database, with two pools between which queues can move. */
import { createQueueMoves, type QueueMoves } from "../../server/operations/lifecycle/queue-moves.ts";
import type { DataDriver } from "../../server/storage/data-driver.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { createPoolDatabase, createTestDatabase } from "./database.ts";
import { openPooled, type Pooled } from "./pooled.ts";
import { startRedis, startRedisCluster } from "./redis.ts";

export interface TwoPools {
  one: Pooled;
  /** The drivers of another process. */
  other: Pooled;
  moves: QueueMoves;
  clock: { offsetMs: number };
  /** URIs of the pools "left" and "right". */
  uris: { left: string; right: string };
  /** The URL of the control database. */
  url: string;
  warnings: unknown[];
  /** Creates a queue in the pool "left". */
  aQueue(name: string): Promise<QueueRef>;
  pool(name: "left" | "right"): Promise<DataDriver>;
  close(): Promise<void>;
}

export type OpenTwoPools = () => Promise<TwoPools>;

/** `stores` creates the stores of the two pools. It returns their URIs, and a function that removes them. */
async function openTwoPools(
  stores: () => Promise<{ left: string; right: string; drop(): Promise<void> }>,
): Promise<TwoPools> {
  const control = await createTestDatabase();
  const { drop, ...uris } = await stores();
  const clock = { offsetMs: 0 };
  const [one, other] = await Promise.all([
    openPooled({ url: control.url, clock }),
    openPooled({ url: control.url, clock }),
  ]);
  await one.control.pools.create({ name: "left", uri: uris.left, weight: 1 });
  await one.control.pools.create({ name: "right", uri: uris.right, weight: 1 });
  const warnings: unknown[] = [];
  const warn = (message: string, error: unknown) => warnings.push([message, error]);
  return {
    one,
    other,
    moves: createQueueMoves({ control: one.control, data: one.data, warn }),
    clock,
    uris,
    url: control.url,
    warnings,
    async aQueue(name) {
      const queue = { project: "p", name };
      await one.control.queues.create(queue);
      const { epoch } = await one.control.catalogue.insert(queue, "left");
      await one.data.attachQueue({ ...queue, epoch });
      return queue;
    },
    pool: (name) => one.data.pool(name),
    async close() {
      await one.close();
      await other.close();
      await control.drop();
      await drop();
    },
  };
}

interface Store {
  uri: string;
  drop(): Promise<void>;
}

export type OpenStore = () => Promise<Store>;

export const onPostgres: OpenStore = async () => {
  const { url, drop } = await createPoolDatabase();
  return { uri: url, drop };
};

export const onRedis: OpenStore = async () => {
  const { url, stop } = await startRedis();
  return { uri: url, drop: stop };
};

export const onRedisCluster: OpenStore = async () => {
  const { url, stop } = await startRedisCluster();
  return { uri: url, drop: stop };
};

export function twoStores(openLeft: OpenStore, openRight: OpenStore): OpenTwoPools {
  return () =>
    openTwoPools(async () => {
      const [left, right] = await Promise.all([openLeft(), openRight()]);
      return {
        left: left.uri,
        right: right.uri,
        async drop() {
          await left.drop();
          await right.drop();
        },
      };
    });
}

export const twoDatabases: OpenTwoPools = twoStores(onPostgres, onPostgres);
