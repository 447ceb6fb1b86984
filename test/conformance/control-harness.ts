import { randomUUID } from "node:crypto";
import type { ControlDriver } from "../../server/storage/control-driver.ts";

/** A control driver under test, alone on its store. Every control suite runs on every driver through this. */
export interface ControlDriverHarness {
  driver: ControlDriver;
  /** A second driver on the same store, as another process would have it. */
  neighbour: ControlDriver;
  /** The URI of the store itself, which is the built-in pool. */
  defaultPoolUri: string;
  /** The identity of the store, as a data driver on it reports it. */
  ownIdentity(): Promise<string>;
  /** Everything that is stored, as text, to look for secrets in. */
  storedText(): Promise<string>;
  close(): Promise<void>;
}

export type OpenControlDriver = () => Promise<ControlDriverHarness>;

export const unique = (prefix: string) => `${prefix}-${randomUUID().slice(0, 18)}`;

/** Names in the order of their bytes, which is what lists promise; JavaScript's own order differs beyond U+FFFF. */
export const inByteOrder = (names: readonly string[]) =>
  [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
