import { afterAll, beforeAll, expect, test } from "vitest";
import { DomainError } from "../../../server/errors.ts";
import { admin, aService, codeOf, operator, refusal, type Service, withBroken } from "../a-service.ts";

let service: Service;
beforeAll(async () => {
  service = await aService();
});
afterAll(() => service.stop());

const stores = () => service.operations.keyValueStores;

test("a store is created once for all processes, and keeps JSON exactly as it was sent", async () => {
  const other = await service.another();
  await stores().create(admin, { store: "mine", expirationSeconds: 1000 });
  expect(await codeOf(stores().create(admin, { store: "mine" }))).toBe("STORE_ALREADY_CONFIGURED");
  const valueText = '{"big": 12345678901234567890, "one" : 1.0}';
  await stores().setValue(admin, { store: "mine", key: "a b/é", valueText });
  const there = other.operations.keyValueStores;
  expect(await there.getValue(admin, { store: "mine", key: "a b/é" })).toBe(valueText);
  await there.setValues(admin, {
    store: "mine",
    entries: [
      { key: "x", valueText: "1" },
      { key: "y", valueText: "2" },
    ],
  });
  expect(await stores().getValues(admin, { store: "mine", keys: ["y", "x"] })).toEqual(["2", "1"]);
  expect(await stores().getValues(admin, { store: "mine", keys: ["x", "nope"] })).toEqual(["1", null]);
  const missing = stores().getValue(admin, { store: "mine", key: "nope" });
  expect(await refusal(missing)).toMatchObject({ code: "KEY_DOES_NOT_EXIST", details: { key: "nope" } });
  expect((await stores().keys(admin, { store: "mine" })).items.map(({ key }) => key)).toEqual(["a b/é", "x", "y"]);
  const [mine] = (await stores().list(admin, { page: { after: "l" } })).items;
  const times = { lockTimeoutSeconds: 5, expirationSeconds: 1000 };
  expect(mine).toEqual({ name: "mine", backingStore: "postgres", internal: false, ...times });
  expect(await stores().countMany(admin, { stores: ["mine"] })).toEqual([{ value: 3, exact: true }]);
  expect(await stores().deleteValue(admin, { store: "mine", key: "x" })).toEqual({ deleted: 1 });
  expect(await stores().deleteValue(admin, { store: "mine", key: "x" })).toEqual({ deleted: 0 });
  expect(await stores().deleteValues(admin, { store: "mine", keys: ["y", "never"] })).toEqual({ deleted: 1 });
  service.clock.offsetMs += 1_001_000;
  expect((await stores().keys(admin, { store: "mine" })).items).toEqual([]);
});

test("the creation of a store reports success though the storage fails after it", async () => {
  const away = async () => {
    throw new DomainError("STORAGE_UNAVAILABLE", "The storage cannot be reached.");
  };
  const { keyValueStores } = withBroken(service, {
    stores: {
      get: (...params) => service.stores.get(...params),
      region: (name) => service.stores.region(name),
      create: (...params) => service.stores.create(...params),
      getMany: away,
    },
  });
  const times = { lockTimeoutSeconds: 5, expirationSeconds: null };
  const store = { name: "unread", backingStore: "postgres", internal: false, ...times };
  expect(await keyValueStores.create(admin, { store: "unread" })).toEqual({ store, created: true });
});

test("a store is set up at each start: later values and locks follow its new settings, in every process", async () => {
  const other = await service.another();
  const there = other.operations.keyValueStores;
  const on = { store: "provisioned" };
  const set = (settings: object) => stores().create(admin, { ...on, replace: true, ...settings });
  expect((await set({ expirationSeconds: 100 })).created).toBe(true);
  for (const operations of [stores(), there]) await operations.setValue(admin, { ...on, key: "old", valueText: "1" });
  expect(await set({ expirationSeconds: 1000, lockTimeoutSeconds: 60 })).toMatchObject({
    created: false,
    store: { name: "provisioned", internal: false },
  });
  expect(await codeOf(stores().create(admin, on))).toBe("STORE_ALREADY_CONFIGURED");
  await stores().setValue(admin, { ...on, key: "here", valueText: "1" });
  service.clock.offsetMs += 5000;
  await there.setValue(admin, { ...on, key: "there", valueText: "1" });
  service.clock.offsetMs += 500_000;
  expect(await stores().getValues(admin, { ...on, keys: ["old", "here", "there"] })).toEqual([null, "1", "1"]);
  expect(await codeOf(stores().create(admin, { store: "isimud.stores", replace: true }))).toBe("BAD_INPUT");
});

test("a lock lasts and waits as long as its caller asks, and any process renews it", async () => {
  const other = await service.another();
  await stores().create(admin, { store: "renewed" });
  const on = { store: "renewed", key: "k" };
  const lock = await stores().acquireLock(admin, { ...on, ttlSeconds: 100 });
  service.clock.offsetMs += 90_000;
  const renewed = await other.operations.keyValueStores.renewLock(admin, { ...on, lockToken: lock.lockToken });
  expect(renewed).toEqual({ ...lock, expiresAt: expect.any(Date) });
  expect(renewed.expiresAt.getTime()).toBeLessThan(lock.expiresAt.getTime());
  expect(await codeOf(stores().acquireLock(admin, { ...on, waitSeconds: 0 }))).toBe("LOCK_TIMEOUT");
  service.clock.offsetMs += 5000;
  const next = await stores().acquireLock(admin, { ...on, waitSeconds: 0 });
  expect(next.fence).toBeGreaterThan(lock.fence);
  expect(await codeOf(stores().renewLock(admin, { ...on, lockToken: lock.lockToken }))).toBe("LOCK_NOT_VALID");
  for (const wrong of [{ ttlSeconds: 1 }, { ttlSeconds: 3601 }, { waitSeconds: 21 }, { waitSeconds: 0.5 }]) {
    expect(await codeOf(stores().acquireLock(admin, { ...on, ...wrong }))).toBe("BAD_INPUT");
  }
  await stores().releaseLock(admin, { ...on, lockToken: next.lockToken });
});

test("a lock is passed between calls as a token, excludes other processes, and lists do not show the token", async () => {
  const other = await service.another();
  await stores().create(admin, { store: "locked", lockTimeoutSeconds: 2 });
  const key = "k";
  const { lockToken, fence } = await stores().acquireLock(admin, { store: "locked", key });
  const there = other.operations.keyValueStores;
  expect(await codeOf(there.setValue(admin, { store: "locked", key, valueText: "1", lockToken: "guessed" }))).toBe(
    "LOCK_NOT_VALID",
  );
  await there.setValue(admin, { store: "locked", key, valueText: "2", lockToken });
  const { items } = await there.locks(admin, { store: "locked" });
  expect(items).toMatchObject([{ store: "locked", key, fence }]);
  expect(JSON.stringify(items)).not.toContain(lockToken);
  await there.releaseLock(admin, { store: "locked", key, lockToken });
  expect(await codeOf(stores().releaseLock(admin, { store: "locked", key, lockToken }))).toBe("LOCK_NOT_VALID");
  expect(await codeOf(stores().setValue(admin, { store: "locked", key, valueText: "3", lockToken }))).toBe(
    "LOCK_NOT_VALID",
  );
  expect((await stores().locks(admin, {})).items).toEqual([]);
  const next = await there.acquireLock(admin, { store: "locked", key });
  expect(next.fence).toBeGreaterThan(fence);
});

test("Isimud's own stores show their keys, never their values", async () => {
  await service.operations.queues.create(operator, { queue: "cached" });
  await service.operations.messages.post(operator, { queue: "cached", messages: [{ bodyText: "1" }] });
  const store = "isimud.queues";
  const { items } = await stores().list(admin, {});
  expect(items.find(({ name }) => name === store)).toMatchObject({ internal: true, backingStore: "memory" });
  expect((await stores().keys(admin, { store })).items).toMatchObject([{ key: "1:pcached" }]);
  expect(await codeOf(stores().getValue(admin, { store, key: "1:pcached" }))).toBe("STORE_DOES_NOT_EXIST");
  await expect(stores().setValue(admin, { store, key: "1:pcached", valueText: "{}" })).rejects.toMatchObject({
    code: "STORE_DOES_NOT_EXIST",
    message: expect.stringContaining("is internal"),
  });
});

test("invalid requests are refused, and all requests of callers who are not admins", async () => {
  await stores().create(admin, { store: "checked" });
  const set = (params: object) => stores().setValue(admin, { store: "checked", key: "k", valueText: "1", ...params });
  expect(await codeOf(set({ store: "never" }))).toBe("STORE_DOES_NOT_EXIST");
  expect(await codeOf(set({ store: "a b" }))).toBe("BAD_INPUT");
  expect(await codeOf(set({ key: "" }))).toBe("BAD_INPUT");
  expect(await codeOf(set({ key: "\u0000" }))).toBe("BAD_INPUT");
  expect(await codeOf(set({ key: "x".repeat(1025) }))).toBe("BAD_INPUT");
  expect(await codeOf(set({ valueText: "{a: 1}" }))).toBe("BAD_INPUT");
  expect(await codeOf(set({ valueText: `"${"x".repeat(65_535)}"` }))).toBe("TOO_LARGE");
  for (const name of ["a.b", "a b"]) {
    await expect(stores().create(admin, { store: name })).rejects.toMatchObject({
      code: "BAD_INPUT",
      message: expect.stringMatching(/^store must be .* letters, digits, underscores and dashes\. Names with dots /),
      details: { field: "store", store: name },
    });
  }
  const long = { field: "store", store: "x".repeat(65), value: 65, minimum: 1, maximum: 64 };
  expect(await refusal(stores().create(admin, { store: long.store }))).toEqual({ code: "BAD_INPUT", details: long });
  expect(await codeOf(stores().create(admin, { store: "short", lockTimeoutSeconds: 1 }))).toBe("BAD_INPUT");
  for (const call of [
    () => stores().list(operator, {}),
    () => stores().keys(operator, { store: "checked" }),
    () => stores().locks(operator, {}),
    () => stores().create(operator, { store: "new" }),
    () => stores().getValue(operator, { store: "checked", key: "k" }),
    () => stores().setValue(operator, { store: "checked", key: "k", valueText: "1" }),
    () => stores().acquireLock(operator, { store: "checked", key: "k" }),
    () => stores().renewLock(operator, { store: "checked", key: "k", lockToken: "t" }),
  ]) {
    expect(await codeOf(call())).toBe("FORBIDDEN");
  }
  const { items } = await service.operations.audit.list(admin, { actor: "otto" });
  expect(items.filter(({ outcome }) => outcome === "refused").map(({ action, target }) => [action, target])).toEqual([
    ["createKeyValueStore", "new"],
  ]);
});
