/** The key-value store on a backend under test, and what its suites need around it. */
import { expect } from "vitest";
import type { KeyValueStore } from "../../server/kvs/key-value-store.ts";
import type { RegionOptions } from "../../server/kvs/region.ts";
import type { KeyValueStores } from "../../server/kvs/stores.ts";

export interface KeyValueWorld {
  stores: KeyValueStores;
  /** The backend under test. */
  backingStore: string;
  /** The clock of the stores and of the backend. */
  clock: { offsetMs: number };
  close(): Promise<void>;
}

let serial = 0;
export const freshName = () => `store-${++serial}`;

export function configuredStore(world: KeyValueWorld, options: Partial<RegionOptions>): KeyValueStore {
  const store = world.stores.get(freshName());
  store.configure({ backingStore: world.backingStore, ...options });
  return store;
}

export function passSecondsIn(world: KeyValueWorld, seconds: number): void {
  world.clock.offsetMs += seconds * 1000;
}

export const refused = (code: string, details: Record<string, unknown> = {}) =>
  expect.objectContaining({ code, details: expect.objectContaining(details) });
