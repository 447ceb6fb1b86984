/** Connections to one PostgreSQL server and schema, with deadlines, and the translation of its errors. */
import { randomUUID } from "node:crypto";
import pg from "pg";
import { DomainError } from "../../../errors.ts";
import { type WriteRefusal, writeRefusedError } from "../../errors/read-only-storage.ts";
import {
  brokeAfterSending,
  defect,
  noConnectionToSpare,
  tookTooLong,
  unreachable,
} from "../../errors/storage-errors.ts";
import { tlsErrorMessage } from "../../errors/tls-errors.ts";
import { type PostgresAddress, parsePostgresUri } from "./address.ts";
import { ConnectionPool, TOO_MANY_CONNECTIONS } from "./connection-pool.ts";

/**
 * Each deadline is shorter than the one around it (HTTP 10 s > driver 5 s > statement 4 s > lock 1.5 s). The wait for a
 * lock is longer than the second after which the server looks for deadlocks, so that only the victim of one fails.
 */
export const STATEMENT_TIMEOUT_MS = 4000;
const LOCK_TIMEOUT_MS = 1500;
/**
 * How long an answer is waited for. Longer than the server allows a statement, so that only a connection that swallows
 * everything reaches it.
 */
const ANSWER_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 1000;
export const CONNECT_TIMEOUT_MS = 5000;

/**
 * Creates a pool of connections. It connects at first use, and opens fewer connections where the server has no more
 * (`connection-pool.ts`). `?schema=NAME` in the URL becomes the search path. BAD_INPUT. An idle connection that breaks
 * is dropped and reported to `onError`; without a listener it would end the process.
 */
export function openConnections(params: {
  url: string;
  connections: number;
  applicationName?: string;
  /** Further server settings of each session. */
  settings?: Readonly<Record<string, string>>;
  /** Statements have no time-out here; their sessions lift the server's own deadline. */
  patient?: boolean;
  /**
   * Called with each new connection before a caller gets it. When it throws, the connection is closed and the caller
   * gets the error.
   */
  onConnect?: (client: pg.ClientBase) => Promise<void>;
  onError?: (error: Error) => void;
}): pg.Pool {
  const pool = new ConnectionPool({
    ...clientConfig(params.url, params.applicationName ?? "isimud", params.settings),
    ...(params.patient === true ? { query_timeout: 0 } : {}),
    ...(params.onConnect === undefined ? {} : { onConnect: params.onConnect }),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    max: params.connections,
    idleTimeoutMillis: 60_000,
  });
  pool.on("error", (error) => params.onError?.(error));
  // The pool listens only to idle ones. One that breaks between two statements of its holder fails the next of them.
  pool.on("connect", (client) => client.on("error", () => undefined));
  // A COMMIT may be given up unsent, and its holder releases the connection with the transaction still open: the next
  // holder would work inside of it.
  pool.on("release", (_error, client) => {
    if (client.getTransactionStatus() !== "I") void client.end();
  });
  return pool;
}

/** One connection outside a pool, for a session that lasts. The caller listens to its errors and ends it. */
export async function openConnection(url: string, applicationName: string): Promise<pg.Client> {
  const client = new pg.Client(clientConfig(url, applicationName));
  // The server may end a session as soon as it is ready, before the caller listens: its next statement fails then.
  // Without a listener the error would end the process.
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

function clientConfig(
  url: string,
  applicationName: string,
  settings: Readonly<Record<string, string>> = {},
): pg.ClientConfig {
  const { host, port, user, password, database, schema, tls } = parsePostgresUri(url);
  // Complete, and never the URI itself: for what is left out `pg` asks the environment (PGHOST, PGSSLMODE, a password
  // file), and from a URI it reads files.
  return {
    host,
    port,
    user,
    database,
    // A random one, which is wrong: a server that wants a password says so itself. Without a password `pg` would leave
    // the connection open.
    password: password || randomUUID(),
    ssl: SSL[tls],
    sslnegotiation: "postgres",
    client_encoding: "UTF8",
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    // The server's own deadline does not help when it stands still, or when the network swallows everything.
    query_timeout: ANSWER_TIMEOUT_MS,
    keepAlive: true,
    application_name: applicationName,
    options: [
      `-c search_path="${schema}"`,
      `-c statement_timeout=${STATEMENT_TIMEOUT_MS}`,
      `-c lock_timeout=${LOCK_TIMEOUT_MS}`,
      "-c idle_in_transaction_session_timeout=30000",
      "-c timezone=UTC",
      ...Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`),
    ].join(" "),
  };
}

const SSL: Readonly<Record<PostgresAddress["tls"], pg.ClientConfig["ssl"]>> = {
  off: false,
  unchecked: { rejectUnauthorized: false },
  checked: true,
};

/** Messages of `pg` and of the system when there was no connection to send on. */
const NEVER_SENT =
  /ECONNREFUSED|ENOENT|EHOSTUNREACH|ENOTFOUND|timeout exceeded when trying to connect|due to connection timeout|timeout expired|after calling end on the pool/;

/** No connection came about, so nothing was sent. */
const REFUSED_AT_CONNECT: ReadonlySet<string> = new Set(["08001", "08004"]);

/**
 * PostgreSQL's own 08P01 is a defect of ours: a statement that does not fit the protocol. Poolers use the code freely.
 */
const PROTOCOL_COMPLAINT = /\bmessage\b/;

const WRITES_REFUSED: Readonly<Record<string, WriteRefusal>> = {
  "53100": "disk-full",
  "53200": "out-of-memory",
  "25006": "read-only",
};

/**
 * What a failed statement means to callers. `wrote`: the statement may have changed something, so a connection that
 * broke leaves its outcome unknown.
 */
export function translatePostgresError(error: unknown, options: { wrote?: boolean } = {}): DomainError {
  if (error instanceof DomainError) return error;
  // Connection errors are plain ones; these come from our own code.
  if (error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError) {
    return defect("The call failed.", error);
  }
  const code = (error as { code?: unknown }).code;
  const sqlState = typeof code === "string" ? code : "";
  // 22012: allOrNothing (fragments.ts) refused the statement, because others changed its rows.
  if (sqlState === "57014" || sqlState === "55P03" || sqlState === "22012") {
    return tookTooLong(error);
  }
  const refusal = WRITES_REFUSED[sqlState];
  if (refusal !== undefined) return writeRefusedError(refusal, error);
  if (sqlState === TOO_MANY_CONNECTIONS) return noConnectionToSpare(error);
  const message = error instanceof Error ? error.message : "";
  // 08: connection. Poolers say so too when their own connection to the server breaks below a statement that was sent.
  if (sqlState.startsWith("08") && !(sqlState === "08P01" && PROTOCOL_COMPLAINT.test(message))) {
    return options.wrote === true && !REFUSED_AT_CONNECT.has(sqlState) ? brokeAfterSending(error) : unreachable(error);
  }
  // 28 and 3D: the server no longer lets us in, or the database does not exist any more; 53: resources; 57: operator
  // intervention (shutdown, crash); 40: rolled back by the server.
  if (/^(28|3D|53|57|40)/.test(sqlState)) return unreachable(error);
  if (sqlState.length === 5 && /^[0-9A-Z]{5}$/.test(sqlState) && !sqlState.startsWith("E")) {
    return defect("The storage refused a statement.", error);
  }
  // The handshake failed, so nothing was sent.
  if (tlsErrorMessage(error) !== null) return unreachable(error);
  const neverSent = NEVER_SENT.test(`${sqlState} ${message}`);
  return options.wrote === true && !neverSent ? brokeAfterSending(error) : unreachable(error);
}

export function isUniqueViolation(error: unknown): boolean {
  return error instanceof DomainError && (error.cause as { code?: unknown } | undefined)?.code === "23505";
}
