/** Who sends a request, by its token: in two processes on one database. */
import type { IncomingMessage } from "node:http";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Credentials, type Identified, type SessionIdentities } from "../../server/access/credentials.ts";
import type { Identification } from "../../server/access/identification.ts";
import { Bucket, RateLimits } from "../../server/access/rate-limits.ts";
import type { Caller } from "../../server/access/shell.ts";
import { createTokenSecret, isTokenSecret } from "../../server/access/token-secret.ts";
import type { TokenIdentities } from "../../server/access/tokens.ts";
import type { Engine } from "../../server/bootstrap.ts";
import { hasCode } from "../../server/errors.ts";
import type { TokenRequest } from "../../server/operations/tokens.ts";
import { admin, aService, type Service } from "../operations/a-service.ts";

let service: Service;
let other: Engine;
let database: pg.Client;
beforeAll(async () => {
  service = await aService({
    AUTH: "accounts",
    TOKEN_REQUESTS_PER_SECOND: "1000",
    ADDRESS_FAILURES_PER_MINUTE: "5",
  });
  other = await service.another();
  database = new pg.Client({ connectionString: service.config.DATABASE_URL });
  await database.connect();
  for (const { changes } of [service, other]) await changes.listening(5000);
});
afterAll(async () => {
  await database?.end();
  await service?.stop();
});

let names = 0;
async function create(changes: Partial<TokenRequest> = {}) {
  names += 1;
  const asked = { name: `token-${names}`, scopes: ["produce"] as const, projects: ["p"], ...changes };
  return service.operations.tokens.create(admin, asked);
}

const identificationOf = ({ identification }: Engine) => identification as Identification;

const CALLER: Caller = { address: "10.1.0.0", isSecure: false, isFromPage: false, foreignOrigin: null };
let addresses = 0;
function identify(authorization: string | undefined, options: { by?: Engine; from?: string } = {}) {
  addresses += 1;
  const { by = service, from = `10.0.0.${addresses}` } = options;
  const request = { headers: { authorization } } as IncomingMessage;
  return identificationOf(by).credentials.identify(request, { ...CALLER, address: from });
}
const bearer = (secret: string, options: { by?: Engine; from?: string } = {}) => identify(`Bearer ${secret}`, options);
async function codeOf(work: () => unknown): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
}
/** How many statements the look-up of tokens made in the first process. */
const watchLookUps = () => vi.spyOn(service.control.tokens, "findByHash");

describe("a token", () => {
  test("says who asks, what for and where, and at its second use without a promise", async () => {
    const { token, secret } = await create({ scopes: ["produce", "read"], projects: ["p", "q"] });
    const first = bearer(secret);
    expect(first).toBeInstanceOf(Promise);
    const { identity } = (await first) as Identified;
    expect(identity).toMatchObject({ actor: `token:${token.name}`, kind: "token", token: { name: token.name } });
    expect(identity.rights).toEqual({
      read: ["p", "q"],
      produce: ["p", "q"],
      consume: [],
      operate: [],
      administer: [],
    });
    const again = bearer(secret) as Identified;
    expect(again.identity).toBe(identity);
    expect(again.rateLimits).toEqual([{ kind: "token", requestsPerSecond: 1000, remaining: expect.any(Number) }]);
    expect(identify(undefined)).toBeNull();
  });

  test("stands alone: a session beside it is refused, but not beside what a proxy asks for", () => {
    const session = { ...admin, personId: "ada", sessionId: "s", sessionEndsAt: new Date() };
    const sessions: SessionIdentities = { isNamedBy: () => true, identify: () => session };
    const limits = new RateLimits(service.config, () => 0);
    const credentials = new Credentials({ tokens: {} as TokenIdentities, sessions, limits });
    const ask = (authorization?: string) =>
      credentials.identify({ headers: { authorization } } as IncomingMessage, CALLER) as Identified;
    for (const other of [undefined, "Basic YTpi", "Negotiate YII="]) expect(ask(other).identity).toBe(session);
    expect(() => ask("Bearer isi_x")).toThrow(expect.objectContaining({ code: "BAD_INPUT" }));
  });

  test("that is revoked in one process is refused by the other within a second", async () => {
    const { token, secret } = await create();
    for (const by of [service, other]) await bearer(secret, { by });
    const began = performance.now();
    await service.operations.tokens.revoke(admin, token);
    await vi.waitFor(
      async () => expect(await codeOf(() => bearer(secret, { by: other }))).toBe("UNAUTHENTICATED"),
      1000,
    );
    expect(performance.now() - began).toBeLessThan(1000);
    await vi.waitFor(async () => expect(await codeOf(() => bearer(secret))).toBe("UNAUTHENTICATED"), 1000);
  });

  test("has an end, also for a process that remembers it", async () => {
    const { secret } = await create({ expiresInDays: 1 });
    await bearer(secret);
    service.clock.offsetMs = 86_400_001;
    try {
      expect(await codeOf(() => bearer(secret))).toBe("UNAUTHENTICATED");
    } finally {
      service.clock.offsetMs = 0;
    }
    expect(await codeOf(() => bearer(secret))).toBeUndefined();
    await database.query("UPDATE tokens SET expires_at = now() WHERE prefix = $1", [secret.slice(0, 8)]);
    await vi.waitFor(async () => expect(await codeOf(() => bearer(secret))).toBe("UNAUTHENTICATED"));
  });

  test("has its last use written later, once for many uses", async () => {
    const { token, secret } = await create();
    for (let use = 0; use < 5; use += 1) await bearer(secret);
    const lastUse = async () => (await service.control.tokens.getMany([token.name]))[0]?.lastUsedAt;
    expect(await lastUse()).toBeNull();
    const writes = vi.spyOn(service.control.tokens, "noteUse");
    await identificationOf(service).writeUses();
    expect(await lastUse()).toBeInstanceOf(Date);
    await identificationOf(service).writeUses();
    expect(writes).toHaveBeenCalledTimes(1);
  });

  test("has rights in jobs as long as it can be used", async () => {
    const { token } = await create({ scopes: ["manage"] });
    const actor = `token:${token.name}`;
    expect(await service.presentAccess({ actor, requestId: "r" })).toMatchObject({
      actor,
      rights: { operate: ["p"], administer: [] },
    });
    await service.operations.tokens.revoke(admin, token);
    expect(await service.presentAccess({ actor, requestId: "r" })).toBeNull();
    expect(await service.presentAccess({ actor: "token:none", requestId: "r" })).toBeNull();
  });
});

describe("a wrong token", () => {
  test("is refused without a look-up when it cannot be one", async () => {
    const lookUps = watchLookUps();
    const { secret } = createTokenSecret();
    expect(isTokenSecret(secret)).toBe(true);
    const typo = secret.slice(0, 10) + (secret[10] === "A" ? "B" : "A") + secret.slice(11);
    for (const wrong of [typo, secret.slice(0, -1), `${secret}A`, "isi_", "Bearer", "a".repeat(10_000)]) {
      expect(await codeOf(() => bearer(wrong)), wrong).toBe("UNAUTHENTICATED");
    }
    for (const header of ["Bearer", "bearer ", "Bearer a b"]) {
      expect(await codeOf(() => identify(header)), header).toBe("UNAUTHENTICATED");
    }
    for (const header of ["Basic YTpi", "Bearers a", secret]) expect(identify(header), header).toBeNull();
    expect(lookUps).not.toHaveBeenCalled();
    lookUps.mockRestore();
  });

  test("is looked up once, and too many from one address not at all, which harms no token that is known", async () => {
    const lookUps = watchLookUps();
    const from = "192.0.2.1";
    const good = await create();
    await bearer(good.secret, { from });
    lookUps.mockClear();
    const { secret } = createTokenSecret();
    for (let attempt = 0; attempt < 3; attempt += 1)
      expect(await codeOf(() => bearer(secret, { from }))).toBe("UNAUTHENTICATED");
    expect(lookUps).toHaveBeenCalledTimes(1);
    const codes: (string | undefined)[] = [];
    for (let attempt = 0; attempt < 5; attempt += 1)
      codes.push(await codeOf(() => bearer(createTokenSecret().secret, { from })));
    expect(codes).toEqual([...Array(4).fill("UNAUTHENTICATED"), "RATE_LIMITED"]);
    expect(lookUps).toHaveBeenCalledTimes(5);
    expect(await codeOf(() => bearer(good.secret, { from }))).toBeUndefined();
    expect(await codeOf(() => bearer(createTokenSecret().secret, { from: "192.0.2.2" }))).toBe("UNAUTHENTICATED");
    // Those that are being looked up count too.
    lookUps.mockClear();
    const wrong = Array.from({ length: 20 }, () => createTokenSecret().secret);
    const atOnce = await Promise.all(wrong.map((secret) => codeOf(() => bearer(secret, { from: "192.0.2.3" }))));
    expect(atOnce).toEqual([...Array(5).fill("UNAUTHENTICATED"), ...Array(15).fill("RATE_LIMITED")]);
    expect(lookUps).toHaveBeenCalledTimes(5);
    const { secret: shared } = await create();
    const from4 = { from: "192.0.2.4" };
    expect(await Promise.all(wrong.map(() => codeOf(() => bearer(shared, from4))))).toEqual(Array(20).fill(undefined));
    lookUps.mockRestore();
  });
});

test("processes tell each other over the database what they counted", async () => {
  const { secret } = await create({ requestsPerSecond: 100 });
  const elsewhere = vi.spyOn(Bucket.prototype, "takenElsewhere");
  const use = async (by: Engine, times: number) => {
    for (let time = 0; time < times; time += 1) await bearer(secret, { by });
    await identificationOf(by).exchangeCounts();
  };
  await use(service, 5);
  await use(other, 20);
  await use(service, 10);
  // What the other one took since this one told of its own.
  expect(elsewhere.mock.calls.map(([requests]) => requests)).toEqual([20]);
  elsewhere.mockRestore();
});

test("a token is refused as unavailable, not as wrong, while the database does not answer", async () => {
  const { secret } = await create();
  const broken = vi.spyOn(service.control.tokens, "findByHash").mockRejectedValueOnce(new Error("gone"));
  const error = await Promise.resolve(bearer(secret)).catch((failure: unknown) => failure);
  expect(hasCode(error, "UNAUTHENTICATED")).toBe(false);
  broken.mockRestore();
  expect(await codeOf(() => bearer(secret))).toBeUndefined();
});
