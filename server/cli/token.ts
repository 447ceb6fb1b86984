/** `npm run token`: makes, lists and revokes tokens of programs, on the database of the service. */
import type { Access } from "../access/access.ts";
import type { Engine } from "../bootstrap.ts";
import { DEFAULT_TOKEN_DAYS, type TokenRequest } from "../operations/tokens.ts";
import { explain } from "../process/start-error.ts";
import { SCOPES, type Scope, type Token } from "../storage/tokens.ts";
import { fail, readArguments } from "./arguments.ts";

const USAGE = `npm run --silent token -- add NAME --scope SCOPE [--scope SCOPE] [--project NAME] [--days 90]
npm run --silent token -- list
npm run --silent token -- revoke NAME

Makes a token for a program, and prints its secret, once: export TOKEN=$(npm run --silent token -- add ...)
It works on the database of DATABASE_URL or DATA_DIR, whether the service runs or not.

  --scope SCOPE     ${SCOPES.join(", ")}; more than one are added up
  --project NAME    where it may be used; more than one are added up; left out: in all projects
  --days DAYS       after how many days it ends; 0 for never; left out: ${DEFAULT_TOKEN_DAYS}
  --requests-per-second NUMBER
                    how many requests it may send; 0 for any number; left out: TOKEN_REQUESTS_PER_SECOND
  --help            this text`;

const { values, positionals } = readArguments(USAGE, {
  scope: { type: "string", multiple: true },
  project: { type: "string", multiple: true },
  days: { type: "string" },
  "requests-per-second": { type: "string" },
});
const [command, name, ...rest] = positionals;

async function add(tokenName: string): Promise<void> {
  const request: TokenRequest = {
    name: tokenName,
    scopes: (values.scope ?? []).map(scopeOf),
    projects: values.project ?? null,
    expiresInDays: numberOf("days", values.days),
    requestsPerSecond: numberOf("requests-per-second", values["requests-per-second"]),
  };
  const { token, secret } = await onDatabase(({ operations }, access) => operations.tokens.create(access, request));
  console.error(`${line(token)}\nIts secret, which nobody can read again:`);
  console.log(secret);
}

async function list(engine: Engine, access: Access): Promise<void> {
  for (let after: string | undefined; ; ) {
    const page = await engine.operations.tokens.list(access, { page: { after, limit: engine.config.MAX_PAGE_SIZE } });
    for (const token of page.items) console.log(line(token));
    if (page.nextMarker === null) return;
    after = page.nextMarker;
  }
}

function line({ name: of, prefix, state, scopes, projects, expiresAt, lastUsedAt }: Token): string {
  const where = projects === "all" ? "all projects" : projects.map((project) => JSON.stringify(project)).join(" ");
  const end = expiresAt === null ? "never ends" : `ends ${expiresAt.toISOString()}`;
  const use = lastUsedAt === null ? "never used" : `used ${lastUsedAt.toISOString()}`;
  return [of, `${prefix}...`, state, scopes.join(" "), where, end, use].join("  ");
}

function scopeOf(text: string): Scope {
  return SCOPES.find((scope) => scope === text) ?? fail(`This is no scope: ${text}\n\n${USAGE}`);
}

function numberOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined || /^\d{1,15}$/.test(text)) return text === undefined ? undefined : Number(text);
  return fail(`--${option} must be a whole number: ${text}`);
}

/** Loads the engine only now: its modules take a second. */
async function onDatabase<T>(work: (engine: Engine, access: Access) => Promise<T>): Promise<T> {
  const { withOwnEngine } = await import("./own-engine.ts");
  return withOwnEngine(work);
}

try {
  if (rest.length > 0) fail(USAGE);
  if (command === "add" && name !== undefined) await add(name);
  else if (command === "list" && name === undefined) await onDatabase(list);
  else if (command === "revoke" && name !== undefined) {
    const token = await onDatabase((engine, access) => engine.operations.tokens.revoke(access, { name }));
    console.log(line(token));
  } else fail(USAGE);
} catch (error) {
  fail(explain(error));
}
