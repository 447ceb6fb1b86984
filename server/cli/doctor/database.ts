/** Looks at the control database: its server, and its tables. */
import { findDrift } from "../../../prisma/drift.ts";
import { missingMigrations } from "../../../prisma/migrate.ts";
import type { Config } from "../../config.ts";
import { spaceSeverity } from "../../problems/pool-rules.ts";
import { inBytes } from "../../problems/text.ts";
import { commandLine } from "../../process/command-line.ts";
import { countPeople } from "../../storage/postgres/control/stored-people.ts";
import { type PostgresFacts, readPostgresFacts } from "../../storage/postgres/server-facts.ts";
import { parsePostgresUri } from "../../storage/postgres/sql/address.ts";
import type { ServerClock } from "../../storage/server-clock.ts";
import { clockSkewSeconds } from "../../storage/server-clock.ts";
import { type Finding, failed, ok, reasonOf, skipped, warning } from "./finding.ts";

/** Differences of tables that are told one by one. */
const MAX_DIFFERENCES = 10;

/** Its clock too, null when it cannot be reached. */
export async function lookAtDatabase(
  url: string,
  config: Config,
): Promise<{ findings: Finding[]; clock: ServerClock | null }> {
  const { host, port, database, schema } = parsePostgresUri(url);
  const place = `${host.startsWith("/") ? "the embedded server" : `${host}:${port}`}, database ${database}`;
  let facts: PostgresFacts;
  try {
    facts = await readPostgresFacts(url);
  } catch (error) {
    const advice = "Start it, or correct DATABASE_URL: host, port, user, password, database and sslmode.";
    return { findings: [failed("database", `${place}: ${reasonOf(error)}`, advice)], clock: null };
  }
  const { version, encoding } = facts;
  const shown = `PostgreSQL ${version} at ${place}${schema === "public" ? "" : `, schema ${schema}`}, ${encoding}.`;
  const findings = [
    facts.readOnly
      ? failed("database", `${shown} It takes no writes.`, "Give DATABASE_URL the primary server, or make it writable.")
      : ok("database", shown),
    ...lookAtDurability(facts),
    ...lookAtConnections(facts, config),
    ...lookAtSpace("database", facts, config),
    lookAtClock(facts.clock, config),
    ...(await lookAtTables(url, "all")),
  ];
  return { findings, clock: facts.clock };
}

function lookAtDurability({ durable }: PostgresFacts): Finding[] {
  if (durable) return [];
  const message = "fsync or synchronous_commit is off: a crash loses messages that were acknowledged.";
  return [warning("database", message, "Set both to on, unless you can bear that.")];
}

/** Of each process: those of the control plane and of the built-in pool, and one that listens for each. */
function lookAtConnections({ maxConnections }: PostgresFacts, config: Config): Finding[] {
  const { WORKERS, DATABASE_CONNECTIONS } = config;
  const most = WORKERS * (2 * DATABASE_CONNECTIONS + 2);
  if (most <= maxConnections) return [];
  return [
    warning(
      "database",
      `It allows ${maxConnections} connections, and this service may open ${most}: calls then wait for each other.`,
      "Raise max_connections, or lower DATABASE_CONNECTIONS or WORKERS.",
    ),
  ];
}

export function lookAtSpace(check: string, { space }: Pick<PostgresFacts, "space">, config: Config): Finding[] {
  if (space === null) return [];
  const severity = spaceSeverity(space, config);
  const free = `${inBytes(space.freeBytes)} of ${inBytes(space.totalBytes)} are free.`;
  if (severity === null) return [];
  const advice = "Free some space, or move queues to another pool.";
  return [severity === "critical" ? failed(check, free, advice) : warning(check, free, advice)];
}

function lookAtClock(clock: ServerClock, { CLOCK_SKEW_SECONDS: most }: Config): Finding {
  const seconds = clockSkewSeconds(clock, null);
  const shown = inSeconds(seconds, "this machine's");
  if (most === 0 || Math.abs(seconds) < most) return ok("clock", `The control database's clock ${shown}.`);
  return warning("clock", `The control database's clock ${shown}.`, "Let both machines set their clocks by NTP.");
}

export function inSeconds(seconds: number, whose: string): string {
  if (Math.abs(seconds) < 0.05) return `agrees with ${whose}`;
  return `is ${Math.abs(seconds).toFixed(1)} s ${seconds > 0 ? "ahead of" : "behind"} ${whose}`;
}

/** The migrations, and what PostgreSQL knows of the tables. */
export async function lookAtTables(url: string, only: "all" | "pool", check = "tables"): Promise<Finding[]> {
  let missing: Awaited<ReturnType<typeof missingMigrations>>;
  try {
    missing = await missingMigrations({ url, only });
  } catch (error) {
    return [failed(check, reasonOf(error), "A start refuses this database.")];
  }
  const findings: Finding[] = [];
  if (missing.length > 0) {
    const names = missing.map(({ name }) => name).join(", ");
    findings.push(
      warning(
        check,
        `Migrations are missing: ${names}.`,
        only === "all"
          ? `The next start applies them; \`${commandLine("migrate")}\` does it now.`
          : `A process applies them when it first uses the pool; \`${commandLine("migrate --pools")}\` does it now.`,
      ),
    );
  }
  return [...findings, ...(await lookAtDrift(url, only, missing, check))];
}

async function lookAtDrift(
  url: string,
  only: "all" | "pool",
  except: Awaited<ReturnType<typeof missingMigrations>>,
  check: string,
): Promise<Finding[]> {
  let found: string[] | null;
  try {
    found = await findDrift({ url, only, except });
  } catch (error) {
    return [skipped(check, `Not compared with the migrations: ${reasonOf(error)}`)];
  }
  if (found === null) return [skipped(check, "Not compared with the migrations: this role may not create a schema.")];
  if (found.length === 0) return except.length === 0 ? [ok(check, "As the migrations make them.")] : [];
  const more = found.length - MAX_DIFFERENCES;
  const shown = found.slice(0, MAX_DIFFERENCES).join("; ") + (more > 0 ? `; and ${more} more` : "");
  const advice = "Somebody changed them: take that back, or restore a backup.";
  return [failed(check, `They are not as the migrations make them: ${shown}.`, advice)];
}

export async function lookAtPeople(url: string, config: Config): Promise<Finding[]> {
  if (config.AUTH === "none") {
    return [ok("accounts", "AUTH=none: whoever reaches loopback of this machine is admin.")];
  }
  const counted = await countPeople(url);
  const advice = `The start prints a link for the first admin; or \`${commandLine("user add EMAIL --role admin")}\`.`;
  if (counted === null || counted.people === 0) {
    return config.ADMIN_EMAIL === undefined
      ? [warning("accounts", "AUTH=accounts, and there is nobody yet.", advice)]
      : [ok("accounts", `There is nobody yet: the start makes ${config.ADMIN_EMAIL} the first admin.`)];
  }
  const { people, admins, adminsWithAccess } = counted;
  if (admins === 0) {
    const first = `\`${commandLine("user role EMAIL --role admin")}\` makes one.`;
    return [failed("accounts", `Of ${people} people none is admin of all projects.`, first)];
  }
  if (adminsWithAccess === 0) {
    const again = `\`${commandLine("user link EMAIL")}\` prints a link to choose one.`;
    return [warning("accounts", `No admin has a password or has ever signed in; there are ${admins}.`, again)];
  }
  return [ok("accounts", `${people} people, ${admins} of them admins.`)];
}
