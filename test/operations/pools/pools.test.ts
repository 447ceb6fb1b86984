import pg from "pg";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Access } from "../../../server/access/access.ts";
import { DomainError } from "../../../server/errors.ts";
import { walk } from "../../conformance/walk.ts";
import { limitedTo } from "../../support/access.ts";
import { postgresByDetour } from "../../support/detour.ts";
import { admin, aService, codeOf, operator, over, refusal, type Service, viewer, withBroken } from "../a-service.ts";

let service: Service;
beforeAll(async () => {
  service = await aService();
});
afterAll(() => service.stop());

const CANARY = "canary-password";

async function aPool(name: string, params: { weight?: number; flavor?: string } = {}) {
  const uri = await service.emptyUri();
  return service.operations.pools.create(admin, { pool: name, uri, weight: 1, ...params });
}

test("the log says which pool's connections broke, and shows no URI", async () => {
  const uri = await service.emptyUri();
  await service.operations.pools.create(admin, { pool: "broken", uri, weight: 0 });
  expect(await service.operations.pools.capabilities(viewer, { pool: "broken" })).not.toBeNull();
  const client = new pg.Client({ connectionString: uri });
  await client.connect();
  await client.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'isimud data'",
  );
  await client.end();
  const told = () => service.logged.filter((line) => line.includes("The pool broken had an error"));
  await vi.waitFor(() => expect(told()).not.toEqual([]));
  expect(service.logged.join()).not.toContain(new URL(uri).password);
  await service.operations.pools.delete(admin, { pool: "broken" });
});

describe("pools", () => {
  test("are registered, verified, changed and deleted by admins, and shown without passwords", async () => {
    const { pools } = service.operations;
    const uri = await service.emptyUri();
    const { password } = new URL(uri);
    expect(password).not.toBe("");
    const { pool, created } = await pools.create(admin, { pool: "one", uri, weight: 3, optionsText: '{"a": 1.0}' });
    expect(created).toBe(true);
    expect(pool).toMatchObject({ name: "one", builtIn: false, weight: 3, flavor: null, optionsText: '{"a": 1.0}' });
    expect(await pools.capabilities(viewer, { pool: "one" })).toContain("CLAIMS");
    expect(await codeOf(pools.create(admin, { pool: "one", uri, weight: 1 }))).toBe("POOL_ALREADY_EXISTS");
    expect(await codeOf(pools.create(admin, { pool: "two", uri, weight: 1 }))).toBe("POOL_URI_IN_USE");
    expect(await pools.update(admin, { pool: "one", weight: 0 })).toMatchObject({
      weight: 0,
      optionsText: '{"a": 1.0}',
    });
    expect(await codeOf(pools.update(admin, { pool: "one" }))).toBe("BAD_INPUT");
    expect(await codeOf(pools.update(admin, { pool: "none", weight: 1 }))).toBe("POOL_DOES_NOT_EXIST");
    const replaced = await pools.create(admin, { pool: "one", uri, weight: 5, replace: true });
    expect(replaced).toMatchObject({ created: false, pool: { weight: 5, optionsText: "{}" } });

    const shown = JSON.stringify([
      await pools.list(viewer, {}),
      await pools.get(viewer, { pool: "one" }),
      await service.operations.audit.list(admin, {}),
    ]);
    expect(shown).not.toContain(password);
    expect(shown).toContain("createPool");

    expect(await pools.delete(admin, { pool: "one" })).toEqual({ deleted: 1 });
    expect(await pools.delete(admin, { pool: "one" })).toEqual({ deleted: 0 });
    for (const change of [
      () => pools.create(operator, { pool: "x", uri, weight: 1 }),
      () => pools.update(operator, { pool: "x", weight: 1 }),
      () => pools.delete(operator, { pool: "x" }),
      () => pools.dropAll(operator, {}),
      () => pools.verify(operator, { uri }),
    ]) {
      expect(await codeOf(change())).toBe("FORBIDDEN");
    }
  });

  test.each([
    [{ pool: "a b" }, "BAD_INPUT"],
    [{ pool: "default" }, "BAD_INPUT"],
    [{ weight: -1 }, "BAD_INPUT"],
    [{ weight: 2 ** 32 }, "BAD_INPUT"],
    [{ weight: 2 ** 32 - 1 }, undefined],
    [{ weight: 0.5 }, "BAD_INPUT"],
    [{ flavor: "a b" }, "BAD_INPUT"],
    [{ optionsText: "[]" }, "BAD_INPUT"],
    [{ uri: "" }, "BAD_INPUT"],
    [{ uri: `postgres://u@h/${"d".repeat(250)}` }, "BAD_INPUT"],
    [{ uri: "nobody://h/d", verify: true }, "BAD_INPUT"],
    [{ uri: `postgres://u:${CANARY}@127.0.0.1:1/d`, verify: true }, "POOL_NOT_REACHABLE"],
  ])("a pool with %j is %s", async (params, code) => {
    const uri = `postgres://u@127.0.0.1:1/limits${Math.random()}`;
    const request = { pool: "limits", uri, weight: 1, verify: false, replace: true, ...params };
    const refused = await refusal(service.operations.pools.create(admin, request));
    expect(refused?.code).toBe(code);
    expect(JSON.stringify(refused ?? {})).not.toContain(CANARY);
    await service.operations.pools.delete(admin, { pool: "limits" });
  });

  test("verifying a URI creates nothing there, and names the pool once it is registered", async () => {
    const { pools } = service.operations;
    const url = new URL(await service.emptyUri());
    url.searchParams.set("schema", "looked_at");
    const uri = url.toString();
    const client = new pg.Client({ connectionString: uri });
    await client.connect();
    const things = async () =>
      (await client.query("SELECT (SELECT count(*) FROM pg_class) + (SELECT count(*) FROM pg_namespace) AS count"))
        .rows;
    const before = await things();
    const { capabilities, registeredAs } = await pools.verify(admin, { uri });
    expect(capabilities).toContain("CLAIMS");
    expect(registeredAs).toBeNull();
    expect(await things()).toEqual(before);
    await pools.create(admin, { pool: "looked-at", uri, weight: 0 });
    expect((await pools.verify(admin, { uri })).registeredAs).toBe("looked-at");
    await pools.delete(admin, { pool: "looked-at" });

    // Verification also says that no pool could be created there.
    await client.query(`REVOKE CREATE ON DATABASE ${url.pathname.slice(1)} FROM CURRENT_USER`);
    url.searchParams.set("schema", "not_to_be_made");
    await expect(pools.verify(admin, { uri: url.toString() })).rejects.toMatchObject({
      code: "POOL_NOT_REACHABLE",
      message: expect.stringContaining("may not make tables"),
    });
    await client.end();
  });

  test.each([
    `postgress://u:${CANARY}@h/d`,
    `u:${CANARY}@localhost:13124`,
    "localhost:13124",
    "0",
    `postgres://u:${CANARY}@h:99999/d`,
    `postgres://u:x/${CANARY}@h/d`,
    `postgres://u:${CANARY}@h/d?sslrootcert=/dev/zero`,
    `redis://u:${CANARY}@h:99999`,
    `redis://u:${CANARY}#@h`,
  ])("the URI %s is refused with and without verification, and not quoted", async (uri) => {
    const { pools } = service.operations;
    for (const attempt of [
      () => pools.create(admin, { pool: "odd", uri, weight: 1, verify: false }),
      () => pools.create(admin, { pool: "odd", uri, weight: 1 }),
      () => pools.update(admin, { pool: "odd", uri, verify: false }),
      () => pools.verify(admin, { uri }),
    ]) {
      const error = await attempt().then(
        () => undefined,
        (thrown: DomainError) => thrown,
      );
      expect(error).toMatchObject({ code: "BAD_INPUT", details: { field: "uri" } });
      expect(error?.message).not.toContain(CANARY);
    }
    expect(await pools.exists(viewer, { pool: "odd" })).toBe(false);
  });

  test("an unreachable pool can be registered without verification", async () => {
    const { pools } = service.operations;
    await pools.create(admin, { pool: "down", uri: "postgres://u@127.0.0.1:1/d", weight: 0, verify: false });
    expect(await pools.capabilities(viewer, { pool: "down" })).toBeNull();
    await pools.delete(admin, { pool: "down" });
  });

  test("the built-in pool stands first in lists, and cannot be changed or deleted", async () => {
    const { pools } = service.operations;
    await aPool("la");
    await aPool("lb");
    const names = async (page: object) => {
      const { items, nextMarker, previousMarker } = await pools.list(viewer, { page });
      return { names: items.map(({ name }) => name), nextMarker, previousMarker };
    };
    expect((await names({})).names).toEqual(["default", "la", "lb"]);
    for (const limit of [1, 2, 3]) {
      const forward: string[] = [];
      let after: string | null = null;
      do {
        const page = await names({ limit, after });
        forward.push(...page.names);
        after = page.nextMarker;
      } while (after !== null);
      expect(forward).toEqual(["default", "la", "lb"]);
      const backward: string[] = [];
      let before: string | null = "zz";
      do {
        const page = await names({ limit, before });
        backward.unshift(...page.names);
        before = page.previousMarker;
      } while (before !== null);
      expect(backward).toEqual(["default", "la", "lb"]);
    }
    const walked = await walk((page) => pools.list(viewer, { page }), [1, 2, 3]);
    expect(walked.map(({ name }) => name)).toEqual(["default", "la", "lb"]);
    expect(await pools.get(viewer, { pool: "default" })).toMatchObject({
      builtIn: true,
      weight: null,
      maskedUri: null,
    });
    expect(await codeOf(pools.update(admin, { pool: "default", weight: 1 }))).toBe("NOT_SUPPORTED");
    expect(await codeOf(pools.delete(admin, { pool: "default" }))).toBe("NOT_SUPPORTED");
    expect(await pools.capabilities(viewer, { pool: "default" })).toContain("FIFO");
    await pools.delete(admin, { pool: "la" });
    await pools.delete(admin, { pool: "lb" });
  });

  test("are not deleted while they hold queues", async () => {
    const { pools, queues } = service.operations;
    await aPool("busy");
    await queues.create(operator, { queue: "in-busy" });
    expect(await service.operations.catalogue.get(viewer, { project: "p", queue: "in-busy" })).toMatchObject({
      pool: "busy",
    });
    expect(await pools.countQueues(viewer, { pools: ["busy", "missing"] })).toEqual([
      { value: 1, exact: true },
      { value: 0, exact: true },
    ]);
    expect(await refusal(pools.delete(admin, { pool: "busy" }))).toMatchObject({
      code: "POOL_IN_USE",
      details: { queues: 1 },
    });
    const { confirmationToken } = await pools.dropAll(admin, {});
    expect(await codeOf(pools.dropAll(admin, { confirmationToken }))).toBe("POOL_IN_USE");
    expect(await pools.exists(viewer, { pool: "busy" })).toBe(true);
    await queues.delete(operator, { queue: "in-busy" });
    expect(await pools.delete(admin, { pool: "busy" })).toEqual({ deleted: 1 });
  });

  test("are dropped all at once only when they are still as a dry run has shown them", async () => {
    const { pools } = service.operations;
    await aPool("d1");
    const dry = await pools.dropAll(admin, {});
    expect(dry).toMatchObject({ dropped: false, count: { value: 1, exact: true } });
    await aPool("d2");
    const confirm = (confirmationToken: string | null) => pools.dropAll(admin, { confirmationToken });
    expect(await codeOf(confirm(dry.confirmationToken))).toBe("CONFIRMATION_REQUIRED");
    expect(await codeOf(confirm("anything"))).toBe("CONFIRMATION_REQUIRED");
    expect(await pools.exists(viewer, { pool: "d1" })).toBe(true);
    const seen = await pools.dropAll(admin, {});
    expect(await confirm(seen.confirmationToken)).toEqual({
      dropped: true,
      count: { value: 2, exact: true },
      confirmationToken: null,
    });
    expect((await pools.list(viewer, {})).items.map(({ name }) => name)).toEqual(["default"]);
  });
});

/** The names of a flavor's pools. */
async function poolsOf(flavor: string): Promise<string[]> {
  return (await service.operations.pools.getByFlavor(viewer, { flavor })).map(({ name }) => name);
}

describe("flavors", () => {
  test("group pools for the queues that name them, and keep their queues in them", async () => {
    const { flavors, pools, queues, catalogue } = service.operations;
    await aPool("plain");
    await aPool("fast-1");
    await aPool("fast-2", { weight: 0 });
    const { flavor, created } = await flavors.create(admin, {
      project: "p",
      flavor: "fast",
      pools: ["fast-2", "fast-1"],
    });
    expect([flavor.project, flavor.name, created]).toEqual(["p", "fast", true]);
    expect(await poolsOf("fast")).toEqual(["fast-1", "fast-2"]);
    expect(await flavors.capabilities(viewer, { project: "p", flavor: "fast" })).toContain("AOD");
    const [none, fast] = await pools.getByFlavors(viewer, { flavors: ["nobody", "fast"] });
    expect([none, fast?.map(({ name }) => name)]).toEqual([[], ["fast-1", "fast-2"]]);
    const many = await flavors.getMany(viewer, {
      flavors: [
        { project: "q", flavor: "fast" },
        { project: "p", flavor: "fast" },
      ],
    });
    expect(many).toEqual([null, flavor]);
    const found = await pools.getMany(viewer, { pools: ["fast-2", "nobody", "default"] });
    expect(found.map((pool) => pool?.name)).toEqual(["fast-2", undefined, "default"]);

    for (let index = 0; index < 5; index += 1) {
      await queues.create(operator, { queue: `fast-${index}`, metadataText: '{"_flavor": "fast"}' });
      await queues.create(operator, { queue: `plain-${index}` });
    }
    const placed = await catalogue.list(viewer, { project: "p" });
    expect(placed.items.every(({ queue, pool }) => pool === (queue.startsWith("fast") ? "fast-1" : "plain"))).toBe(
      true,
    );
    expect(placed.items).toHaveLength(10);

    const change = (metadataText: string) => queues.setMetadata(operator, { queue: "fast-0", metadataText });
    expect(await codeOf(change('{"_flavor": "other"}'))).toBe("FLAVOR_DOES_NOT_EXIST");
    expect(await codeOf(change('{"_flavor": "fast", "a": 1}'))).toBeUndefined();
    await queues.create(operator, { queue: "fast-0" });
    expect((await catalogue.get(viewer, { project: "p", queue: "fast-0" })).pool).toBe("fast-1");

    await pools.update(admin, { pool: "fast-1", weight: 0 });
    const late = queues.create(operator, { queue: "fast-late", metadataText: '{"_flavor": "fast"}' });
    expect(await codeOf(late)).toBe("NO_POOL_FOUND");
    expect(await queues.exists(operator, { queue: "fast-late" })).toBe(false);
    expect(
      await codeOf(queues.create(admin, { project: "other", queue: "q", metadataText: '{"_flavor":"fast"}' })),
    ).toBe("FLAVOR_DOES_NOT_EXIST");
  });

  test("are checked, and scoped by project", async () => {
    const { flavors } = service.operations;
    const create = (params: object) =>
      flavors.create(admin, { project: "p", flavor: "checked", pools: ["plain"], ...params });
    expect(await codeOf(create({ pools: [] }))).toBe("BAD_INPUT");
    expect(await codeOf(create({ pools: ["nobody"] }))).toBe("POOL_DOES_NOT_EXIST");
    expect(await codeOf(create({ pools: ["default"] }))).toBe("BAD_INPUT");
    expect(await codeOf(create({ flavor: "a b" }))).toBe("BAD_INPUT");
    expect(await codeOf(create({ flavor: "fast" }))).toBe("FLAVOR_ALREADY_EXISTS");
    expect(await codeOf(create({ pools: ["fast-1", "fast-2"] }))).toBe("POOL_IN_USE_BY_FLAVOR");
    expect(await flavors.exists(viewer, { project: "p", flavor: "checked" })).toBe(false);
    expect(await codeOf(flavors.update(admin, { project: "p", flavor: "nobody", pools: ["plain"] }))).toBe(
      "FLAVOR_DOES_NOT_EXIST",
    );
    // Also when its pools are the last ones of another flavor.
    expect(await codeOf(flavors.update(admin, { project: "p", flavor: "nobody", pools: ["fast-1", "fast-2"] }))).toBe(
      "FLAVOR_DOES_NOT_EXIST",
    );
    expect(await codeOf(flavors.create(operator, { flavor: "checked", pools: ["plain"] }))).toBe("FORBIDDEN");
    expect(await codeOf(flavors.get(viewer, { project: "q", flavor: "fast" }))).toBe("FLAVOR_DOES_NOT_EXIST");
    await flavors.update(admin, { project: "p", flavor: "fast", pools: ["fast-2"] });
    expect(await poolsOf("fast")).toEqual(["fast-2"]);
    const { pools } = service.operations;
    expect(await codeOf(pools.delete(admin, { pool: "fast-2" }))).toBe("POOL_IN_USE_BY_FLAVOR");
    // Neither another project nor an update of the pool can take the last pool away from a flavor.
    const elsewhere = flavors.create(admin, { project: "q", flavor: "thief", pools: ["fast-2"] });
    expect(await codeOf(elsewhere)).toBe("POOL_IN_USE_BY_FLAVOR");
    expect(await codeOf(pools.update(admin, { pool: "fast-2", flavor: null }))).toBe("POOL_IN_USE_BY_FLAVOR");
    const anew = { pool: "fast-2", uri: await service.emptyUri(), weight: 1, replace: true, verify: false };
    expect(await codeOf(pools.create(admin, anew))).toBe("POOL_IN_USE_BY_FLAVOR");
    expect((await pools.update(admin, { pool: "fast-2", weight: 2 })).flavor).toBe("fast");
  });

  test("of a project are dropped as a dry run has shown them, and their pools have no flavor then", async () => {
    const { flavors, pools } = service.operations;
    const dry = await flavors.dropAll(admin, { project: "p" });
    expect(dry).toMatchObject({ dropped: false, count: { value: 1, exact: true } });
    const { dropped } = await flavors.dropAll(admin, { project: "p", confirmationToken: dry.confirmationToken });
    expect(dropped).toBe(true);
    expect(await pools.get(viewer, { pool: "fast-2" })).toMatchObject({ flavor: null });
    expect(await flavors.delete(admin, { project: "p", flavor: "fast" })).toEqual({ deleted: 0 });
  });

  test("of all projects are listed and dropped by callers who may see all", async () => {
    const { flavors, pools } = service.operations;
    for (const project of ["p", "q"]) await flavors.create(admin, { project, flavor: "wide", pools: ["fast-2"] });
    const all = { allProjects: true };
    const seen = async (access: Access) =>
      (await flavors.list(access, all)).items.map(({ project, name }) => [project, name]);
    expect(await seen(admin)).toEqual([
      ["p", "wide"],
      ["q", "wide"],
    ]);
    expect(await seen(operator), "a caller with one project").toEqual([["p", "wide"]]);
    expect(await seen(viewer), "a caller with some projects").toEqual(await seen(admin));
    expect(await codeOf(flavors.list(admin, { ...all, project: "p" }))).toBe("BAD_INPUT");
    expect(await codeOf(flavors.dropAll(operator, all))).toBe("FORBIDDEN");
    const { confirmationToken } = await flavors.dropAll(admin, all);
    await flavors.create(admin, { project: "q", flavor: "late", pools: ["fast-1"] });
    expect(await codeOf(flavors.dropAll(admin, { ...all, confirmationToken }))).toBe("CONFIRMATION_REQUIRED");
    const dry = await flavors.dropAll(admin, all);
    expect(dry).toMatchObject({ dropped: false, count: { value: 3, exact: true } });
    const { dropped } = await flavors.dropAll(admin, { ...all, confirmationToken: dry.confirmationToken });
    expect(dropped).toBe(true);
    expect(await seen(admin)).toEqual([]);
    for (const pool of ["fast-1", "fast-2"]) expect(await pools.get(viewer, { pool })).toMatchObject({ flavor: null });
    const { items } = await service.operations.audit.list(admin, {});
    expect(items[0]).toMatchObject({ action: "dropAllFlavors", project: null, target: "*", outcome: "done" });
  });
});

describe("the catalogue", () => {
  const post = (queue: string) => service.operations.messages.post(operator, { queue, messages: [{ bodyText: "1" }] });

  test("maps a queue to another pool only when no message is lost or discardMessages is set, and then no process writes to the old pool", async () => {
    const { catalogue, queues, messages } = service.operations;
    const other = await service.another();
    await aPool("from");
    await aPool("to");
    await queues.create(operator, { queue: "mapped" });
    await catalogue.insert(admin, { project: "p", queue: "mapped", pool: "from" });
    await post("mapped");
    await other.operations.messages.list(operator, { queue: "mapped" });
    const move = (more: object = {}) => catalogue.update(admin, { project: "p", queue: "mapped", pool: "to", ...more });
    expect(await refusal(move())).toMatchObject({
      code: "CONFIRMATION_REQUIRED",
      details: { messages: 1, pool: "from" },
    });
    expect(await codeOf(move({ pool: "nobody", discardMessages: true }))).toBe("POOL_DOES_NOT_EXIST");
    expect(await move({ discardMessages: true })).toMatchObject({ pool: "to" });
    expect((await queues.stats(operator, { queue: "mapped" })).total).toBe(0);
    // The other process caches the old location for a second.
    await other.operations.messages.post(operator, { queue: "mapped", messages: [{ bodyText: "2" }] });
    expect((await messages.list(operator, { queue: "mapped" })).items.map(({ bodyText }) => bodyText)).toEqual(["2"]);
    expect((await queues.stats(operator, { queue: "mapped" })).total).toBe(1);
    const again = await move();
    expect(again.epoch).toBe((await catalogue.get(admin, { project: "p", queue: "mapped" })).epoch);
  });

  test("refuses invalid requests, and callers without the role", async () => {
    const { catalogue } = service.operations;
    const entry = { project: "p", queue: "nowhere", pool: "to" };
    expect(await codeOf(catalogue.insert(admin, entry))).toBe("QUEUE_DOES_NOT_EXIST");
    expect(await codeOf(catalogue.update(admin, entry))).toBe("QUEUE_DOES_NOT_EXIST");
    expect(await codeOf(catalogue.get(admin, entry))).toBe("QUEUE_NOT_MAPPED");
    expect(await codeOf(catalogue.insert(operator, entry))).toBe("FORBIDDEN");
    expect(await codeOf(catalogue.delete(operator, entry))).toBe("FORBIDDEN");
    const { items } = await catalogue.list(viewer, { allProjects: true });
    expect(items.every(({ project }) => ["p", "q"].includes(project))).toBe(true);
  });

  test("a queue whose entry is deleted cannot be used until the entry is created again", async () => {
    const { catalogue, queues } = service.operations;
    await queues.create(operator, { queue: "cut" });
    await post("cut");
    const entry = { project: "p", queue: "cut" };
    expect(await codeOf(catalogue.delete(admin, entry))).toBe("CONFIRMATION_REQUIRED");
    expect(await catalogue.delete(admin, { ...entry, discardMessages: true })).toEqual({ deleted: 1 });
    expect(await catalogue.delete(admin, entry)).toEqual({ deleted: 0 });
    const { messages, claims } = service.operations;
    const uses = [
      () => post("cut"),
      () => messages.list(viewer, { project: "p", queue: "cut" }),
      () => messages.pop(operator, { queue: "cut" }),
      () => queues.stats(viewer, { project: "p", queue: "cut" }),
      () => queues.purge(operator, { queue: "cut" }),
      () => claims.create(operator, { queue: "cut" }),
      () => claims.list(viewer, { project: "p", queue: "cut" }),
      () => service.operations.subscriptions.list(viewer, { project: "p", queue: "cut" }),
    ];
    for (const use of uses) {
      await expect(use(), String(use)).rejects.toMatchObject({
        code: "QUEUE_NOT_MAPPED",
        message: expect.stringMatching(/createQueue .* insertCatalogueEntry/),
        details: { project: "p", queue: "cut" },
      });
    }
    expect(await queues.statsMany(viewer, { queues: [{ project: "p", queue: "cut" }] })).toEqual([null]);
    expect(await queues.create(operator, { queue: "cut" })).toMatchObject({ created: false });
    await post("cut");
    expect((await queues.stats(operator, { queue: "cut" })).total).toBe(1);
    expect(await catalogue.delete(admin, { ...entry, discardMessages: true })).toEqual({ deleted: 1 });
    await messages.post(operator, { queue: "cut", createQueue: true, messages: [{ bodyText: "2" }] });
    expect((await queues.stats(operator, { queue: "cut" })).total).toBe(1);
  });

  test("maps a queue to an unreachable pool, where calls to it fail, and away from that pool again", async () => {
    const { catalogue, queues } = service.operations;
    const detour = await postgresByDetour(await service.emptyUri());
    await service.operations.pools.create(admin, { pool: "away", uri: detour.uri, weight: 0 });
    await queues.create(operator, { queue: "early" });
    detour.close();
    const entry = { project: "p", queue: "early" };
    expect(await catalogue.insert(admin, { ...entry, pool: "away" })).toMatchObject({ ...entry, pool: "away" });
    expect(await refusal(post("early"))).toMatchObject({ code: "STORAGE_UNAVAILABLE", details: { pool: "away" } });
    const [row] = (await service.operations.audit.list(admin, { page: { limit: 1 } })).items;
    expect(row).toMatchObject({ action: "insertCatalogueEntry", target: "early", outcome: "done" });
    await catalogue.update(admin, { ...entry, pool: "to", discardMessages: true });
    await post("early");
  });

  test("says how to delete or change an entry whose pool is unreachable", async () => {
    const { queues } = service.operations;
    await queues.create(operator, { queue: "stuck" });
    await service.operations.catalogue.insert(admin, { project: "p", queue: "stuck", pool: "to" });
    const cause = new Error("connect ECONNREFUSED");
    const away = new DomainError("STORAGE_UNAVAILABLE", "The storage cannot be reached.", { cause });
    const fails = () => Promise.reject(away);
    const driver = await service.data.pool("to");
    const dead = over(driver, { messages: over(driver.messages, { stats: fails }), detachQueue: fails });
    const entry = { project: "p", queue: "stuck" };
    for (const pool of [fails, async () => dead]) {
      const { catalogue } = withBroken(service, { data: { pool } });
      const told = {
        code: "STORAGE_UNAVAILABLE",
        message: expect.stringMatching(
          /^The pool to does not answer .* pass discardMessages\. .* cannot be reached\.$/,
        ),
        details: { pool: "to" },
        cause,
      };
      await expect(catalogue.delete(admin, entry)).rejects.toMatchObject(told);
      await expect(catalogue.update(admin, { ...entry, pool: "from" })).rejects.toMatchObject(told);
      expect(await codeOf(catalogue.insert(admin, { ...entry, pool: "nope" }))).toBe("POOL_DOES_NOT_EXIST");
    }
    const { catalogue } = withBroken(service, { data: { pool: fails } });
    expect(await catalogue.delete(admin, { ...entry, discardMessages: true })).toEqual({ deleted: 1 });
    await queues.delete(operator, { queue: "stuck" });
  });

  test("is dropped as a dry run has shown it, by callers who may see all projects", async () => {
    const { catalogue } = service.operations;
    const limited = limitedTo(admin, "admin", ["p"]);
    expect(await codeOf(catalogue.dropAll(limited, {}))).toBe("FORBIDDEN");
    const { confirmationToken, count } = await catalogue.dropAll(admin, {});
    expect(count.value).toBeGreaterThan(10);
    expect(await catalogue.dropAll(admin, { confirmationToken })).toMatchObject({ dropped: true });
    expect((await catalogue.list(admin, { allProjects: true })).items).toEqual([]);
    expect((await service.operations.audit.list(admin, { page: { limit: 1 } })).items).toMatchObject([
      { action: "dropAllCatalogueEntries", outcome: "done", detailsText: JSON.stringify({ count }) },
    ]);
  });

  test("a flavor whose pools were registered before it needs to name none", async () => {
    const { flavors, pools } = service.operations;
    const early = { project: "p", flavor: "early", pools: [] };
    expect(await refusal(flavors.create(admin, early))).toMatchObject({
      code: "BAD_INPUT",
      details: { field: "pools" },
    });
    await aPool("early-1", { flavor: "early" });
    expect((await flavors.create(admin, early)).created).toBe(true);
    expect(await poolsOf("early")).toEqual(["early-1"]);
    expect(await codeOf(flavors.update(admin, early))).toBe("BAD_INPUT");
    expect(await codeOf(pools.delete(admin, { pool: "early-1" }))).toBe("POOL_IN_USE_BY_FLAVOR");
    await flavors.delete(admin, { project: "p", flavor: "early" });
    await pools.delete(admin, { pool: "early-1" });
  });
});
