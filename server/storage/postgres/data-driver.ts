import type { ActivityReads } from "../activity.ts";
import type {
  ArrivalListener,
  BatchReads,
  Capability,
  ClaimController,
  DataDriver,
  MessageController,
} from "../data-driver.ts";
import { withDeadline } from "../deadlines/deadline.ts";
import type { DriverHealth, GcResult } from "../driver-health.ts";
import { probeDriver } from "../driver-probe.ts";
import { MAX_KEPT_POPS_BYTES } from "../idempotency.ts";
import type { MessageLives } from "../messages/message-life.ts";
import type { QueueTransfer } from "../moves/queue-transfer.ts";
import type { QueueRef } from "../queue-ref.ts";
import type { SubscriptionController } from "../subscription-controller.ts";
import type { QueueUndo } from "../undo/queue-undo.ts";
import { postgresActivity } from "./activity.ts";
import { Arrivals, LISTENER_NAME } from "./arrivals.ts";
import { claimsOfMany, claimsOfManyById } from "./claims/batch.ts";
import { postgresClaims } from "./claims/claims.ts";
import { ClaimReaper } from "./claims/reaper.ts";
import { ScanHints } from "./claims/scan-hints.ts";
import { localDiskSpace } from "./disk-space.ts";
import { GarbageCollector } from "./gc.ts";
import { livesOfMany, postgresLives } from "./lives/lives.ts";
import { LowWater } from "./low-water.ts";
import { messagesOfMany, messagesOfManyById } from "./messages/batch.ts";
import { ByteBounds } from "./messages/byte-bounds.ts";
import { Counters } from "./messages/counters.ts";
import { ExhaustedFronts } from "./messages/exhausted-fronts.ts";
import { messageIds } from "./messages/ids.ts";
import { postgresMessages } from "./messages/messages.ts";
import { postgresQueueMoves } from "./moves/moves.ts";
import type { Pool } from "./pool.ts";
import { identityOf } from "./pool-identity.ts";
import { QueueRows } from "./queue-rows.ts";
import { reserveSpace } from "./space.ts";
import { openConnection, openConnections, translatePostgresError } from "./sql/connection.ts";
import { Statements } from "./sql/statements.ts";
import { capabilitiesOf, IS_DURABLE } from "./store-inspection.ts";
import { PostgresSubscriptions } from "./subscriptions/subscriptions.ts";
import { Timeline } from "./timeline.ts";
import { postgresUndo } from "./undo/restore.ts";

/** A storage that takes longer counts as not ready. */
const ALIVE_DEADLINE_MS = 2000;

/**
 * Every statement reaches its rows by an index whatever the tables hold, so one plan serves for all parameters. Left to
 * choose, the planner scans tables that were empty when it looked last.
 */
const PLANNING = {
  plan_cache_mode: "force_generic_plan",
  enable_seqscan: "off",
  enable_bitmapscan: "off",
  enable_hashjoin: "off",
  enable_mergejoin: "off",
  jit: "off",
  // What a statement needs is nearly always in memory. With the defaults a walk through an index that seems short looks
  // cheaper than fetching rows by their `ctid`.
  random_page_cost: "0.01",
  seq_page_cost: "0.01",
};

export interface PostgresDataDriverOptions {
  /** Where the pool is: server, database and `?schema=`. Its tables must be there (migrations named *_pool*). */
  uri: string;
  /** Connections at most; default 16. */
  connections?: number;
  /** Moves the pool's clock forward, for tests. */
  clock?: { offsetMs: number };
  /** How long a purge or delete can be undone before gc frees it; default 30. */
  undoSeconds?: number;
  /** Default MAX_KEPT_POPS_BYTES; less for tests. */
  keptPopsBytes?: number;
  /** Called for connections that broke while idle, and for counts that could not be written. */
  onError?: (error: unknown) => void;
}

/** Opens a pool on PostgreSQL 15 or newer. STORAGE_UNAVAILABLE. */
export async function openPostgresDataDriver(options: PostgresDataDriverOptions): Promise<DataDriver> {
  const onError = options.onError ?? (() => undefined);
  const timeline = new Timeline(onError);
  const connections = openConnections({
    url: options.uri,
    onConnect: (client) => timeline.check(client),
    connections: options.connections ?? 16,
    applicationName: "isimud data",
    settings: PLANNING,
    onError,
  });
  try {
    const identity = await connections.query<{ seed: string; durable: boolean; space: string }>(
      `SELECT seed::text, (quote_ident(current_schema())::regnamespace::oid::bigint << 32)::text AS space,
         ${IS_DURABLE} AS durable
       FROM pool_identity`,
    );
    const row = identity.rows[0];
    if (row === undefined) throw new Error("The pool has no identity.");
    const statements = new Statements(connections, row.space, options.clock);
    const arrivals = new Arrivals(statements, () => openConnection(options.uri, LISTENER_NAME), onError);
    return new PostgresDataDriver(statements, arrivals, timeline, row, { ...options, onError });
  } catch (error) {
    await connections.end();
    throw translatePostgresError(error);
  }
}

class PostgresDataDriver implements DataDriver {
  readonly identity: string;
  readonly capabilities: ReadonlySet<Capability>;
  readonly messages: MessageController;
  readonly claims: ClaimController;
  readonly subscriptions: SubscriptionController;
  readonly batch: BatchReads;
  readonly activity: ActivityReads;
  readonly lives: MessageLives;
  readonly transfer: QueueTransfer;
  readonly undo: QueueUndo;
  readonly #pool: Pool;
  readonly #collector: GarbageCollector;
  #closing: Promise<void> | null = null;

  constructor(
    statements: Statements,
    arrivals: Arrivals,
    timeline: Timeline,
    store: { seed: string; durable: boolean },
    options: PostgresDataDriverOptions & { onError: (error: unknown) => void },
  ) {
    const seed = BigInt(store.seed);
    this.identity = identityOf(seed);
    this.#pool = {
      statements,
      queues: new QueueRows(statements),
      counters: new Counters(statements, options.onError),
      reaper: new ClaimReaper(statements, options.onError),
      scanHints: new ScanHints(statements),
      exhaustedFronts: new ExhaustedFronts(statements),
      byteBounds: new ByteBounds(statements),
      lowWater: new LowWater(statements),
      arrivals,
      ids: messageIds(seed),
      keptPopsBytes: options.keptPopsBytes ?? MAX_KEPT_POPS_BYTES,
    };
    timeline.forget = () => this.#pool.queues.forgetAll();
    this.messages = postgresMessages(this.#pool);
    this.claims = postgresClaims(this.#pool);
    const subscriptions = new PostgresSubscriptions(this.#pool);
    this.subscriptions = subscriptions;
    this.batch = {
      messages: messagesOfMany(this.#pool),
      messagesById: messagesOfManyById(this.#pool),
      claims: claimsOfMany(this.#pool),
      claimsById: claimsOfManyById(this.#pool),
      subscriptions: subscriptions.listMany,
      lives: livesOfMany(this.#pool),
    };
    this.activity = postgresActivity(this.#pool);
    this.lives = postgresLives(this.#pool, this.batch.lives);
    this.transfer = postgresQueueMoves(this.#pool);
    this.undo = postgresUndo(this.#pool);
    this.#collector = new GarbageCollector(this.#pool, options.undoSeconds ?? 30);
    this.capabilities = capabilitiesOf(store.durable);
  }

  attachQueue(queue: QueueRef & { epoch: number }): Promise<void> {
    return this.#pool.queues.attach(queue);
  }

  detachQueue(queue: QueueRef, undoToken?: string): Promise<void> {
    return this.#pool.queues.detach(queue, undoToken);
  }

  watchArrivals(listener: ArrivalListener): () => void {
    return this.#pool.arrivals.watch(listener);
  }

  isAlive(): Promise<boolean> {
    const answer = this.#pool.statements.connections.query("SELECT 1").then(
      () => true,
      () => false,
    );
    return withDeadline(answer, ALIVE_DEADLINE_MS, () => false);
  }

  health(): Promise<DriverHealth> {
    const { connections } = this.#pool.statements;
    return probeDriver(this, {
      reserve: () => reserveSpace(connections),
      space: () => localDiskSpace(connections),
    });
  }

  async gc(): Promise<GcResult> {
    await this.#pool.reaper.flush();
    await this.#pool.counters.flush();
    try {
      return await this.#collector.collect();
    } finally {
      await this.#pool.counters.flush();
    }
  }

  close(): Promise<void> {
    const { statements, arrivals, reaper, counters } = this.#pool;
    arrivals.close();
    this.#closing ??= statements.calls
      .settled()
      .then(() => reaper.flush())
      .then(() => counters.close())
      .then(() => statements.connections.end());
    return this.#closing;
  }
}
