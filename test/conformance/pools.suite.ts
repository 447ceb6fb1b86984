import { setTimeout } from "node:timers/promises";
import { inspect } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { NewPool } from "../../server/storage/control-driver.ts";
import { type ControlDriverHarness, inByteOrder, type OpenControlDriver, unique } from "./control-harness.ts";
import { walk } from "./walk.ts";

export function describePools(name: string, open: OpenControlDriver): void {
  describe(`pools on ${name}`, () => {
    let harness: ControlDriverHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());
    beforeEach(async () => {
      await harness.driver.catalogue.dropAll();
      await harness.driver.flavors.dropAll();
      await harness.driver.pools.dropAll();
    });

    const pools = () => harness.driver.pools;
    const aPool = (changes: Partial<NewPool> = {}): NewPool => ({
      name: unique("pool"),
      uri: `postgresql://user:secret@${unique("host")}/db`,
      weight: 10,
      ...changes,
    });

    it("returns a created pool with all its fields and its URI masked beside it", async () => {
      const pool = aPool({
        uri: "postgresql://user:secret@Host.example/db?schema=a",
        flavor: "gold",
        optionsText: '{"a":1}',
      });
      expect(await pools().create(pool)).toBe(true);
      expect(await pools().exists(pool.name)).toBe(true);
      expect(await pools().get(pool.name)).toEqual({
        ...pool,
        identity: null,
        maskedUri: "postgresql://user:***@Host.example/db?schema=a",
        createdAt: expect.any(Date),
        updatedAt: expect.any(Date),
      });
    });

    it("gives a pool no flavor and the options {} by default, and accepts any whole weight of 0 or more", async () => {
      const pool = aPool({ weight: Number.MAX_SAFE_INTEGER });
      await pools().create(pool);
      expect(await pools().get(pool.name)).toMatchObject({ flavor: null, optionsText: "{}", weight: pool.weight });
      await expect(pools().create(aPool({ weight: 0.5 }))).rejects.toMatchObject({ code: "BAD_INPUT" });
      await expect(pools().create(aPool({ weight: -1 }))).rejects.toMatchObject({ code: "BAD_INPUT" });
    });

    it("replaces a pool of the same name: every field is set anew", async () => {
      const pool = aPool({ flavor: "gold", optionsText: '{"a":1}' });
      await pools().create(pool);
      const second = { name: pool.name, uri: `${pool.uri}2`, weight: 0 };
      expect(await pools().create(second)).toBe(false);
      expect(await pools().get(pool.name)).toMatchObject({ ...second, flavor: null, optionsText: "{}" });
    });

    it("a pool may be replaced with its own URI", async () => {
      const pool = aPool();
      await pools().create(pool);
      expect(await pools().create({ ...pool, weight: 3 })).toBe(false);
      expect((await pools().get(pool.name)).weight).toBe(3);
    });

    it("refuses a server and namespace that another pool has, however the URI is written", async () => {
      const inUse = { code: "POOL_URI_IN_USE" };
      const first = aPool({ uri: "postgresql://user:secret@db.example:5432/one?schema=public" });
      await pools().create(first);
      for (const uri of [
        "postgres://other:password@DB.example/one",
        "postgresql://db.example./one/?sslmode=require",
        "postgresql://db.example:5432/%6fne?application_name=x",
      ]) {
        await expect(pools().create(aPool({ uri }))).rejects.toMatchObject({ ...inUse, details: { pool: first.name } });
      }
      const other = aPool({ uri: "postgresql://user:secret@db.example/one?schema=other" });
      expect(await pools().create(other)).toBe(true);
      await expect(pools().update(other.name, { uri: first.uri })).rejects.toMatchObject(inUse);
      expect((await pools().get(other.name)).uri).toBe(other.uri);
      await pools().delete(first.name);
      await pools().update(other.name, { uri: first.uri });
    });

    it("refuses the server and namespace of the control database, and the name of the built-in pool", async () => {
      await expect(pools().create(aPool({ uri: harness.defaultPoolUri }))).rejects.toMatchObject({
        code: "POOL_URI_IN_USE",
      });
      const pool = aPool();
      await pools().create(pool);
      await expect(pools().update(pool.name, { uri: harness.defaultPoolUri })).rejects.toMatchObject({
        code: "POOL_URI_IN_USE",
      });
      await expect(pools().create(aPool({ name: "default" }))).rejects.toMatchObject({ code: "BAD_INPUT" });
      const beside = new URL(harness.defaultPoolUri);
      beside.searchParams.set("schema", "another");
      expect(await pools().create(aPool({ uri: beside.toString() }))).toBe(true);
    });

    it("refuses a store whose identity another pool or the control database has, whatever the URIs say", async () => {
      const identity = unique("store");
      const first = aPool({ identity });
      await pools().create(first);
      expect((await pools().get(first.name)).identity).toBe(identity);
      expect(await pools().findByIdentity(identity)).toBe(first.name);
      expect(await pools().findByIdentity(unique("store"))).toBeNull();
      const inUse = { code: "POOL_URI_IN_USE", details: { pool: first.name } };
      await expect(pools().create(aPool({ identity }))).rejects.toMatchObject(inUse);
      const other = aPool();
      await pools().create(other);
      await expect(pools().update(other.name, { uri: aPool().uri, identity })).rejects.toMatchObject(inUse);
      expect(await pools().note({ name: other.name, uri: other.uri, identity })).toBe(first.name);
      expect((await pools().get(other.name)).identity).toBeNull();
      const own = { identity: await harness.ownIdentity() };
      await expect(pools().create(aPool(own))).rejects.toMatchObject({ details: { pool: "default" } });
      expect(await pools().findByIdentity(own.identity)).toBe("default");
      const identities = [unique("store"), own.identity, identity, own.identity];
      expect(await pools().findByIdentities(identities)).toEqual([null, "default", first.name, "default"]);
      expect(await pools().findByIdentities([])).toEqual([]);
      await pools().delete(first.name);
      expect(await pools().create(aPool({ identity }))).toBe(true);
    });

    it("keeps the identity of a store while the URI names the same server and namespace, and notes it for that URI only", async () => {
      const pool = aPool();
      await pools().create(pool);
      const [identity, next] = [unique("store"), unique("store")];
      expect(await pools().note({ name: pool.name, uri: pool.uri, identity })).toBeNull();
      const known = async () => (await pools().get(pool.name)).identity;
      expect(await known()).toBe(identity);
      await pools().update(pool.name, { uri: pool.uri.replace("secret", "changed") });
      expect(await known()).toBe(identity);
      await pools().update(pool.name, { weight: 3 });
      expect(await known()).toBe(identity);
      expect(await pools().note({ name: pool.name, uri: pool.uri, identity: next })).toBeNull();
      expect(await known()).toBe(next);
      const elsewhere = aPool().uri;
      await pools().update(pool.name, { uri: elsewhere });
      expect(await known()).toBeNull();
      expect(await pools().note({ name: pool.name, uri: pool.uri, identity })).toBeNull();
      expect(await pools().note({ name: unique("gone"), uri: pool.uri, identity })).toBeNull();
      expect(await known()).toBeNull();
    });

    it("lists a pool among the losses once its store came back empty or as another one, until its URI is set again or it is replaced", async () => {
      const [flushed, replaced, well] = [aPool(), aPool(), aPool()];
      for (const pool of [flushed, replaced, well]) {
        await pools().create(pool);
        await pools().note({ name: pool.name, uri: pool.uri, identity: unique("store") });
      }
      const losses = async () => (await harness.neighbour.pools.listLosses()).map(({ pool }) => pool);
      expect(await losses()).toEqual([]);

      const { identity } = await pools().get(flushed.name);
      const before = Date.now();
      await pools().note({ name: flushed.name, uri: flushed.uri, identity: identity as string, lost: true });
      await pools().note({ name: replaced.name, uri: replaced.uri, identity: unique("store") });
      expect(await losses()).toEqual([flushed.name, replaced.name].sort());
      for (const { at } of await pools().listLosses()) expect(at.getTime()).toBeGreaterThanOrEqual(before);

      await pools().update(flushed.name, { weight: 2 });
      expect(await losses()).toContain(flushed.name);
      await pools().update(flushed.name, { uri: flushed.uri });
      expect(await losses()).toEqual([replaced.name]);
      await pools().create(replaced);
      expect(await losses()).toEqual([]);
    });

    it("lists a pool among the twins while its store is that of another pool, until its URI is set again or the other is gone", async () => {
      const identity = unique("store");
      const first = aPool({ identity });
      const second = aPool();
      for (const pool of [first, second]) await pools().create(pool);
      const twins = async () => (await harness.neighbour.pools.listTwins()).filter(({ pool }) => pool === second.name);
      const found = { name: second.name, uri: second.uri, identity };
      const twin = [{ pool: second.name, sameAs: first.name }];
      expect(await twins()).toEqual([]);
      await pools().note({ ...found, uri: aPool().uri });
      expect(await twins()).toEqual([]);
      await pools().note(found);
      expect(await twins()).toEqual(twin);
      await pools().update(second.name, { weight: 2 });
      expect(await twins()).toEqual(twin);
      await pools().update(second.name, { uri: second.uri });
      expect(await twins()).toEqual([]);
      await pools().note(found);
      await pools().delete(first.name);
      expect(await twins()).toEqual([]);
      await pools().note({ ...found, identity: await harness.ownIdentity() });
      expect(await twins()).toEqual([{ pool: second.name, sameAs: "default" }]);
      await pools().note({ ...found, identity: unique("store") });
      expect(await twins()).toEqual([]);
    });

    it("refuses another store for a pool that queues are mapped to, unless the identity of the new store is unknown", async () => {
      const pool = aPool({ identity: unique("store") });
      await pools().create(pool);
      await harness.driver.catalogue.insert({ project: "p", name: "q" }, pool.name);
      const elsewhere = { uri: aPool().uri, identity: unique("store") };
      const refused = { code: "POOL_IN_USE", details: { pool: pool.name, queues: 1, exact: true } };
      await expect(pools().update(pool.name, elsewhere)).rejects.toMatchObject(refused);
      await expect(pools().create({ ...pool, ...elsewhere })).rejects.toMatchObject(refused);
      expect((await pools().get(pool.name)).uri).toBe(pool.uri);
      await pools().update(pool.name, { uri: aPool().uri, identity: pool.identity });
      await pools().update(pool.name, { uri: elsewhere.uri });
      expect(await pools().get(pool.name)).toMatchObject({ uri: elsewhere.uri, identity: null });
      await harness.driver.catalogue.dropAll();
    });

    it("of many concurrent creates with one store under several URIs, one succeeds", async () => {
      const identity = unique("store");
      const results = await Promise.allSettled(
        Array.from({ length: 6 }, (_, index) =>
          (index % 2 === 0 ? harness.driver : harness.neighbour).pools.create(aPool({ identity })),
        ),
      );
      expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
      for (const result of results) {
        if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "POOL_URI_IN_USE" });
      }
    });

    it("of many concurrent creates with one URI, one succeeds", async () => {
      const uri = aPool().uri;
      const results = await Promise.allSettled(
        Array.from({ length: 6 }, (_, index) =>
          (index % 2 === 0 ? harness.driver : harness.neighbour).pools.create(aPool({ uri })),
        ),
      );
      expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
      for (const result of results) {
        if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "POOL_URI_IN_USE" });
      }
    });

    it("of many concurrent creates with one name, one is told that the pool is new", async () => {
      const pool = aPool();
      const results = await Promise.all(
        Array.from({ length: 6 }, (_, index) =>
          (index % 2 === 0 ? harness.driver : harness.neighbour).pools.create({ ...pool, weight: index }),
        ),
      );
      expect(results.filter(Boolean)).toHaveLength(1);
    });

    it("updates the given fields and nothing else", async () => {
      const pool = aPool({ flavor: "gold" });
      await pools().create(pool);
      expect(await pools().update(pool.name, { weight: 0 })).toMatchObject({ ...pool, weight: 0 });
      expect(await pools().update(pool.name, { flavor: null })).toMatchObject({ flavor: null, weight: 0 });
      expect(await pools().update(pool.name, { optionsText: '{"x":1}' })).toMatchObject({ optionsText: '{"x":1}' });
      const uri = "postgresql://new:secret@elsewhere/db";
      expect(await pools().update(pool.name, { uri })).toMatchObject({ uri, optionsText: '{"x":1}' });
      await expect(pools().update(pool.name, {})).rejects.toMatchObject({ code: "BAD_INPUT" });
      await expect(pools().update(unique("gone"), { weight: 1 })).rejects.toMatchObject({
        code: "POOL_DOES_NOT_EXIST",
      });
    });

    it("lists by name, both ways", async () => {
      const names = ["b", "a", "B", "é", "a.a", "😀"];
      for (const one of names) await pools().create(aPool({ name: one }));
      expect((await walk((page) => pools().list({ page }))).map((pool) => pool.name)).toEqual(inByteOrder(names));
    });

    it("returns the pools of a flavor, and those without a flavor", async () => {
      for (const [one, flavor] of Object.entries({ a: "gold", b: null, c: "gold", d: "silver" })) {
        await pools().create(aPool({ name: one, flavor }));
      }
      const of = async (flavor: string | null) => (await pools().getPoolsByFlavor(flavor)).map((pool) => pool.name);
      expect(await of("gold")).toEqual(["a", "c"]);
      expect(await of(null)).toEqual(["b"]);
      expect(await of("lead")).toEqual([]);
      const ofMany = async (flavors: (string | null)[]) =>
        (await pools().getPoolsByFlavors(flavors)).map((pool) => [pool.flavor, pool.name]);
      expect((await ofMany(["silver", "gold", "lead"])).sort()).toEqual([
        ["gold", "a"],
        ["gold", "c"],
        ["silver", "d"],
      ]);
      expect(await ofMany([null, "silver"])).toEqual(
        expect.arrayContaining([
          [null, "b"],
          ["silver", "d"],
        ]),
      );
      expect(await ofMany([])).toEqual([]);
    });

    it("returns many pools at once, without those that are missing", async () => {
      for (const one of ["a", "b", "c"]) await pools().create(aPool({ name: one }));
      const found = await pools().getMany(["c", "missing", "a", "a"]);
      expect(found.map((pool) => pool.name).sort()).toEqual(["a", "c"]);
      expect(found.find((pool) => pool.name === "a")).toEqual(await pools().get("a"));
      expect(await pools().getMany([])).toEqual([]);
    });

    it("deletes a pool, and deleting a missing one is no error", async () => {
      const pool = aPool();
      await pools().create(pool);
      await pools().delete(pool.name);
      await pools().delete(pool.name);
      expect(await pools().exists(pool.name)).toBe(false);
      await expect(pools().get(pool.name)).rejects.toMatchObject({ code: "POOL_DOES_NOT_EXIST" });
    });

    it("refuses to delete a pool that queues are mapped to", async () => {
      const pool = aPool();
      await pools().create(pool);
      const queue = { project: "p", name: "q" };
      await harness.driver.catalogue.insert(queue, pool.name);
      await harness.driver.catalogue.insert({ project: "", name: "q" }, pool.name);
      await expect(pools().delete(pool.name)).rejects.toMatchObject({
        code: "POOL_IN_USE",
        details: { queues: 2, exact: true },
      });
      await harness.driver.catalogue.dropAll();
      await pools().delete(pool.name);
    });

    it("refuses to delete the last pool of a flavor that exists", async () => {
      const flavor = unique("flavor");
      for (const one of ["a", "b"]) await pools().create(aPool({ name: one, flavor }));
      await harness.driver.flavors.create({ project: "p", name: flavor, pools: ["a", "b"] });
      await pools().delete("a");
      await expect(pools().delete("b")).rejects.toMatchObject({ code: "POOL_IN_USE_BY_FLAVOR", details: { flavor } });
      await harness.driver.flavors.delete({ project: "p", name: flavor });
      await pools().delete("b");
      await pools().create(aPool({ name: "c", flavor }));
      await pools().delete("c");
    });

    it("two concurrent deletes leave a flavor its last pool", async () => {
      for (let round = 0; round < 5; round += 1) {
        const flavor = unique("flavor");
        const [a, b] = [aPool({ flavor }), aPool({ flavor })];
        for (const pool of [a, b]) await pools().create(pool);
        await harness.driver.flavors.create({ project: "p", name: flavor, pools: [a.name, b.name] });
        const results = await Promise.allSettled([pools().delete(a.name), harness.neighbour.pools.delete(b.name)]);
        expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
        expect(await pools().getPoolsByFlavor(flavor)).toHaveLength(1);
      }
    });

    it("a delete waits for a transaction that maps a queue to the pool, and is then refused", async () => {
      const pool = aPool();
      await pools().create(pool);
      let removal: Promise<unknown> = Promise.resolve();
      await harness.driver.transaction(async (tx) => {
        await tx.catalogue.insert({ project: "p", name: unique("q") }, pool.name);
        removal = harness.neighbour.pools.delete(pool.name).catch((error: unknown) => error);
        // A delete that does not wait has time to finish before this transaction commits.
        await Promise.race([removal, setTimeout(300)]);
        expect(await tx.pools.exists(pool.name)).toBe(true);
      });
      expect(await removal).toMatchObject({ code: "POOL_IN_USE", details: { queues: 1 } });
      expect(await pools().exists(pool.name)).toBe(true);
    });

    it("of a concurrent delete and insert into the catalogue exactly one succeeds, when the insert checks that the pool exists", async () => {
      for (let round = 0; round < 20; round += 1) {
        const pool = aPool();
        const queue = { project: "p", name: unique("q") };
        await pools().create(pool);
        const [mapped, removed] = await Promise.allSettled([
          harness.driver.transaction(async (tx) => {
            await tx.catalogue.insert(queue, pool.name);
            if (!(await tx.pools.exists(pool.name))) throw new Error("The pool is gone.");
          }),
          harness.neighbour.pools.delete(pool.name),
        ]);
        expect([mapped.status, removed.status].sort()).toEqual(["fulfilled", "rejected"]);
        expect(await pools().exists(pool.name)).toBe(mapped.status === "fulfilled");
        expect(await harness.driver.catalogue.exists(queue)).toBe(mapped.status === "fulfilled");
      }
    });

    it("drops all pools", async () => {
      await pools().create(aPool());
      await pools().dropAll();
      expect((await pools().list({ page: { limit: 10 } })).items).toEqual([]);
    });

    it("keeps a URI's password out of the store, and out of every error", async () => {
      const canary = `canary${unique("")}`;
      const pool = aPool({ uri: `postgresql://user:${canary}@${unique("h")}/db?sslpassword=${canary}` });
      await pools().create(pool);
      expect(await harness.storedText()).toContain(pool.name);
      expect(await harness.storedText()).not.toContain(canary);
      expect((await pools().get(pool.name)).maskedUri).not.toContain(canary);
      const errors = await Promise.allSettled([
        pools().create({ ...pool, name: unique("again") }),
        pools().create({ ...pool, weight: -1 }),
        pools().create({ ...pool, name: "\u0000" }),
        pools().update(unique("gone"), { uri: `${pool.uri}x` }),
        pools().update(pool.name, { uri: `postgresql://u:${canary}@h/\u0000` }),
      ]);
      for (const result of errors) {
        expect(result.status).toBe("rejected");
        if (result.status === "rejected") expect(inspect(result.reason, { depth: 9 })).not.toContain(canary);
      }
    });
  });
}
