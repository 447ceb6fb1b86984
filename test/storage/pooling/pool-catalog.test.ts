import { describe, expect, it } from "vitest";
import { createMemoryBackend } from "../../../server/kvs/memory.ts";
import { createKeyValueStores } from "../../../server/kvs/stores.ts";
import type { ControlDriver } from "../../../server/storage/control-driver.ts";
import { PoolCatalog, type QueueLocation } from "../../../server/storage/pooling/pool-catalog.ts";
import type { QueueRef } from "../../../server/storage/queue-ref.ts";
import { aService } from "../../operations/a-service.ts";

describe("the cache of the catalogue", () => {
  it("keeps no more queue locations than its limit, and the others are looked up again", async () => {
    const clock = { offsetMs: 0 };
    const backend = createMemoryBackend({ clock });
    const store = createKeyValueStores({ backends: { memory: backend }, clock }).get<QueueLocation>("locations");
    store.configure({
      backingStore: "memory",
      keyMangler: false,
      locking: false,
      expirationSeconds: 1,
      maximumEntries: 50,
    });
    const looked: string[] = [];
    const entry = ({ project, name }: QueueRef) => ({ project, queue: name, pool: "p", epoch: Number(name) });
    const control = {
      catalogue: {
        get: async (queue: QueueRef) => {
          looked.push(queue.name);
          return entry(queue);
        },
        getMany: async (queues: readonly QueueRef[]) => queues.map(entry),
      },
      queues: { exists: async () => true },
    } as unknown as ControlDriver;
    const catalog = new PoolCatalog(control, store);
    const queues = Array.from({ length: 500 }, (_, index) => ({ project: "p", name: String(index) }));
    const count = async () => (await backend.counts(["locations"]))[0]?.value;

    for (const queue of queues) expect(await catalog.find(queue)).toEqual({ pool: "p", epoch: Number(queue.name) });
    expect(await count()).toBe(50);
    await Promise.all(queues.map((queue) => catalog.find(queue)));
    expect(await count()).toBe(50);
    expect(await catalog.findMany(queues)).toHaveLength(500);
    await Promise.all(queues.map((queue) => catalog.reload(queue)));
    expect(await count()).toBe(50);

    // The location used last is cached, the first is not.
    looked.length = 0;
    const [first, last] = [queues[0] as QueueRef, queues[499] as QueueRef];
    expect(await catalog.find(last)).toEqual({ pool: "p", epoch: 499 });
    expect(await catalog.find(first)).toEqual({ pool: "p", epoch: 0 });
    expect(looked).toEqual(["0"]);
  });

  it("is bounded in a service, too", async () => {
    const service = await aService();
    try {
      const locations = service.stores.get<QueueLocation>("isimud.locations");
      const many = new Map(Array.from({ length: 60_000 }, (_, index) => [`1:p${index}`, { pool: "p", epoch: 1 }]));
      await locations.setMulti(many, { ttlSeconds: 3600 });
      const kept = [...many.keys()].filter((key) => locations.peek(key) !== undefined);
      expect(kept).toHaveLength(50_000);
      expect(locations.peek("1:p59999")).toEqual({ pool: "p", epoch: 1 });
    } finally {
      await service.stop();
    }
  });
});
