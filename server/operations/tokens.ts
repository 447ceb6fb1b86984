import { type Access, mayUse, requireEverywhere, requirePermission } from "../access/access.ts";
import { createTokenSecret } from "../access/token-secret.ts";
import { DomainError } from "../errors.ts";
import type { Page } from "../storage/list-pages.ts";
import { SCOPES, type Scope, type Token, type TokenState } from "../storage/tokens.ts";
import { audited, permitted, type Trace } from "./audit/audit-trail.ts";
import type { OperationContext } from "./context.ts";
import type { PageParams, ProjectAddress } from "./input/addresses.ts";
import { badInput, checkBatch, checkWhole, pageRequest } from "./input/limits.ts";
import { checkName, chosenProject, isNameMarker } from "./input/names.ts";
import { readVisible } from "./input/visible.ts";

export const MAX_TOKEN_DAYS = 3650;
export const DEFAULT_TOKEN_DAYS = 90;
const MAX_REQUESTS_PER_SECOND = 1_000_000;

export interface TokenRequest {
  name: string;
  scopes: readonly Scope[];
  /** Null: all, those too that are created later. */
  projects: readonly string[] | null;
  /** 0: never. Left out: DEFAULT_TOKEN_DAYS. */
  expiresInDays?: number | null;
  /** 0: no limit. Left out: TOKEN_REQUESTS_PER_SECOND, whatever that is at the time of the request. */
  requestsPerSecond?: number | null;
}

/**
 * Tokens of programs. Whoever administers all projects of a token sees it, makes such tokens and revokes them. Nobody
 * can read a secret again.
 */
export interface TokenOperations {
  /** By name, also those that are revoked or expired, for AUDIT_DAYS. With `project`: those that may be used there. */
  list(access: Access, params: ProjectAddress & PageParams & { state?: TokenState | null }): Promise<Page<Token>>;
  /** In the order asked, null for a token that does not exist or that the caller may not see. At most MAX_PAGE_SIZE. */
  getMany(access: Access, params: { names: readonly string[] }): Promise<(Token | null)[]>;
  /**
   * Makes a token. `secret` is what programs send, and is in no other answer. It can be used at once, everywhere. The
   * scope administer, a token without `projects`, and more requests than TOKEN_REQUESTS_PER_SECOND need an admin of all
   * projects. Audited. BAD_INPUT, TOKEN_ALREADY_EXISTS.
   */
  create(access: Access, params: TokenRequest): Promise<{ token: Token; secret: string }>;
  /**
   * Ends a token for good, everywhere within a second. One that is revoked already stays as it is. Audited.
   * TOKEN_DOES_NOT_EXIST.
   */
  revoke(access: Access, params: { name: string }): Promise<Token>;
}

export function createTokenOperations(context: OperationContext): TokenOperations {
  const { control, limits } = context;
  const sees = (access: Access, { projects }: Token) =>
    projects === "all"
      ? access.rights.administer === "all"
      : projects.every((project) => mayUse(access, "administer", project));

  return {
    async list(access, { page, project, state }) {
      requirePermission(access, "administer");
      const filter = {
        within: access.rights.administer,
        ...(project === undefined || project === null
          ? {}
          : { project: chosenProject(limits, access, "administer", project) }),
        ...(state === undefined || state === null ? {} : { state }),
      };
      return control.tokens.list({ page: pageRequest(limits, page, isNameMarker), filter });
    },

    async getMany(access, { names }) {
      return readVisible(checkBatch(limits, "names", names), {
        choose(name) {
          requirePermission(access, "administer");
          return checkName("name", name);
        },
        read: async (wanted) => (await control.tokens.getMany(wanted)).filter((token) => sees(access, token)),
        keyOf: (name) => name,
        foundKeyOf: ({ name }) => name,
      });
    },

    async create(access, params) {
      const request = await requested(context, access, params);
      const { trace, ...asked } = request;
      const { secret, prefix, hash } = createTokenSecret();
      const token = await audited(context, trace, async (tx) => {
        const result = await tx.tokens.create({ ...asked, prefix, hash, createdBy: access.actor });
        const { scopes, projects, expiresAt, requestsPerSecond } = result;
        return { result, details: { prefix, scopes, projects, expiresAt, requestsPerSecond } };
      });
      return { token, secret };
    },

    async revoke(access, params) {
      const trace: Trace = { access, action: "revokeToken", project: null, target: String(params.name) };
      const name = await permitted(context, trace, () => checkName("name", params.name));
      return audited(context, trace, async (tx) => {
        const [found] = await tx.tokens.getMany([name]);
        if (found === undefined || !sees(access, found)) throw doesNotExist(name);
        const changed = await tx.tokens.revoke({ name, actor: access.actor });
        const [result = found] = await tx.tokens.getMany([name]);
        const { prefix, scopes, projects, lastUsedAt } = found;
        return { result, details: { prefix, scopes, projects, lastUsedAt }, changed };
      });
    },
  };
}

/** What is checked of a request for a token. FORBIDDEN, which is audited, and BAD_INPUT. */
async function requested(context: OperationContext, access: Access, params: TokenRequest) {
  const { limits } = context;
  const given = params.projects ?? null;
  const project = given?.length === 1 ? String(given[0]) : null;
  const trace: Trace = { access, action: "createToken", project, target: String(params.name) };
  return permitted(context, trace, (permission) => {
    const name = checkName("name", params.name);
    const scopes = checkScopes(params.scopes);
    const all = given === null || scopes.includes("administer");
    if (given !== null && scopes.includes("administer")) {
      throw badInput("projects", "A token with the scope administer is for all projects. Leave `projects` out.");
    }
    if (all) requireEverywhere(access, permission);
    const projects = all ? ("all" as const) : checkProjects(context, access, given ?? []);
    const days = checkWhole("expiresInDays", params.expiresInDays ?? DEFAULT_TOKEN_DAYS, 0, MAX_TOKEN_DAYS);
    const requestsPerSecond = checkRate(params.requestsPerSecond ?? null);
    if (requestsPerSecond !== null && isMore(requestsPerSecond, limits.TOKEN_REQUESTS_PER_SECOND)) {
      requireEverywhere(access, permission);
    }
    return { trace, name, scopes, projects, expiresInDays: days === 0 ? null : days, requestsPerSecond };
  });
}

function checkScopes(scopes: readonly Scope[]): Scope[] {
  const wanted = SCOPES.filter((scope) => scopes.includes(scope));
  if (wanted.length > 0) return wanted;
  throw badInput("scopes", `scopes must name at least one of ${SCOPES.join(", ")}.`);
}

function checkProjects({ limits }: OperationContext, access: Access, given: readonly string[]): string[] {
  const projects = [...new Set(checkBatch(limits, "projects", given))];
  if (projects.length === 0)
    throw badInput("projects", "projects must name at least one. Leave it out for all projects.");
  return projects.map((project) => chosenProject(limits, access, "administer", project));
}

function checkRate(rate: number | null): number | null {
  return rate === null ? null : checkWhole("requestsPerSecond", rate, 0, MAX_REQUESTS_PER_SECOND);
}

/** Whether a token may send more than the setting allows. 0: no limit. */
const isMore = (rate: number, setting: number) => setting !== 0 && (rate === 0 || rate > setting);

function doesNotExist(name: string): DomainError {
  return new DomainError("TOKEN_DOES_NOT_EXIST", `There is no token named ${name}.`, { details: { token: name } });
}
