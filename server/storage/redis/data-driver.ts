import type { ActivityReads } from "../activity.ts";
import type {
  ArrivalListener,
  BatchReads,
  Capability,
  ClaimController,
  DataDriver,
  FoundStore,
  MessageController,
} from "../data-driver.ts";
import type { DriverHealth, GcResult } from "../driver-health.ts";
import { probeDriver } from "../driver-probe.ts";
import type { MessageLives } from "../messages/message-life.ts";
import type { QueueTransfer } from "../moves/queue-transfer.ts";
import type { QueueRef } from "../queue-ref.ts";
import type { SubscriptionController } from "../subscription-controller.ts";
import type { QueueUndo } from "../undo/queue-undo.ts";
import { redisActivity } from "./activity.ts";
import { Arrivals } from "./arrivals.ts";
import { redisBatchReads } from "./batch-reads.ts";
import { RedisClaims } from "./claims/claims.ts";
import { GarbageCollector } from "./gc.ts";
import { PoolKeys } from "./keys.ts";
import { redisLives } from "./lives/lives.ts";
import { RedisMessages } from "./messages/messages.ts";
import { redisQueueMoves } from "./moves/moves.ts";
import { findIdentity, keepIdentity, readIdentity, tryToWrite } from "./pool-identity.ts";
import { QueueRows } from "./queue-rows.ts";
import { parseRedisUri, type RedisAddress } from "./server/address.ts";
import { RedisCluster, type RedisLink, SingleServer } from "./server/cluster.ts";
import { translateRedisError } from "./server/errors.ts";
import { inspectServers, memorySpace } from "./server/inspection.ts";
import { Scripts } from "./server/scripts.ts";
import { RedisSubscriptions } from "./subscriptions/subscriptions.ts";
import { redisUndo } from "./undo/restore.ts";

/** A storage that does not answer within this time counts as not alive. */
const ALIVE_DEADLINE_MS = 2000;

/** What every Redis and Valkey can do. */
const CAPABILITIES: readonly Capability[] = ["FIFO", "CLAIMS", "AOD", "HIGH_THROUGHPUT"];

export interface RedisDataDriverOptions {
  /** For its parts see server/address.ts. */
  uri: string;
  /** Moves the pool's clock forward, for tests. */
  clock?: { offsetMs: number };
  /** Seconds between a purge or delete and the time when gc frees it. Default 30. */
  undoSeconds?: number;
  /** Default MAX_KEPT_POPS_BYTES; less for tests. */
  keptPopsBytes?: number;
  /** Called with errors of broken connections and of notices that could not be sent. Default: nobody hears of them. */
  onError?: (error: unknown) => void;
}

/**
 * Opens a pool on Redis 7, Valkey, or newer. BAD_INPUT for an invalid URI, NOT_SUPPORTED for an older server,
 * STORAGE_UNAVAILABLE.
 */
export async function openRedisDataDriver(options: RedisDataDriverOptions): Promise<DataDriver> {
  const address = parseRedisUri(options.uri);
  const onError = options.onError ?? (() => undefined);
  const link = linkTo(address, onError);
  try {
    const capabilities = await readCapabilities(link, onError);
    const scripts = new Scripts(link);
    const queues = new QueueRows(scripts, new PoolKeys(address.prefix), options.clock ?? { offsetMs: 0 }, onError);
    const identity = await readIdentity(scripts, queues.keys);
    // Channels are common to all databases of a server.
    const arrivals = new Arrivals(link, `${address.prefix}:${address.database}:arrivals`, onError);
    return new RedisDataDriver({
      queues,
      arrivals,
      capabilities,
      identity,
      undoSeconds: options.undoSeconds ?? 30,
      keptPopsBytes: options.keptPopsBytes,
      onError,
    });
  } catch (error) {
    link.close();
    throw translateRedisError(error, { sent: false, wrote: false });
  }
}

/**
 * Returns the identity and the capabilities of a store. Checks that it takes writes, and leaves no key there. Errors as
 * openRedisDataDriver.
 */
export async function inspectRedisStore(uri: string, onError: (error: unknown) => void): Promise<FoundStore> {
  const address = parseRedisUri(uri);
  const link = linkTo(address, onError);
  try {
    const capabilities = await readCapabilities(link, onError);
    const scripts = new Scripts(link);
    const keys = new PoolKeys(address.prefix);
    await tryToWrite(scripts, keys);
    return { identity: await findIdentity(scripts, keys), capabilities };
  } catch (error) {
    throw translateRedisError(error, { sent: false, wrote: false });
  } finally {
    link.close();
  }
}

function linkTo(address: RedisAddress, onError: (error: unknown) => void): RedisLink {
  return address.cluster ? new RedisCluster(address, onError) : new SingleServer(address, onError);
}

async function readCapabilities(link: RedisLink, onError: (error: unknown) => void): Promise<ReadonlySet<Capability>> {
  const { durable, evicts } = await inspectServers(link);
  if (evicts) {
    onError(new Error("This server evicts keys, and messages with them. Set its maxmemory-policy to noeviction."));
  }
  return new Set([...CAPABILITIES, ...(durable ? (["DURABILITY"] as const) : [])]);
}

class RedisDataDriver implements DataDriver {
  identity: string;
  lostAt?: Date;
  readonly capabilities: ReadonlySet<Capability>;
  readonly messages: MessageController;
  readonly claims: ClaimController;
  readonly subscriptions: SubscriptionController;
  readonly batch: BatchReads;
  readonly activity: ActivityReads;
  readonly lives: MessageLives;
  readonly transfer: QueueTransfer;
  readonly undo: QueueUndo;
  readonly #scripts: Scripts;
  readonly #arrivals: Arrivals;
  readonly #queues: QueueRows;
  readonly #collector: GarbageCollector;
  readonly #onError: (error: unknown) => void;
  #closing: Promise<void> | null = null;

  constructor(parts: {
    queues: QueueRows;
    arrivals: Arrivals;
    capabilities: ReadonlySet<Capability>;
    identity: string;
    undoSeconds: number;
    keptPopsBytes: number | undefined;
    onError: (error: unknown) => void;
  }) {
    const { queues, arrivals, capabilities, identity, undoSeconds, keptPopsBytes, onError } = parts;
    this.identity = identity;
    this.capabilities = capabilities;
    this.#scripts = queues.scripts;
    this.#arrivals = arrivals;
    this.#queues = queues;
    this.#onError = onError;
    const messages = new RedisMessages(this.#queues, this.#arrivals, keptPopsBytes);
    const claims = new RedisClaims(this.#queues, this.#arrivals);
    const subscriptions = new RedisSubscriptions(this.#queues);
    this.messages = messages;
    this.claims = claims;
    this.subscriptions = subscriptions;
    this.lives = redisLives(this.#queues);
    this.batch = redisBatchReads({ messages, claims, subscriptions, lives: this.lives });
    this.activity = redisActivity(this.#queues, messages);
    this.transfer = redisQueueMoves(this.#queues);
    this.undo = redisUndo(this.#queues, this.#arrivals);
    this.#collector = new GarbageCollector(this.#queues, undoSeconds);
  }

  attachQueue(queue: QueueRef & { epoch: number }): Promise<void> {
    return this.#queues.attach(queue);
  }

  detachQueue(queue: QueueRef, undoToken?: string): Promise<void> {
    return this.#queues.detach(queue, undoToken);
  }

  watchArrivals(listener: ArrivalListener): () => void {
    return this.#arrivals.watch(listener);
  }

  partOf(queue: QueueRef): string {
    return this.#scripts.link.serverOf(this.#queues.keys.queue(queue)[0] as string);
  }

  isAlive(): Promise<boolean> {
    const options = { wrote: false, deadline: performance.now() + ALIVE_DEADLINE_MS };
    return this.#scripts.link.sendToAll(["PING"], options).then(
      () => true,
      () => false,
    );
  }

  health(): Promise<DriverHealth> {
    return probeDriver(this, { space: () => memorySpace(this.#scripts.link) });
  }

  async gc(): Promise<GcResult> {
    const { identity, missing } = await keepIdentity(this.#scripts, this.#queues.keys, this.identity);
    if (missing) {
      this.lostAt = new Date();
      this.#onError(new Error("This server came back empty. What it held is lost."));
    }
    if (identity !== this.identity) {
      // The driver takes the new identity over. So it reports the change once, and agrees with drivers opened later.
      this.identity = identity;
      this.#onError(
        new Error("This server holds another pool than when it was opened. What it held then is no longer there."),
      );
    }
    try {
      return await this.#collector.collect();
    } finally {
      await this.#queues.counters.flush();
    }
  }

  close(): Promise<void> {
    this.#arrivals.close();
    this.#closing ??= this.#scripts.calls
      .settled()
      .then(() => this.#queues.counters.close())
      .then(() => this.#scripts.link.close());
    return this.#closing;
  }
}
