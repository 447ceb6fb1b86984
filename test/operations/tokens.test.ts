/** Tokens of programs: who may make, see and revoke which. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Access, rightsOfGrants } from "../../server/access/access.ts";
import { digestOf, isTokenSecret } from "../../server/access/token-secret.ts";
import type { TokenRequest } from "../../server/operations/tokens.ts";
import { admin, aService, codeOf, operator, refusal, type Service } from "./a-service.ts";

/** An admin of two projects. */
const pia: Access = {
  actor: "pia",
  kind: "person",
  rights: rightsOfGrants([{ role: "admin", projects: ["p", "q"] }]),
  requestId: "r-pia",
};

let service: Service;
beforeAll(async () => {
  service = await aService({ TOKEN_REQUESTS_PER_SECOND: "50" });
});
afterAll(() => service.stop());

let names = 0;
const request = (changes: Partial<TokenRequest> = {}): TokenRequest => {
  names += 1;
  return { name: `token-${names}`, scopes: ["produce"], projects: ["p"], ...changes };
};
const create = (access: Access, changes: Partial<TokenRequest> = {}) =>
  service.operations.tokens.create(access, request(changes));
const fieldOf = async (work: Promise<unknown>) => (await refusal(work))?.details.field;
const entries = async (target: string) =>
  (await service.operations.audit.list(admin, { target })).items.map(({ action, outcome }) => `${action} ${outcome}`);

describe("a new token", () => {
  test("has a secret that is told once, and nothing stored that gives it away", async () => {
    const { token, secret } = await create(admin, {
      scopes: ["consume", "produce", "consume"],
      projects: ["p", "q", "p"],
    });
    expect(isTokenSecret(secret)).toBe(true);
    expect(token).toMatchObject({
      scopes: ["produce", "consume"],
      projects: ["p", "q"],
      prefix: secret.slice(0, 8),
      createdBy: "ada",
      state: "active",
    });
    const days = ((token.expiresAt as Date).getTime() - token.createdAt.getTime()) / 86_400_000;
    expect(Math.round(days)).toBe(90);
    expect(await entries(token.name)).toEqual(["createToken done"]);
    const [entry] = (await service.operations.audit.list(admin, { target: token.name })).items;
    expect(JSON.stringify([entry, token])).not.toContain(secret.slice(8));
    expect(entry?.detailsText).not.toContain(digestOf(secret));
  });

  test("may last for ever, and is for all projects when an admin of all leaves them out", async () => {
    expect(await create(admin, { projects: null, expiresInDays: 0, scopes: ["administer"] })).toMatchObject({
      token: { projects: "all", expiresAt: null },
    });
  });

  test("is refused for other projects than its maker administers, for all, and for everything, which is audited", async () => {
    for (const wrong of [
      { projects: ["p", "r"] },
      { projects: null },
      { projects: null, scopes: ["administer"] as const },
    ]) {
      const asked = request(wrong);
      expect(await codeOf(service.operations.tokens.create(pia, asked))).toBe("FORBIDDEN");
      expect(await entries(asked.name)).toEqual(["createToken refused"]);
    }
    expect(await codeOf(create(operator))).toBe("FORBIDDEN");
    expect(await create(pia, { projects: ["q"], scopes: ["manage"] })).toMatchObject({ token: { projects: ["q"] } });
  });

  test("may send more than the setting allows only when an admin of all projects says so", async () => {
    expect(await codeOf(create(pia, { requestsPerSecond: 51 }))).toBe("FORBIDDEN");
    expect(await codeOf(create(pia, { requestsPerSecond: 0 }))).toBe("FORBIDDEN");
    expect(await create(pia, { requestsPerSecond: 50 })).toMatchObject({ token: { requestsPerSecond: 50 } });
    expect(await create(admin, { requestsPerSecond: 0 })).toMatchObject({ token: { requestsPerSecond: 0 } });
  });

  test("needs a name, a scope, projects that can be, and times that make sense", async () => {
    expect(await fieldOf(create(admin, { name: "with space" }))).toBe("name");
    expect(await fieldOf(create(admin, { scopes: [] }))).toBe("scopes");
    expect(await fieldOf(create(admin, { projects: [] }))).toBe("projects");
    expect(await fieldOf(create(admin, { scopes: ["administer"] }))).toBe("projects");
    expect(await fieldOf(create(admin, { expiresInDays: 3651 }))).toBe("expiresInDays");
    expect(await fieldOf(create(admin, { requestsPerSecond: -1 }))).toBe("requestsPerSecond");
    const { token } = await create(admin);
    expect(await codeOf(create(admin, { name: token.name }))).toBe("TOKEN_ALREADY_EXISTS");
  });
});

describe("a token", () => {
  test("is seen by those who administer all of its projects, and by nobody else", async () => {
    const [both, one, all] = [
      await create(admin, { projects: ["p", "q"] }),
      await create(admin, { projects: ["q", "r"] }),
      await create(admin, { projects: null }),
    ].map(({ token }) => token.name) as [string, string, string];
    const seen = await service.operations.tokens.getMany(pia, { names: [both, one, all, "none", "with space"] });
    expect(seen.map((token) => token?.name ?? null)).toEqual([both, null, null, null, null]);
    const listed = await service.operations.tokens.list(pia, { page: { limit: 100 } });
    const theirs = listed.items.map(({ name }) => name);
    expect(theirs).toContain(both);
    expect(theirs).not.toContain(one);
    expect(theirs).not.toContain(all);
    expect(await codeOf(service.operations.tokens.list(pia, { project: "r" }))).toBe("FORBIDDEN");
    expect(await codeOf(service.operations.tokens.list(operator, {}))).toBe("FORBIDDEN");
    expect(await codeOf(service.operations.tokens.revoke(pia, { name: one }))).toBe("TOKEN_DOES_NOT_EXIST");
    expect(await codeOf(service.operations.tokens.revoke(pia, { name: "none" }))).toBe("TOKEN_DOES_NOT_EXIST");
  });

  test("is revoked once, and the audit log has it once", async () => {
    const { token } = await create(admin);
    const revoked = await service.operations.tokens.revoke(pia, token);
    expect(revoked).toMatchObject({ state: "revoked", revokedBy: "pia" });
    expect(await service.operations.tokens.revoke(admin, token)).toEqual(revoked);
    expect(await entries(token.name)).toEqual(["revokeToken done", "createToken done"]);
  });
});
