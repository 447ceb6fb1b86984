import type pg from "pg";
import { ArrivalChannel, LISTENERS_ASKED_EVERY_MS } from "../arrivals/arrival-channel.ts";
import type { Arrived } from "../arrivals/arrival-notices.ts";
import { textArray } from "./sql/array-parameter.ts";
import { rowOf, statement } from "./sql/statement.ts";
import type { Statements } from "./sql/statements.ts";

/** Bytes. PostgreSQL takes just under 8,000 a notice. */
const NOTICE_SIZE = 7000;
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
 * Arrivals in a pool on PostgreSQL. Notices go by NOTIFY, beside the statements and not in them: a commit that notifies
 * takes a lock of the whole server. They are sent only while another process listens.
 */
export class Arrivals extends ArrivalChannel<pg.Client> {
  readonly #statements: Statements;
  /** Opens a connection of its own, which must not be from the pool. */
  readonly #connect: () => Promise<pg.Client>;

  constructor(statements: Statements, connect: () => Promise<pg.Client>, onError: (error: unknown) => void) {
    super(onError);
    this.#statements = statements;
    this.#connect = connect;
  }

  protected async send(arrived: readonly Arrived[]): Promise<void> {
    try {
      if (performance.now() - this.askedAt >= LISTENERS_ASKED_EVERY_MS) {
        this.askedAt = performance.now();
        const [row] = await this.#statements.read(LISTENERS, {});
        this.othersListen = (row?.listeners ?? 0) > (this.connection === null ? 0 : 1);
      }
      if (this.othersListen) await this.#statements.read(NOTIFY, { notices: this.#textsOf(arrived) });
    } catch (error) {
      // Callers that wait in other processes look by themselves.
      this.onError(error);
    }
  }

  #textsOf(arrived: readonly Arrived[]): string[] {
    const notices: string[] = [];
    let parts: string[] = [];
    let size = 0;
    for (const { queue, count } of arrived) {
      const part = JSON.stringify([queue.project, queue.name, count]);
      if (size + Buffer.byteLength(part) > NOTICE_SIZE && parts.length > 0) {
        notices.push(`${this.self}[${parts.join(",")}]`);
        parts = [];
        size = 0;
      }
      parts.push(part);
      size += Buffer.byteLength(part) + 1;
    }
    notices.push(`${this.self}[${parts.join(",")}]`);
    return notices;
  }

  protected async open(): Promise<pg.Client> {
    const connection = await this.#connect();
    connection.on("notification", ({ payload }) => this.hear(payload ?? ""));
    connection.on("error", (error) => this.lost(connection, error));
    connection.on("end", () => this.lost(connection, null));
    try {
      const { rows } = await connection.query<{ channel: string }>(`SELECT ${CHANNEL} AS channel`);
      await connection.query(`LISTEN ${connection.escapeIdentifier(rows[0]?.channel ?? "")}`);
    } catch (error) {
      this.discard(connection);
      throw error;
    }
    return connection;
  }

  protected discard(connection: pg.Client): void {
    connection.end().catch(() => undefined);
  }

  /** A query of `open` fails on one that broke. */
  protected isUsable(): boolean {
    return true;
  }
}
