/**
 * What changes in the tables of rights, told to all processes: tokens, people, sessions and the like. Triggers send it
 * (`access_changed` in prisma/migrations), with the commit of the change.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import type { Access } from "./access.ts";

/** A row that changed or is gone. `key`: what the table's trigger names it by, such as its id. */
export interface AccessChange {
  readonly table: string;
  readonly key: string;
}

/** Whether a change, or null for any, may take rights from this caller. */
export function isAbout(change: AccessChange | null, { token, personId, sessionId }: Access): boolean {
  if (change === null) return token !== undefined || personId !== undefined;
  const of: Readonly<Record<string, string | undefined>> = { tokens: token?.id, people: personId, sessions: sessionId };
  return of[change.table] === change.key;
}

/** Null: anything may have changed, because this process has not listened for a while. */
export type AccessListener = (change: AccessChange | null) => void;

/** How often the connection must answer while it listens, and how long one that broke is left alone. */
const BEAT_MS = 1000;
/** The same name for all schemas of a length that any schema's name may have: as in `access_changed`. */
const CHANNEL = "'isimud_access_' || md5(current_schema())";
const LISTENER_NAME = "isimud access";

/**
 * It listens on a connection of its own, and only while somebody watches. Hazard: a notice that was sent while it does
 * not listen is lost. So what is remembered of these tables counts for a second only while `isListening` is false, and
 * is forgotten once it listens again (null). A connection that swallows everything is noticed after two seconds.
 */
export class AccessChanges {
  readonly #connect: (name: string) => Promise<pg.Client>;
  readonly #log: { failed(error: unknown): void; recovered(): void };
  readonly #listeners = new Set<AccessListener>();
  #connection: pg.Client | null = null;
  #isConnecting = false;
  #closed = false;
  #beat: NodeJS.Timeout | null = null;
  #retry: NodeJS.Timeout | null = null;

  /** `connect` opens a connection to the control database, outside of its pool. */
  constructor(connect: (name: string) => Promise<pg.Client>, log: { failed(error: unknown): void; recovered(): void }) {
    this.#connect = connect;
    this.#log = log;
  }

  /** True: each change is heard within moments. */
  get isListening(): boolean {
    return this.#connection !== null;
  }

  /** Calls `listener` for each change, until the function that it returns is called. */
  watch(listener: AccessListener): () => void {
    this.#listeners.add(listener);
    void this.#listen();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#silence();
    };
  }

  /** Resolves once it listens, or after `milliseconds`. */
  async listening(milliseconds: number): Promise<void> {
    const until = performance.now() + milliseconds;
    while (!this.isListening && !this.#closed && performance.now() < until) await sleep(5);
  }

  close(): void {
    this.#closed = true;
    this.#listeners.clear();
    this.#silence();
  }

  #tell(change: AccessChange | null): void {
    for (const listener of this.#listeners) listener(change);
  }

  async #listen(): Promise<void> {
    if (this.#connection !== null || this.#isConnecting || this.#closed) return;
    this.#isConnecting = true;
    try {
      const connection = await this.#connect(LISTENER_NAME);
      let broke = false;
      const lost = (error: unknown) => {
        broke = true;
        this.#lost(connection, error);
      };
      connection.on("error", lost);
      connection.on("end", () => lost(null));
      connection.on("notification", ({ payload = "" }) => this.#hear(payload));
      try {
        const { rows } = await connection.query<{ channel: string }>(`SELECT ${CHANNEL} AS channel`);
        await connection.query(`LISTEN ${connection.escapeIdentifier(rows[0]?.channel ?? "")}`);
        if (broke) throw new Error("The connection broke.");
      } catch (error) {
        discard(connection);
        throw error;
      }
      if (this.#closed || this.#listeners.size === 0) discard(connection);
      else {
        this.#connection = connection;
        this.#log.recovered();
        this.#beatLater(connection);
        this.#tell(null);
      }
    } catch (error) {
      this.#log.failed(error);
      this.#listenLater();
    } finally {
      this.#isConnecting = false;
    }
  }

  /** Any client of the database can send here, so anything that is no notice is ignored. */
  #hear(payload: string): void {
    const colon = payload.indexOf(":");
    if (colon > 0) this.#tell({ table: payload.slice(0, colon), key: payload.slice(colon + 1) });
  }

  /** A connection may be dead without a word: the network swallows what is sent. */
  #beatLater(connection: pg.Client): void {
    this.#beat = setTimeout(() => {
      const late = setTimeout(() => this.#lost(connection, new Error("It did not answer in time.")), BEAT_MS).unref();
      connection
        .query("SELECT 1")
        .then(
          () => this.#connection === connection && this.#beatLater(connection),
          (error: unknown) => this.#lost(connection, error),
        )
        .finally(() => clearTimeout(late));
    }, BEAT_MS).unref();
  }

  #lost(connection: pg.Client, error: unknown): void {
    if (this.#connection !== connection) return;
    this.#connection = null;
    if (this.#beat !== null) clearTimeout(this.#beat);
    discard(connection);
    this.#log.failed(error ?? new Error("The connection ended."));
    this.#listenLater();
  }

  #listenLater(): void {
    if (this.#closed || this.#listeners.size === 0) return;
    this.#retry ??= setTimeout(() => {
      this.#retry = null;
      void this.#listen();
    }, BEAT_MS).unref();
  }

  #silence(): void {
    for (const timer of [this.#beat, this.#retry]) if (timer !== null) clearTimeout(timer);
    this.#retry = null;
    const connection = this.#connection;
    this.#connection = null;
    if (connection !== null) discard(connection);
  }
}

function discard(connection: pg.Client): void {
  connection.end().catch(() => undefined);
}
