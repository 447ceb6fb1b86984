/** How often concurrent lookups of queues query the database. */
import { expect, test, vi } from "vitest";
import { readConfig } from "../../../server/config.ts";
import { createMemoryBackend } from "../../../server/kvs/memory.ts";
import { createKeyValueStores } from "../../../server/kvs/stores.ts";
import { createQueueLookup } from "../../../server/operations/lifecycle/queue-lookup.ts";
import type { ControlDriver } from "../../../server/storage/control-driver.ts";
import type { QueueRef } from "../../../server/storage/queue-ref.ts";

const queue = (name: string): QueueRef => ({ project: "p", name });

function aLookup() {
  const asked = { go: () => {} };
  const getMany = vi.fn(async (queues: readonly QueueRef[]) => {
    await new Promise<void>((resolve) => {
      asked.go = resolve;
    });
    return queues.map((one) => ({ ...one, metadataText: "{}" }));
  });
  const clock = { offsetMs: 0 };
  const lookup = createQueueLookup({
    control: { queues: { getMany } } as unknown as ControlDriver,
    stores: createKeyValueStores({ backends: { memory: createMemoryBackend({ clock }) }, clock } as never),
    limits: readConfig({ NODE_ENV: "test", DATABASE_URL: "postgres://u:p@h/d", SECRET_KEY: "a secret of the tests" }),
  });
  return { lookup, getMany, answer: () => asked.go() };
}

test("concurrent lookups of one queue share one query", async () => {
  const { lookup, getMany, answer } = aLookup();
  const found = Promise.all([lookup.find([queue("a")]), lookup.find([queue("a")])]);
  answer();
  expect((await found).flat()).toHaveLength(2);
  await lookup.find([queue("a")]);
  expect(getMany).toHaveBeenCalledTimes(1);
});

test("a lookup does not cache a queue that was forgotten meanwhile, and caches the others", async () => {
  const { lookup, getMany, answer } = aLookup();
  const found = lookup.find([queue("a"), queue("b")]);
  await lookup.forget(queue("a"));
  answer();
  await found;
  const again = lookup.find([queue("a"), queue("b")]);
  answer();
  await again;
  expect(getMany.mock.calls.map(([queues]) => queues.map(({ name }) => name))).toEqual([["a", "b"], ["a"]]);
});
