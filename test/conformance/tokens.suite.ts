import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasCode } from "../../server/errors.ts";
import type { NewToken } from "../../server/storage/tokens.ts";
import { type ControlDriverHarness, type OpenControlDriver, unique } from "./control-harness.ts";
import { walk } from "./walk.ts";

export function describeTokens(name: string, open: OpenControlDriver): void {
  describe(`tokens on ${name}`, () => {
    let harness: ControlDriverHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());

    const tokens = () => harness.driver.tokens;
    const aToken = (changes: Partial<NewToken> = {}): NewToken => ({
      name: unique("token"),
      prefix: "isi_AbCd",
      hash: randomBytes(32),
      scopes: ["produce"],
      projects: ["p"],
      createdBy: "ada",
      expiresInDays: 30,
      requestsPerSecond: null,
      ...changes,
    });
    const names = async (filter: Parameters<ReturnType<typeof tokens>["list"]>[0]["filter"]) =>
      (await walk((page) => tokens().list({ page, filter }), [2, 5])).map((token) => token.name);

    it("finds a token by the digest of its secret, with the seconds that it has left", async () => {
      const given = aToken({ scopes: ["read", "consume"], projects: ["p", ""], requestsPerSecond: 7 });
      const { hash, expiresInDays: _, ...shown } = given;
      const created = await tokens().create(given);
      expect(created).toMatchObject({ ...shown, state: "active", lastUsedAt: null, revokedAt: null, revokedBy: null });
      const found = await harness.neighbour.tokens.findByHash(hash);
      expect(found?.token).toEqual(created);
      expect(found?.expiresInSeconds).toBeGreaterThan(30 * 86_400 - 60);
      expect(found?.expiresInSeconds).toBeLessThanOrEqual(30 * 86_400);
      expect(await tokens().findByHash(randomBytes(32))).toBeNull();
    });

    it("keeps one for all projects that never expires", async () => {
      const given = aToken({ projects: "all", expiresInDays: null });
      await tokens().create(given);
      expect(await tokens().findByHash(given.hash)).toMatchObject({
        token: { projects: "all", expiresAt: null },
        expiresInSeconds: null,
      });
    });

    it("gives a name once, also when its token was revoked", async () => {
      const given = aToken();
      await tokens().create(given);
      await tokens().revoke({ name: given.name, actor: "ada" });
      const again = await tokens()
        .create(aToken({ name: given.name }))
        .catch((error: unknown) => error);
      expect(hasCode(again, "TOKEN_ALREADY_EXISTS")).toBe(true);
    });

    it("revokes once, and keeps who did it first", async () => {
      const given = aToken();
      await tokens().create(given);
      expect(await tokens().revoke({ name: given.name, actor: "ada" })).toBe(true);
      expect(await tokens().revoke({ name: given.name, actor: "otto" })).toBe(false);
      expect(await tokens().revoke({ name: unique("none"), actor: "otto" })).toBe(false);
      expect(await tokens().getMany([given.name, unique("none")])).toMatchObject([
        { state: "revoked", revokedBy: "ada", revokedAt: expect.any(Date) },
      ]);
    });

    it("lists by name those of some projects, for one project and in a state", async () => {
      const prefix = unique("list");
      const [p, q] = [unique("p"), unique("q")];
      const kinds: Partial<NewToken>[] = [
        { projects: [p] },
        { projects: [p, q] },
        { projects: [q] },
        { projects: "all" },
      ];
      for (const [index, kind] of kinds.entries())
        await tokens().create(aToken({ name: `${prefix}-${index}`, ...kind }));
      await tokens().revoke({ name: `${prefix}-0`, actor: "ada" });
      const listed = async (filter: Parameters<typeof names>[0]) =>
        (await names(filter))
          .filter((one) => one.startsWith(prefix))
          .map((one) => Number(one.slice(prefix.length + 1)));
      expect(await listed({ within: "all" })).toEqual([0, 1, 2, 3]);
      expect(await listed({ within: [p, "x"] })).toEqual([0]);
      expect(await listed({ within: [p, q] })).toEqual([0, 1, 2]);
      expect(await listed({ within: [] })).toEqual([]);
      expect(await listed({ within: "all", project: q })).toEqual([1, 2, 3]);
      expect(await listed({ within: "all", state: "revoked" })).toEqual([0]);
      expect(await listed({ within: [p, q], state: "active" })).toEqual([1, 2]);
    });

    it("notes a use, and not again within the same minute", async () => {
      const given = aToken();
      const { id } = await tokens().create(given);
      await tokens().noteUse([id]);
      const [first] = await tokens().getMany([given.name]);
      expect(first?.lastUsedAt).toBeInstanceOf(Date);
      await tokens().noteUse([id]);
      expect(await tokens().getMany([given.name])).toEqual([first]);
    });

    it("is expired when its time is over, and trimmed with those that were revoked, days later", async () => {
      const [expired, revoked, good] = [aToken({ expiresInDays: 0 }), aToken(), aToken({ expiresInDays: null })];
      for (const token of [expired, revoked, good]) await tokens().create(token);
      await tokens().revoke({ name: revoked.name, actor: "ada" });
      expect((await tokens().findByHash(expired.hash))?.token.state).toBe("expired");
      await tokens().trim({ days: 1, limit: 100 });
      const left = async () => (await tokens().getMany([expired, revoked, good].map((token) => token.name))).length;
      expect(await left()).toBe(3);
      await tokens().trim({ days: 0, limit: 100 });
      expect(await left()).toBe(1);
    });
  });
}
