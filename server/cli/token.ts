/** `isimud token`: makes, lists and revokes tokens of programs, on the database of the service. */
import type { Command } from "commander";
import type { Access } from "../access/access.ts";
import type { Engine } from "../bootstrap.ts";
import { SCOPES, type Scope, type Token } from "../storage/tokens.ts";
import { collect, collectOneOf, wholeNumber } from "./option-values.ts";
import { inLine, inProjects, print, printJson, tell } from "./output.ts";
import { withOwnEngine } from "./own-engine.ts";

interface AddOptions {
  scope: Scope[];
  project?: string[];
  days?: number;
  requestsPerSecond?: number;
  json?: boolean;
}

export function addToken(program: Command): void {
  const token = program
    .command("token")
    .summary("Create, list and revoke tokens of programs")
    .description(
      "Creates, lists and revokes tokens of programs, for a service with AUTH=accounts. " +
        "It works on the database of DATABASE_URL or DATA_DIR, whether the service runs or not.",
    );
  token
    .command("add")
    .description("Create a token, and print its secret, once: export TOKEN=$(isimud token add ...)")
    .argument("<name>")
    .requiredOption("--scope <scope>", `needed: ${SCOPES.join(", ")}; more than one are added up`, collectOneOf(SCOPES))
    .option("--project <name>", "where it may be used; more than one are added up; left out: in all projects", collect)
    .option("--days <days>", "after how many days it ends; 0 for never; left out: 90", wholeNumber)
    .option(
      "--requests-per-second <number>",
      "how many requests it may send; 0 for any number; left out: TOKEN_REQUESTS_PER_SECOND",
      wholeNumber,
    )
    .option("--json", "print JSON")
    .action(add);
  token
    .command("list")
    .description("List all tokens, without their secrets.")
    .option("--json", "print JSON")
    .action(({ json }: { json?: boolean }) => withOwnEngine((engine, access) => list(engine, access, json)));
  token
    .command("revoke")
    .description("End a token at once.")
    .argument("<name>")
    .option("--json", "print JSON")
    .action(async (name: string, { json }: { json?: boolean }) => {
      const revoked = await withOwnEngine(({ operations }, access) => operations.tokens.revoke(access, { name }));
      if (json) printJson(shown(revoked));
      else print(line(revoked));
    });
}

async function add(name: string, { scope, project, days, requestsPerSecond, json }: AddOptions): Promise<void> {
  const request = {
    name,
    scopes: scope,
    projects: project ?? null,
    expiresInDays: days,
    requestsPerSecond,
  };
  const { token, secret } = await withOwnEngine(({ operations }, access) => operations.tokens.create(access, request));
  if (json) return printJson({ ...shown(token), secret });
  tell(`${line(token)}\nIts secret, which nobody can read again:`);
  print(secret);
}

async function list({ operations, config }: Engine, access: Access, json?: boolean): Promise<void> {
  const tokens: Token[] = [];
  for (let after: string | undefined; ; ) {
    const page = await operations.tokens.list(access, { page: { after, limit: config.MAX_PAGE_SIZE } });
    tokens.push(...page.items);
    if (page.nextMarker === null) break;
    after = page.nextMarker;
  }
  if (json) printJson(tokens.map(shown));
  else for (const token of tokens) print(line(token));
}

function shown({ name, prefix, state, scopes, projects, createdAt, expiresAt, lastUsedAt, revokedAt }: Token): object {
  return {
    name,
    prefix,
    state,
    scopes,
    projects: projects === "all" ? null : projects,
    createdAt,
    expiresAt,
    lastUsedAt,
    revokedAt,
  };
}

function line({ name: of, prefix, state, scopes, projects, expiresAt, lastUsedAt }: Token): string {
  const end = expiresAt === null ? "never ends" : `ends ${expiresAt.toISOString()}`;
  const use = lastUsedAt === null ? "never used" : `used ${lastUsedAt.toISOString()}`;
  return [inLine(of), `${prefix}...`, state, scopes.join(" "), inProjects(projects), end, use].join("  ");
}
