/** Who has signed in: from the cookie of a session to its person. */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type pg from "pg";
import type { Config } from "../../config.ts";
import { grantsFromJson } from "../../storage/postgres/control/people.ts";
import { translatePostgresError } from "../../storage/postgres/sql/connection.ts";
import { rightsOfGrants } from "../access.ts";
import type { AccessChanges } from "../changes.ts";
import type { SessionIdentity } from "../credentials.ts";
import { Remembered } from "../remembered.ts";

interface KnownSession {
  readonly identity: SessionIdentity;
  /** As this process knows it: another one may have seen it later. */
  lastSeenAt: number;
}

const MAX_REMEMBERED = 10_000;
/** How far behind `last_seen_at` may be. */
const SEEN_EVERY_MS = 60_000;

const FIND = `
  SELECT s.id, s.person_id, s.expires_at, s.last_seen_at, p.email, p.grants
  FROM sessions s JOIN people p ON p.id = s.person_id AND p.disabled_at IS NULL WHERE s.token = $1`;
const SEE = `
  WITH seen AS (
    UPDATE sessions SET last_seen_at = greatest(last_seen_at, $2) WHERE id = $1 RETURNING person_id)
  UPDATE people SET last_seen_at = greatest(last_seen_at, $2) WHERE id IN (SELECT person_id FROM seen)`;

/**
 * Sessions as Better Auth writes them. They are read with one statement, which needs neither the library nor the
 * identity provider, and remembered until a change of the session or its person is heard. `getSession` of the library
 * would take two statements, and knows neither grants nor the end of an idle session.
 */
export class Sessions {
  readonly #connections: pg.Pool;
  readonly #idleMs: number;
  readonly #cookie: RegExp;
  readonly #secret: string;
  readonly #now: () => Date;
  readonly #warn: (message: string, error: unknown) => void;
  readonly #known: Remembered<KnownSession>;

  /** `cookie`: its name, and the secret that signs it. */
  constructor(parts: {
    connections: pg.Pool;
    changes: AccessChanges;
    config: Pick<Config, "SESSION_IDLE_SECONDS">;
    cookie: { name: string; secret: string };
    now: () => Date;
    warn: (message: string, error: unknown) => void;
  }) {
    this.#connections = parts.connections;
    this.#idleMs = parts.config.SESSION_IDLE_SECONDS * 1000;
    this.#cookie = new RegExp(`(?:^|;\\s*)${parts.cookie.name}=([^;]+)`);
    this.#secret = parts.cookie.secret;
    this.#now = parts.now;
    this.#warn = parts.warn;
    this.#known = new Remembered({
      changes: parts.changes,
      read: (value) => this.#read(value),
      rowsOf: ({ identity: { sessionId, personId } }) => [
        { table: "sessions", key: sessionId },
        { table: "people", key: personId },
      ],
      maximum: MAX_REMEMBERED,
      now: () => performance.now(),
    });
  }

  /** Whether the request has the cookie of a session, good or not. */
  isNamedBy({ headers }: Pick<IncomingMessage, "headers">): boolean {
    return headers.cookie !== undefined && this.#cookie.test(headers.cookie);
  }

  /** A promise only for a session that must be read. Null: it has ended, or nobody has it. */
  identify({ headers }: Pick<IncomingMessage, "headers">): SessionIdentity | null | Promise<SessionIdentity | null> {
    const value = this.#cookie.exec(headers.cookie ?? "")?.[1];
    if (value === undefined) return null;
    const known = this.#known.get(value);
    if (known !== undefined && this.#isLiving(known)) return this.#see(known);
    // One that this process takes for ended may have been used elsewhere.
    return this.#known
      .load(value)
      .then((session) => (session === null || !this.#isLiving(session) ? null : this.#see(session)));
  }

  close(): void {
    this.#known.close();
  }

  async #read(value: string): Promise<KnownSession | null> {
    const token = this.#verified(value);
    if (token === null) return null;
    const { rows } = await this.#connections.query(FIND, [token]).catch((error: unknown) => {
      throw translatePostgresError(error, { wrote: false });
    });
    const [row] = rows;
    if (row === undefined) return null;
    const rights = rightsOfGrants(grantsFromJson(row.grants));
    const { id: sessionId, person_id: personId, expires_at: sessionEndsAt } = row;
    const session: KnownSession = {
      identity: { actor: row.email, kind: "person", rights, personId, sessionId, sessionEndsAt },
      lastSeenAt: row.last_seen_at.getTime(),
    };
    return this.#isLiving(session) ? session : null;
  }

  /** The token in the cookie's value, which is signed so that guesses cost no statement. */
  #verified(value: string): string | null {
    let text: string;
    try {
      text = decodeURIComponent(value);
    } catch {
      return null;
    }
    const dot = text.lastIndexOf(".");
    const token = text.slice(0, Math.max(0, dot));
    const given = Buffer.from(text.slice(dot + 1), "base64");
    const expected = createHmac("sha256", this.#secret).update(token).digest();
    return given.length === expected.length && timingSafeEqual(given, expected) ? token : null;
  }

  #isLiving({ identity, lastSeenAt }: KnownSession): boolean {
    const now = this.#now().getTime();
    return now < identity.sessionEndsAt.getTime() && now < lastSeenAt + this.#idleMs;
  }

  /** Notes now and then that it is used, without making the request wait. */
  #see(session: KnownSession): SessionIdentity {
    const { identity } = session;
    const now = this.#now();
    // An idle end that is near must not wait for the minute.
    if (now.getTime() - session.lastSeenAt < Math.min(SEEN_EVERY_MS, this.#idleMs / 4)) return identity;
    session.lastSeenAt = now.getTime();
    this.#connections
      .query(SEE, [identity.sessionId, now])
      .catch((error: unknown) => this.#warn("When a session was last used could not be noted", error));
    return identity;
  }
}
