/** Where a PostgreSQL is, as a URI says it: a pool's, or the control database's. */
import { badUri, decoded, parsePoolUri } from "../../pool-uri.ts";

export interface PostgresAddress {
  /** A name, an address, or the folder of a Unix socket, which begins with a slash. */
  host: string;
  port: number;
  user: string;
  /** "" for none. */
  password: string;
  database: string;
  schema: string;
  tls: Tls;
}

type Tls = "off" | "unchecked" | "checked";

/**
 * Every option that changes where a connection leads or how it is encrypted. None names a file: the operator adds
 * certificates with NODE_EXTRA_CA_CERTS.
 */
const OPTIONS = ["schema", "sslmode", "host", "port"];

/** Stricter than libpq, whose `require` checks no certificate. */
const SSL_MODES: Readonly<Record<string, Tls>> = {
  disable: "off",
  "no-verify": "unchecked",
  require: "checked",
  "verify-ca": "checked",
  "verify-full": "checked",
};

/**
 * `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`, also `postgres:`. Without a database it is the one named after the
 * user; `?schema=` names the schema in it (default public), `?sslmode=` the encryption (default disable), and `?host=`
 * may name a folder of Unix sockets. BAD_INPUT.
 */
export function parsePostgresUri(uri: string): PostgresAddress {
  const url = parsePoolUri(uri, OPTIONS);
  const option = (name: string) => url.searchParams.get(name) || null;
  const user = decoded(url.username);
  if (user === "") throw badUri("it must name a user, as in postgresql://USER:PASSWORD@HOST:PORT/DATABASE");
  const port = option("port") ?? (url.port || "5432");
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) throw badUri("a port is from 1 to 65535");
  const schema = option("schema") ?? "public";
  if (!/^(?!pg_)[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(schema)) {
    throw badUri(
      "a schema begins with a letter or underscore but not pg_, then letters, digits and underscores, at most 63",
    );
  }
  const tls = SSL_MODES[option("sslmode") ?? "disable"];
  if (tls === undefined) throw badUri(`sslmode is one of ${Object.keys(SSL_MODES).join(", ")}`);
  return {
    host: option("host") ?? (decoded(url.hostname).replace(/^\[(.*)\]$/, "$1") || "localhost"),
    port: Number(port),
    user,
    password: decoded(url.password),
    database: decoded(url.pathname).replace(/^\/+|\/+$/g, "") || user,
    schema,
    tls,
  };
}
