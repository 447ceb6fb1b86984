import { DomainError } from "../../errors.ts";
import type { Page, PageRequest } from "../list-pages.ts";
import { markerField, normaliseUuid, pageOf, uuidMarker } from "../list-pages.ts";
import type { QueueRef } from "../queue-ref.ts";
import type { Subscription, SubscriptionController } from "../subscription-controller.ts";
import { uuidV7 } from "../uuid-v7.ts";
import { isMoving, staleEpoch } from "./queue-rows.ts";
import { isUniqueViolation } from "./sql/connection.ts";
import { clockCte, milliseconds, type Statement, type Statements } from "./sql/statements.ts";

/** What statements give of a subscription `s` beside a `clock`, to be read with `readSubscription`. */
const COLUMNS = `
  s.id::text AS id, s.queue AS source, s.subscriber, s.ttl_seconds::float8 AS ttl, s.options, s.confirmed,
  ${milliseconds("s.created_at")} AS created, ${milliseconds("s.renewed_at")} AS renewed, ${milliseconds("s.expires_at")} AS expires,
  ${milliseconds("clock.now")} AS now`;

const LIVE = "s.expires_at > clock.now";
const QUEUE_IS = "s.project = $1 AND s.queue = $2";

/**
 * Subscriptions need no row of their queue here, so they go by the opposite: one that says that it is moving away, or has moved. Then a write
 * changes nothing, and whoever finds nothing asks AWAY whether that is why.
 */
const STAYS = `NOT EXISTS (SELECT 1 FROM pool_queues q WHERE q.project = $1 AND q.name = $2 AND q.state IN ('moving', 'moved'))`;

const AWAY: Statement = {
  name: "subscription_away",
  text: `SELECT q.state FROM pool_queues q WHERE q.project = $1 AND q.name = $2 AND q.state IN ('moving', 'moved') ORDER BY q.epoch DESC LIMIT 1`,
};

const listStatement = (direction: "forward" | "backward"): Statement => ({
  name: `subscription_list_${direction}`,
  text: `
    WITH ${clockCte(5)}
    SELECT ${COLUMNS} FROM subscriptions s, clock
    WHERE ${QUEUE_IS} AND s.id ${direction === "forward" ? ">" : "<"} $3 AND ${LIVE}
    ORDER BY s.id ${direction === "forward" ? "ASC" : "DESC"} LIMIT $4`,
});

const LIST = { forward: listStatement("forward"), backward: listStatement("backward") };

const GET: Statement = {
  name: "subscription_get",
  text: `WITH ${clockCte(4)} SELECT ${COLUMNS} FROM subscriptions s, clock WHERE ${QUEUE_IS} AND s.id = $3 AND ${LIVE}`,
};

const GET_WITH_SUBSCRIBER: Statement = {
  name: "subscription_get_with_subscriber",
  text: `WITH ${clockCte(4)} SELECT ${COLUMNS} FROM subscriptions s, clock WHERE ${QUEUE_IS} AND s.subscriber = $3 AND ${LIVE}`,
};

/** An expired one that gc has not freed yet becomes the new one. No row: a live one is there. */
const CREATE: Statement = {
  name: "subscription_create",
  text: `
    WITH ${clockCte(7)},
    made AS (
      INSERT INTO subscriptions AS s (id, project, queue, subscriber, ttl_seconds, options, created_at, renewed_at, expires_at)
      SELECT $3, $1, $2, $4, $5::bigint, $6, now, now, now + make_interval(secs => $5::bigint) FROM clock WHERE ${STAYS}
      ON CONFLICT (project, queue, subscriber) DO UPDATE
        SET id = excluded.id, ttl_seconds = excluded.ttl_seconds, options = excluded.options, confirmed = false,
          created_at = excluded.created_at, renewed_at = excluded.renewed_at, expires_at = excluded.expires_at
        WHERE s.expires_at <= (SELECT now FROM clock)
      RETURNING *
    )
    SELECT ${COLUMNS} FROM made s, clock`,
};

/** An expired one of the new subscriber is removed before the change, not beside it: the count makes the change wait for it. */
const UPDATE: Statement = {
  name: "subscription_update",
  text: `
    WITH ${clockCte(7)},
    removed AS (
      DELETE FROM subscriptions o USING clock
      WHERE o.project = $1 AND o.queue = $2 AND o.subscriber = $4 AND o.expires_at <= clock.now AND o.id <> $3 AND ${STAYS}
      RETURNING 1
    ),
    changed AS (
      UPDATE subscriptions s SET subscriber = coalesce($4, s.subscriber), options = coalesce($6, s.options),
        ttl_seconds = coalesce($5::bigint, s.ttl_seconds),
        renewed_at = CASE WHEN $5::bigint IS NULL THEN s.renewed_at ELSE clock.now END,
        expires_at = CASE WHEN $5::bigint IS NULL THEN s.expires_at ELSE clock.now + make_interval(secs => $5::bigint) END
      FROM clock, (SELECT count(*) FROM removed) AS done
      WHERE ${QUEUE_IS} AND s.id = $3 AND ${LIVE} AND ${STAYS}
      RETURNING s.*
    )
    SELECT ${COLUMNS} FROM changed s, clock`,
};

const CONFIRM: Statement = {
  name: "subscription_confirm",
  text: `
    WITH ${clockCte(5)},
    changed AS (
      UPDATE subscriptions s SET confirmed = $4 FROM clock WHERE ${QUEUE_IS} AND s.id = $3 AND ${LIVE} AND ${STAYS} RETURNING s.*
    )
    SELECT ${COLUMNS} FROM changed s, clock`,
};

const DELETE: Statement = {
  name: "subscription_delete",
  text: `DELETE FROM subscriptions s WHERE ${QUEUE_IS} AND s.id = $3 AND ${STAYS} RETURNING s.id`,
};

const DELETE_ALL: Statement = {
  name: "subscription_delete_all",
  text: `
    WITH ${clockCte(3)},
    gone AS (DELETE FROM subscriptions s WHERE ${QUEUE_IS} AND ${STAYS} RETURNING s.expires_at)
    SELECT gone.expires_at > clock.now AS live FROM gone, clock`,
};

interface SubscriptionRow {
  id: string;
  source: string;
  subscriber: string;
  ttl: number;
  options: string;
  confirmed: boolean;
  created: number;
  renewed: number;
  expires: number;
  now: number;
}

/** Subscriptions in a pool on PostgreSQL. Every call is QUEUE_IS_MOVING or QUEUE_EPOCH_STALE when its queue moves to another pool, or did. */
export class PostgresSubscriptions implements SubscriptionController {
  readonly #statements: Statements;
  readonly #clock: { offsetMs: number };

  constructor(statements: Statements, clock: { offsetMs: number }) {
    this.#statements = statements;
    this.#clock = clock;
  }

  async list(params: { queue: QueueRef; page: PageRequest }): Promise<Page<Subscription>> {
    const { after, before, limit } = params.page;
    const backward = before !== undefined;
    const from = uuidMarker(before ?? after ?? NIL, markerField(params.page));
    const rows = await this.#read<SubscriptionRow>(params.queue, LIST[backward ? "backward" : "forward"], [
      from,
      limit + 1,
      this.#offset(),
    ]);
    return pageOf(rows.map(readSubscription), params.page, ({ id }) => id);
  }

  async get(params: { queue: QueueRef; id: string }): Promise<Subscription> {
    const found = await this.#find(params);
    if (found === null) throw doesNotExist(params);
    return found;
  }

  async create(params: {
    queue: QueueRef;
    subscriber: string;
    ttlSeconds: number;
    optionsText: string;
  }): Promise<Subscription | null> {
    const { subscriber, ttlSeconds, optionsText } = params;
    const values = [uuidV7(), subscriber, ttlSeconds, optionsText, this.#offset()];
    const [row] = await this.#write<SubscriptionRow>(params.queue, CREATE, values);
    return row === undefined ? null : readSubscription(row);
  }

  async update(params: {
    queue: QueueRef;
    id: string;
    subscriber?: string;
    ttlSeconds?: number;
    optionsText?: string;
  }): Promise<Subscription> {
    const { subscriber = null, ttlSeconds = null, optionsText = null } = params;
    const id = normaliseUuid(params.id);
    const values = [id, subscriber, ttlSeconds, optionsText, this.#offset()];
    try {
      const [row] = await this.#write<SubscriptionRow>(params.queue, UPDATE, values);
      if (row === undefined) throw doesNotExist(params);
      return readSubscription(row);
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      throw new DomainError("SUBSCRIPTION_ALREADY_EXISTS", "This subscriber has another subscription to this queue.", {
        details: { queue: params.queue.name, subscriber },
        cause: error,
      });
    }
  }

  async delete(params: { queue: QueueRef; id: string }): Promise<void> {
    await this.#write(params.queue, DELETE, [normaliseUuid(params.id)]);
  }

  /** Removes expired ones too, uncounted. */
  async deleteAll(params: { queue: QueueRef }): Promise<number> {
    const rows = await this.#write<{ live: boolean }>(params.queue, DELETE_ALL, [this.#offset()]);
    return rows.filter(({ live }) => live).length;
  }

  async exists(params: { queue: QueueRef; id: string }): Promise<boolean> {
    return (await this.#find(params)) !== null;
  }

  async confirm(params: { queue: QueueRef; id: string; confirmed: boolean }): Promise<Subscription> {
    const values = [normaliseUuid(params.id), params.confirmed, this.#offset()];
    const [row] = await this.#write<SubscriptionRow>(params.queue, CONFIRM, values);
    if (row === undefined) throw doesNotExist(params);
    return readSubscription(row);
  }

  async getWithSubscriber(params: { queue: QueueRef; subscriber: string }): Promise<Subscription> {
    const [row] = await this.#read<SubscriptionRow>(params.queue, GET_WITH_SUBSCRIBER, [
      params.subscriber,
      this.#offset(),
    ]);
    if (row !== undefined) return readSubscription(row);
    throw new DomainError("SUBSCRIPTION_DOES_NOT_EXIST", "This subscriber is not subscribed to this queue.", {
      details: { queue: params.queue.name, subscriber: params.subscriber },
    });
  }

  async #find(params: { queue: QueueRef; id: string }): Promise<Subscription | null> {
    const [row] = await this.#read<SubscriptionRow>(params.queue, GET, [normaliseUuid(params.id), this.#offset()]);
    return row === undefined ? null : readSubscription(row);
  }

  async #read<Row>(queue: QueueRef, statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    const rows = await this.#statements.read<Row>(statement, [queue.project, queue.name, ...values]);
    if (rows.length === 0) await this.#requireHere(queue);
    return rows;
  }

  async #write<Row>(queue: QueueRef, statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    const rows = await this.#statements.write<Row>(statement, [queue.project, queue.name, ...values]);
    if (rows.length === 0) await this.#requireHere(queue);
    return rows;
  }

  async #requireHere(queue: QueueRef): Promise<void> {
    const [away] = await this.#statements.read<{ state: string }>(AWAY, [queue.project, queue.name]);
    if (away !== undefined) throw away.state === "moving" ? isMoving(queue) : staleEpoch(queue);
  }

  #offset(): number {
    return this.#clock.offsetMs / 1000;
  }
}

const NIL = "00000000-0000-0000-0000-000000000000";

function readSubscription(row: SubscriptionRow): Subscription {
  return {
    id: row.id,
    source: row.source,
    subscriber: row.subscriber,
    ttlSeconds: row.ttl,
    ageSeconds: Math.max(0, Math.floor((row.now - row.renewed) / 1000)),
    createdAt: new Date(row.created),
    expiresAt: new Date(row.expires),
    optionsText: row.options,
    confirmed: row.confirmed,
  };
}

function doesNotExist(params: { queue: QueueRef; id: string }): DomainError {
  return new DomainError(
    "SUBSCRIPTION_DOES_NOT_EXIST",
    "This subscription does not exist in this queue, or has expired.",
    {
      details: { queue: params.queue.name, subscriptionId: params.id },
    },
  );
}
