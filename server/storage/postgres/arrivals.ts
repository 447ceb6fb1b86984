import { randomUUID } from "node:crypto";
import type pg from "pg";
import { ArrivalNotices, type Arrived } from "../arrival-notices.ts";
import type { ArrivalListener } from "../data-driver.ts";
import type { QueueRef } from "../queue-ref.ts";
import { textArray } from "./sql/array-parameter.ts";
import { rowOf, statement } from "./sql/statement.ts";
import type { Statements } from "./sql/statements.ts";

/** Bytes. PostgreSQL takes just under 8,000 a notice. */
const NOTICE_SIZE = 7000;
/** For so long a process relies on what it found: whether another process listens. */
const LISTENERS_ASKED_EVERY_MS = 1000;
const RECONNECT_MS = 1000;
export const LISTENER_NAME = "isimud arrivals";

/**
 * The channel carries the schema, because pools may share a database; as a digest, because a channel's name may be no
 * longer than a schema's.
 */
const CHANNEL = "'isimud_arrivals_' || md5(current_schema())";

const NOTIFY = statement({
  name: "arrivals_notify",
  parameters: { notices: textArray },
  text: `SELECT pg_notify(${CHANNEL}, notice) FROM unnest(:notices::text[]) AS notice`,
});

const LISTENERS = statement({
  name: "arrivals_listeners",
  parameters: {},
  row: rowOf<{ listeners: number }>(),
  text: `
    SELECT count(*)::int AS listeners FROM pg_stat_activity
    WHERE application_name = '${LISTENER_NAME}' AND datname = current_database()`,
});

/**
 * Reports in which queues messages arrived: to this process at once, and to others of the same pool by NOTIFY.
 *
 * Notices are gathered and sent beside the statements and not in them: a commit that notifies takes a lock of the whole
 * server. They are sent only while another process listens, and a process listens only while a caller in it waits. A
 * notice may be lost (a broken connection), so callers that wait also look by themselves now and then.
 */
export class Arrivals {
  readonly #statements: Statements;
  /** Opens a connection of its own, which must not be from the pool. */
  readonly #connect: () => Promise<pg.Client>;
  readonly #onError: (error: unknown) => void;
  readonly #listeners = new Set<ArrivalListener>();
  readonly #self = randomUUID();
  readonly #notices = new ArrivalNotices((arrived) => this.#send(arrived));
  #othersListen = false;
  #askedAt = Number.NEGATIVE_INFINITY;
  #connection: pg.Client | null = null;
  #connecting = false;
  #reconnect: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(statements: Statements, connect: () => Promise<pg.Client>, onError: (error: unknown) => void) {
    this.#statements = statements;
    this.#connect = connect;
    this.#onError = onError;
  }

  /** A call of this process made `count` messages of the queue ready. */
  tell(queue: QueueRef, count: number): void {
    if (count === 0) return;
    for (const listener of this.#listeners) listener(queue, count);
    if (!this.#othersListen && performance.now() - this.#askedAt < LISTENERS_ASKED_EVERY_MS) return;
    this.#notices.add(queue, count);
  }

  watch(listener: ArrivalListener): () => void {
    this.#listeners.add(listener);
    void this.#listen();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#silence();
    };
  }

  close(): void {
    this.#closed = true;
    this.#listeners.clear();
    this.#notices.close();
    this.#silence();
  }

  async #send(arrived: readonly Arrived[]): Promise<void> {
    try {
      if (performance.now() - this.#askedAt >= LISTENERS_ASKED_EVERY_MS) {
        this.#askedAt = performance.now();
        const [row] = await this.#statements.read(LISTENERS, {});
        this.#othersListen = (row?.listeners ?? 0) > (this.#connection === null ? 0 : 1);
      }
      if (this.#othersListen) await this.#statements.read(NOTIFY, { notices: this.#textsOf(arrived) });
    } catch (error) {
      // Callers that wait in other processes look by themselves.
      this.#onError(error);
    }
  }

  #textsOf(arrived: readonly Arrived[]): string[] {
    const notices: string[] = [];
    let parts: string[] = [];
    let size = 0;
    for (const { queue, count } of arrived) {
      const part = JSON.stringify([queue.project, queue.name, count]);
      if (size + Buffer.byteLength(part) > NOTICE_SIZE && parts.length > 0) {
        notices.push(`${this.#self}[${parts.join(",")}]`);
        parts = [];
        size = 0;
      }
      parts.push(part);
      size += Buffer.byteLength(part) + 1;
    }
    notices.push(`${this.#self}[${parts.join(",")}]`);
    return notices;
  }

  async #listen(): Promise<void> {
    if (this.#connection !== null || this.#connecting || this.#closed || this.#listeners.size === 0) return;
    this.#connecting = true;
    let connection: pg.Client | undefined;
    try {
      connection = await this.#connect();
      this.#hearFrom(connection);
      const { rows } = await connection.query<{ channel: string }>(`SELECT ${CHANNEL} AS channel`);
      await connection.query(`LISTEN ${connection.escapeIdentifier(rows[0]?.channel ?? "")}`);
      this.#connection = connection;
    } catch (error) {
      connection?.end().catch(() => undefined);
      this.#onError(error);
      this.#retry();
    } finally {
      this.#connecting = false;
    }
    if (this.#listeners.size === 0) this.#silence();
  }

  #hearFrom(connection: pg.Client): void {
    connection.on("notification", ({ payload }) => this.#hear(payload ?? ""));
    connection.on("error", (error) => this.#lost(connection, error));
    connection.on("end", () => this.#lost(connection, null));
  }

  /** Every user of the database can send anything on the channel: what is no notice is ignored. */
  #hear(payload: string): void {
    const start = this.#self.length;
    if (payload.startsWith(this.#self) || payload[start] !== "[") return;
    for (const [project, name, count] of readNotice(payload.slice(start))) {
      for (const listener of this.#listeners) listener({ project, name }, count);
    }
  }

  #lost(connection: pg.Client, error: Error | null): void {
    if (this.#connection !== connection) return;
    this.#connection = null;
    if (error !== null) this.#onError(error);
    this.#retry();
  }

  #retry(): void {
    if (this.#closed) return;
    this.#reconnect ??= setTimeout(() => {
      this.#reconnect = null;
      void this.#listen();
    }, RECONNECT_MS).unref();
  }

  #silence(): void {
    if (this.#reconnect !== null) clearTimeout(this.#reconnect);
    this.#reconnect = null;
    const connection = this.#connection;
    this.#connection = null;
    connection?.end().catch(() => undefined);
  }
}

function readNotice(text: string): [string, string, number][] {
  try {
    const parts: unknown[] = JSON.parse(text);
    return parts.filter(
      (part): part is [string, string, number] =>
        Array.isArray(part) &&
        typeof part[0] === "string" &&
        typeof part[1] === "string" &&
        Number.isSafeInteger(part[2]),
    );
  } catch {
    return [];
  }
}
