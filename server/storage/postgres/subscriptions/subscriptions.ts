import type { BatchReads } from "../../data-driver.ts";
import { isMoving, staleEpoch } from "../../errors/storage-errors.ts";
import { isNotSubscribed, isSubscribedAlready, subscriptionDoesNotExist } from "../../errors/subscription-errors.ts";
import { subscribeDigest } from "../../idempotency.ts";
import type { Page, PageRequest } from "../../list-pages.ts";
import { normaliseUuid, pageOf, uuidRange } from "../../list-pages.ts";
import type { QueueRef } from "../../queue-ref.ts";
import type { Subscription, SubscriptionController } from "../../subscription-controller.ts";
import { uuidV7 } from "../../uuid-v7.ts";
import { callOnce } from "../idempotency.ts";
import type { Pool } from "../pool.ts";
import { type QueueRows, STALE } from "../queue-rows.ts";
import { textArray } from "../sql/array-parameter.ts";
import { isUniqueViolation } from "../sql/connection.ts";
import { CLOCK, LIVE_QUEUE } from "../sql/fragments.ts";
import { bool, int8, orNull, text, uuid } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import type { Statements } from "../sql/statements.ts";
import { COLUMNS, readSubscription, type SubscriptionRow } from "./rows.ts";

const QUEUE = { project: text, queue: text };
const LIVE = "s.expires_at > clock.now";
const QUEUE_IS = "s.project = :project AND s.queue = :queue";

/**
 * The queue is not moving away, and has not moved. Subscriptions need no row of their queue in this pool, so the
 * condition is negative. Without it a write changes nothing; a call that found nothing asks AWAY whether this is why.
 */
const STAYS = `NOT EXISTS (
  SELECT 1 FROM pool_queues q WHERE q.project = :project AND q.name = :queue AND q.state IN ('moving', 'moved'))`;

const AWAY = statement({
  name: "subscription_away",
  parameters: QUEUE,
  row: rowOf<{ state: string }>(),
  text: `
    SELECT q.state FROM pool_queues q
    WHERE q.project = :project AND q.name = :queue AND q.state IN ('moving', 'moved') ORDER BY q.epoch DESC LIMIT 1`,
});

const listStatement = (direction: "forward" | "backward") =>
  statement({
    name: `subscription_list_${direction}`,
    parameters: { ...QUEUE, from: uuid, limit: int8 },
    row: rowOf<SubscriptionRow>(),
    text: `
      WITH ${CLOCK}
      SELECT ${COLUMNS} FROM subscriptions s, clock
      WHERE ${QUEUE_IS} AND s.id ${direction === "forward" ? ">" : "<"} :from AND ${LIVE}
      ORDER BY s.id ${direction === "forward" ? "ASC" : "DESC"} LIMIT :limit`,
  });

const LIST = { forward: listStatement("forward"), backward: listStatement("backward") };

/** A row without a subscription says whether the queue is away. */
const batchStatement = (direction: "forward" | "backward") =>
  statement({
    name: `subscription_batch_${direction}`,
    parameters: { projects: textArray, queues: textArray, from: uuid, limit: int8 },
    row: rowOf<{ n: number } & (SubscriptionRow | { id: null; away: string | null })>(),
    text: `
      WITH ${CLOCK}
      SELECT a.n::int AS n, found.*,
        CASE WHEN found.id IS NULL THEN (
          SELECT q.state FROM pool_queues q
          WHERE q.project = a.project AND q.name = a.queue AND q.state IN ('moving', 'moved')
          ORDER BY q.epoch DESC LIMIT 1
        ) END AS away
      FROM unnest(:projects::text[], :queues::text[]) WITH ORDINALITY AS a(project, queue, n) CROSS JOIN clock
      LEFT JOIN LATERAL (
        SELECT ${COLUMNS} FROM subscriptions s
        WHERE s.project = a.project AND s.queue = a.queue
          AND s.id ${direction === "forward" ? ">" : "<"} :from AND ${LIVE}
        ORDER BY s.id ${direction === "forward" ? "ASC" : "DESC"} LIMIT :limit
      ) AS found ON true
      ORDER BY a.n, found.id ${direction === "forward" ? "ASC" : "DESC"}`,
  });

const BATCH = { forward: batchStatement("forward"), backward: batchStatement("backward") };

const GET = statement({
  name: "subscription_get",
  parameters: { ...QUEUE, id: orNull(uuid) },
  row: rowOf<SubscriptionRow>(),
  text: `WITH ${CLOCK} SELECT ${COLUMNS} FROM subscriptions s, clock WHERE ${QUEUE_IS} AND s.id = :id AND ${LIVE}`,
});

const GET_WITH_SUBSCRIBER = statement({
  name: "subscription_get_with_subscriber",
  parameters: { ...QUEUE, subscriber: text },
  row: rowOf<SubscriptionRow>(),
  text: `
    WITH ${CLOCK}
    SELECT ${COLUMNS} FROM subscriptions s, clock WHERE ${QUEUE_IS} AND s.subscriber = :subscriber AND ${LIVE}`,
});

const NEW = { ...QUEUE, id: uuid, subscriber: text, ttlSeconds: int8, options: text };

/** An expired one that gc has not freed yet becomes the new one. */
const createdCte = (where: string) => `
    created AS (
      INSERT INTO subscriptions AS s
        (id, project, queue, subscriber, ttl_seconds, options, created_at, renewed_at, expires_at)
      SELECT :id, :project, :queue, :subscriber, :ttlSeconds::bigint, :options, now, now,
        now + make_interval(secs => :ttlSeconds::bigint)
      FROM clock WHERE ${where}
      ON CONFLICT (project, queue, subscriber) DO UPDATE
        SET id = excluded.id, ttl_seconds = excluded.ttl_seconds, options = excluded.options, confirmed = false,
          created_at = excluded.created_at, renewed_at = excluded.renewed_at, expires_at = excluded.expires_at
        WHERE s.expires_at <= (SELECT now FROM clock)
      RETURNING *
    )`;

/** No row: a live one exists. */
const CREATE = statement({
  name: "subscription_create",
  parameters: NEW,
  row: rowOf<SubscriptionRow>(),
  text: `WITH ${CLOCK}, ${createdCte(STAYS)} SELECT ${COLUMNS} FROM created s, clock`,
});

/** No row: the queue has ended or has another epoch. Nulls: a live one exists. */
const CREATE_KEYED = statement({
  name: "subscription_create_keyed",
  parameters: { ...NEW, queueId: int8, epoch: int8, key: text, request: text },
  row: rowOf<SubscriptionRow | { id: null }>(),
  text: `
    WITH ${CLOCK},
    target AS MATERIALIZED (SELECT q.id FROM pool_queues q WHERE ${LIVE_QUEUE}),
    ${createdCte("EXISTS (SELECT 1 FROM target)")},
    remembered AS (
      INSERT INTO idempotency_keys (queue_id, key, request, result, created_at)
      SELECT t.id, :key, :request, c.id::text, c.created_at FROM created c, target t
    )
    SELECT ${COLUMNS} FROM target t CROSS JOIN clock LEFT JOIN created s ON true`,
});

/** Removes an expired one of the new subscriber before the change, not beside it: the count makes the change wait. */
const UPDATE = statement({
  name: "subscription_update",
  parameters: {
    ...QUEUE,
    id: orNull(uuid),
    subscriber: orNull(text),
    ttlSeconds: orNull(int8),
    options: orNull(text),
  },
  row: rowOf<SubscriptionRow>(),
  text: `
    WITH ${CLOCK},
    removed AS (
      DELETE FROM subscriptions o USING clock
      WHERE o.project = :project AND o.queue = :queue AND o.subscriber = :subscriber AND o.expires_at <= clock.now
        AND o.id <> :id AND ${STAYS}
      RETURNING 1
    ),
    changed AS (
      UPDATE subscriptions s SET subscriber = coalesce(:subscriber, s.subscriber),
        options = coalesce(:options, s.options),
        ttl_seconds = coalesce(:ttlSeconds::bigint, s.ttl_seconds),
        renewed_at = CASE WHEN :ttlSeconds::bigint IS NULL THEN s.renewed_at ELSE clock.now END,
        expires_at = CASE WHEN :ttlSeconds::bigint IS NULL THEN s.expires_at
          ELSE clock.now + make_interval(secs => :ttlSeconds::bigint) END
      FROM clock, (SELECT count(*) FROM removed) AS done
      WHERE ${QUEUE_IS} AND s.id = :id AND ${LIVE} AND ${STAYS}
      RETURNING s.*
    )
    SELECT ${COLUMNS} FROM changed s, clock`,
});

const CONFIRM = statement({
  name: "subscription_confirm",
  parameters: { ...QUEUE, id: orNull(uuid), confirmed: bool },
  row: rowOf<SubscriptionRow>(),
  text: `
    WITH ${CLOCK},
    changed AS (
      UPDATE subscriptions s SET confirmed = :confirmed FROM clock
      WHERE ${QUEUE_IS} AND s.id = :id AND ${LIVE} AND ${STAYS}
      RETURNING s.*
    )
    SELECT ${COLUMNS} FROM changed s, clock`,
});

const DELETE = statement({
  name: "subscription_delete",
  parameters: { ...QUEUE, id: orNull(uuid) },
  row: rowOf<{ live: boolean }>(),
  text: `
    WITH ${CLOCK},
    deleted AS (DELETE FROM subscriptions s WHERE ${QUEUE_IS} AND s.id = :id AND ${STAYS} RETURNING s.expires_at)
    SELECT deleted.expires_at > clock.now AS live FROM deleted, clock`,
});

const DELETE_ALL = statement({
  name: "subscription_delete_all",
  parameters: QUEUE,
  row: rowOf<{ live: boolean }>(),
  text: `
    WITH ${CLOCK},
    deleted AS (DELETE FROM subscriptions s WHERE ${QUEUE_IS} AND ${STAYS} RETURNING s.expires_at)
    SELECT deleted.expires_at > clock.now AS live FROM deleted, clock`,
});

/**
 * Subscriptions in a pool on PostgreSQL. Each call is QUEUE_IS_MOVING while its queue moves to another pool, and
 * QUEUE_EPOCH_STALE once it has moved.
 */
export class PostgresSubscriptions implements SubscriptionController {
  readonly #statements: Statements;
  readonly #queues: QueueRows;

  constructor({ statements, queues }: Pick<Pool, "statements" | "queues">) {
    this.#statements = statements;
    this.#queues = queues;
  }

  async list(params: { queue: QueueRef; page: PageRequest }): Promise<Page<Subscription>> {
    const { direction, from } = uuidRange(params.page);
    const rows = await this.#found(
      params.queue,
      this.#statements.read(LIST[direction], {
        ...keyOf(params.queue),
        from,
        limit: params.page.limit + 1,
      }),
    );
    return pageOf(rows.map(readSubscription), params.page, ({ id }) => id);
  }

  readonly listMany: BatchReads["subscriptions"] = async ({ queues, page }) => {
    if (queues.length === 0) return [];
    const { direction, from } = uuidRange(page);
    const rows = await this.#statements.read(BATCH[direction], {
      projects: queues.map(({ project }) => project),
      queues: queues.map(({ name }) => name),
      from,
      limit: page.limit + 1,
    });
    const byQueue = Map.groupBy(rows, ({ n }) => n);
    return queues.map((queue, index) => {
      const found = byQueue.get(index + 1) ?? [];
      const [first] = found;
      if (first?.id === null && first.away !== null) {
        return first.away === "moving" ? isMoving(queue) : staleEpoch(queue);
      }
      return pageOf(found.filter((row) => row.id !== null).map(readSubscription), page, ({ id }) => id);
    });
  };

  async get(params: { queue: QueueRef; id: string }): Promise<Subscription> {
    const found = await this.#find(params);
    if (found === null) throw subscriptionDoesNotExist(params);
    return found;
  }

  async create(params: {
    queue: QueueRef;
    subscriber: string;
    ttlSeconds: number;
    optionsText: string;
    idempotencyKey?: string;
  }): Promise<Subscription | null> {
    const { queue, subscriber, ttlSeconds, optionsText: options, idempotencyKey: key } = params;
    const created = { ...keyOf(queue), id: uuidV7(), subscriber, ttlSeconds, options };
    if (key !== undefined) return this.#createOnce(queue, created, { key, request: subscribeDigest(params) });
    const [row] = await this.#found(queue, this.#statements.write(CREATE, created));
    return row === undefined ? null : readSubscription(row);
  }

  async #createOnce(
    queue: QueueRef,
    created: Parameters<typeof CREATE.valuesOf>[0],
    once: { key: string; request: string },
  ): Promise<Subscription | null> {
    const { subscription } = await this.#queues.with(queue, (row) =>
      callOnce<{ subscription: Subscription | null }>(
        this.#statements,
        { row, ...once },
        {
          repeat: async (id) => ({ subscription: await this.get({ queue, id }) }),
          call: async () => {
            const parameters = { ...created, ...once, queueId: row.id, epoch: row.epoch };
            const [found] = await this.#statements.write(CREATE_KEYED, parameters);
            if (found === undefined) return STALE;
            return { subscription: found.id === null ? null : readSubscription(found) };
          },
          // Another call with the key may have created it meanwhile.
          isNothing: ({ subscription }) => subscription === null,
        },
      ),
    );
    return subscription;
  }

  async update(params: {
    queue: QueueRef;
    id: string;
    subscriber?: string;
    ttlSeconds?: number;
    optionsText?: string;
  }): Promise<Subscription> {
    const { queue, subscriber = null, ttlSeconds = null, optionsText: options = null } = params;
    const id = normaliseUuid(params.id);
    try {
      const [row] = await this.#found(
        queue,
        this.#statements.write(UPDATE, { ...keyOf(queue), id, subscriber, ttlSeconds, options }),
      );
      if (row === undefined) throw subscriptionDoesNotExist(params);
      return readSubscription(row);
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      throw isSubscribedAlready(queue, subscriber, error);
    }
  }

  async delete({ queue, id }: { queue: QueueRef; id: string }): Promise<boolean> {
    const key = { ...keyOf(queue), id: normaliseUuid(id) };
    const [row] = await this.#found(queue, this.#statements.write(DELETE, key));
    return row?.live === true;
  }

  /** Removes expired ones too, uncounted. */
  async deleteAll({ queue }: { queue: QueueRef }): Promise<number> {
    const rows = await this.#found(queue, this.#statements.write(DELETE_ALL, keyOf(queue)));
    return rows.filter(({ live }) => live).length;
  }

  async exists(params: { queue: QueueRef; id: string }): Promise<boolean> {
    return (await this.#find(params)) !== null;
  }

  async confirm(params: { queue: QueueRef; id: string; confirmed: boolean }): Promise<Subscription> {
    const { queue, confirmed } = params;
    const [row] = await this.#found(
      queue,
      this.#statements.write(CONFIRM, { ...keyOf(queue), id: normaliseUuid(params.id), confirmed }),
    );
    if (row === undefined) throw subscriptionDoesNotExist(params);
    return readSubscription(row);
  }

  async getWithSubscriber({ queue, subscriber }: { queue: QueueRef; subscriber: string }): Promise<Subscription> {
    const [row] = await this.#found(queue, this.#statements.read(GET_WITH_SUBSCRIBER, { ...keyOf(queue), subscriber }));
    if (row !== undefined) return readSubscription(row);
    throw isNotSubscribed(queue, subscriber);
  }

  async #find({ queue, id }: { queue: QueueRef; id: string }): Promise<Subscription | null> {
    const [row] = await this.#found(queue, this.#statements.read(GET, { ...keyOf(queue), id: normaliseUuid(id) }));
    return row === undefined ? null : readSubscription(row);
  }

  /** The rows of a statement; where it returned none, an error if the queue moves or has moved. */
  async #found<Row>(queue: QueueRef, result: Promise<Row[]>): Promise<Row[]> {
    const rows = await result;
    if (rows.length > 0) return rows;
    const [away] = await this.#statements.read(AWAY, keyOf(queue));
    if (away !== undefined) throw away.state === "moving" ? isMoving(queue) : staleEpoch(queue);
    return rows;
  }
}

const keyOf = ({ project, name }: QueueRef) => ({ project, queue: name });
