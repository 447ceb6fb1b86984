import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Grant } from "../../server/access/access.ts";
import type { Person } from "../../server/storage/people.ts";
import { type ControlDriverHarness, type OpenControlDriver, unique } from "./control-harness.ts";
import { walk } from "./walk.ts";

const ADMIN: Grant = { role: "admin", projects: "all" };
const SHOP: Grant = { role: "operator", projects: ["shop", "billing"] };
const inAnHour = () => new Date(Date.now() + 3_600_000);
const digest = (code: string) => createHash("sha256").update(code).digest();
const NOBODY = "00000000-0000-4000-8000-000000000000";

export function describePeople(name: string, open: OpenControlDriver): void {
  describe(`people on ${name}`, () => {
    let harness: ControlDriverHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());

    const people = () => harness.driver.people;
    const aPerson = (grants: readonly Grant[] = [SHOP], prefix = "p"): Promise<Person> =>
      people().create({ email: `${unique(prefix)}@example.com`, name: "Pat", grants });

    it("a person is created with grants, and nobody else gets that address", async () => {
      expect(await people().isEmpty()).toBe(true);
      const pat = await aPerson([ADMIN, SHOP]);
      expect(pat).toMatchObject({ name: "Pat", grants: [ADMIN, SHOP], claimed: false, disabledAt: null, methods: [] });
      expect(await people().getByEmail(pat.email)).toEqual(pat);
      expect(await people().getMany([pat.id, NOBODY])).toEqual([pat]);
      expect(await people().isEmpty()).toBe(false);
      const again = people().create({ email: pat.email, name: "Another", grants: [] });
      await expect(again).rejects.toMatchObject({ code: "PERSON_ALREADY_EXISTS" });
      await people().delete(pat.id);
    });

    it("people are listed by address, both ways, and searched in any letters", async () => {
      const made = await Promise.all([1, 2, 3].map(() => aPerson([SHOP], "walk")));
      const emails = made.map(({ email }) => email).sort();
      const list = (page: object) => people().list({ page: { limit: 2, ...page }, search: "WALK" });
      expect((await walk((page) => people().list({ page, search: "WALK" }))).map(({ email }) => email)).toEqual(emails);
      const last = await list({ atEnd: true });
      expect(last.items.map(({ email }) => email)).toEqual(emails.slice(1));
      expect((await list({ before: last.markers[0] })).items.map(({ email }) => email)).toEqual(emails.slice(0, 1));
      expect((await people().list({ page: { limit: 9 }, search: "pa%t" })).items).toEqual([]);
      for (const { id } of made) await people().delete(id);
    });

    it("a change leaves the rest; whoever is disabled loses sessions and links", async () => {
      const pat = await aPerson();
      await people().addLink({
        kind: "password",
        personId: pat.id,
        digest: digest(pat.id),
        createdBy: "ada",
        expiresAt: inAnHour(),
      });
      expect(await people().update(pat.id, { grants: [ADMIN] })).toEqual({ ...pat, grants: [ADMIN] });
      expect(await people().update(pat.id, { disabled: true })).toMatchObject({ disabledAt: expect.any(Date) });
      expect(await people().getLink(digest(pat.id), new Date())).toBeNull();
      expect(await people().update(pat.id, { disabled: false, name: "P" })).toMatchObject({
        disabledAt: null,
        name: "P",
      });
      await expect(people().update(NOBODY, { name: "x" })).rejects.toMatchObject({ code: "PERSON_DOES_NOT_EXIST" });
      expect([await people().delete(pat.id), await people().delete(pat.id)]).toEqual([true, false]);
    });

    it("of two admins who remove each other at the same time, one remains", async () => {
      const both = [await aPerson([ADMIN]), await aPerson([ADMIN])];
      const remove = ({ id }: Person, driver: ControlDriverHarness["driver"]) =>
        driver.transaction(async (tx) => {
          const admins = await tx.people.lockAdmins();
          if (admins.length > 1) await tx.people.delete(id);
          return admins.length;
        });
      const [one, other] = both as [Person, Person];
      const seen = await Promise.all([remove(one, harness.driver), remove(other, harness.neighbour)]);
      expect(seen.sort()).toEqual([1, 2]);
      expect(await people().lockAdmins()).toHaveLength(1);
    });

    it("a new password shows as a method, and is stored only as it is given", async () => {
      const pat = await aPerson();
      expect(await people().getPassword(pat.id)).toBeNull();
      await people().setPassword(pat.id, "$argon2id$one");
      await people().setPassword(pat.id, "$argon2id$two");
      expect(await people().getByEmail(pat.email)).toMatchObject({ methods: ["password"] });
      const stored = await harness.storedText();
      expect([stored.includes("$argon2id$two"), stored.includes("$argon2id$one")]).toEqual([true, false]);
      expect(await people().getPassword(pat.id)).toBe("$argon2id$two");
      await expect(people().setPassword(NOBODY, "x")).rejects.toMatchObject({ code: "PERSON_DOES_NOT_EXIST" });
    });

    it("a link is used once, ends with its time, and gives way to a newer one", async () => {
      const pat = await aPerson();
      const link = { kind: "password", personId: pat.id, createdBy: "ada", expiresAt: inAnHour() } as const;
      const now = new Date();
      await people().addLink({ ...link, digest: digest("old") });
      await people().addLink({ ...link, digest: digest("new") });
      expect(await people().getLink(digest("old"), now)).toBeNull();
      expect(await people().getLink(digest("new"), now)).toEqual({
        kind: "password",
        personId: pat.id,
        expiresAt: expect.any(Date),
      });
      expect(await people().takeLink(digest("new"), new Date(now.getTime() + 7_200_000))).toBeNull();
      const taken = await Promise.all(
        [harness.driver, harness.neighbour].map((on) => on.people.takeLink(digest("new"), now)),
      );
      expect(taken.filter((one) => one !== null)).toHaveLength(1);
      const codes = ["a", "b", "c", "d", "e", "f"].map(digest);
      await Promise.all(
        codes.map((digest, index) =>
          (index % 2 === 0 ? harness.driver : harness.neighbour).people.addLink({ ...link, digest }),
        ),
      );
      const living = await Promise.all(codes.map((digest) => people().takeLink(digest, now)));
      expect(living.filter((one) => one !== null)).toHaveLength(1);
      await people().addLink({ ...link, kind: "firstAdmin", personId: null, digest: digest("first") });
      await people().addLink({ ...link, kind: "firstAdmin", personId: null, digest: digest("second") });
      expect(await people().getLink(digest("first"), now)).not.toBeNull();
      const late = { ...link, kind: "firstAdmin", personId: null, digest: digest("late") } as const;
      const both = await harness.driver.transaction(async (tx) => [
        await tx.people.addLink({ ...late, digest: digest("third") }),
        await harness.neighbour.people.addLink(late),
      ]);
      expect(both).toEqual([true, false]);
      expect(await people().getLink(digest("late"), now)).toBeNull();
      expect(await people().trim({ now: inAnHour(), idleSeconds: 60, limit: 100 })).toBe(3);
    });
  });
}
