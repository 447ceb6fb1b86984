import { expect, test } from "vitest";
import { startApi } from "./api.ts";

const { api } = startApi();

const CREATE =
  "mutation C($input: CreateKeyValueStoreInput!) { createKeyValueStore(input: $input) { created store { name internal count { value } } } }";
const SET = "mutation S($input: SetKeyValueInput!) { setKeyValue(input: $input) { keys } }";
const SET_MANY = "mutation S($input: SetKeyValuesInput!) { setKeyValues(input: $input) { keys } }";
const DELETE = "mutation D($input: DeleteKeyValueInput!) { deleteKeyValue(input: $input) { deleted } }";
const DELETE_MANY = "mutation D($input: DeleteKeyValuesInput!) { deleteKeyValues(input: $input) { deleted } }";
const ACQUIRE =
  "mutation A($input: AcquireKeyValueLockInput!) { acquireKeyValueLock(input: $input) { storeName key fence lockToken expiresAt } }";
const RELEASE = "mutation R($input: ReleaseKeyValueLockInput!) { releaseKeyValueLock(input: $input) { released } }";
const GET = "query G($store: String!, $key: String!) { keyValue(store: $store, key: $key) { key value valueText } }";

let stores = 0;
async function aStore(more: object = {}): Promise<string> {
  stores++;
  const name = `store-${stores}`;
  expect(await api.run(CREATE, { input: { store: name, ...more } })).toEqual({
    createKeyValueStore: { created: true, store: { name, internal: false, count: { value: 0 } } },
  });
  return name;
}

test("a store is created once, and listed beside the internal ones", async () => {
  const name = await aStore();
  expect(await api.codeOf(CREATE, { input: { store: name } })).toBe("STORE_ALREADY_CONFIGURED");
  expect(await api.codeOf(CREATE, { input: { store: "a b" } })).toBe("BAD_INPUT");
  const { keyValueStores } = await api.run(
    "{ keyValueStores(first: 100) { nodes { name backingStore internal count { value exact } } } }",
  );
  expect(keyValueStores.nodes).toContainEqual({
    name,
    backingStore: "postgres",
    internal: false,
    count: { value: 0, exact: true },
  });
  expect(keyValueStores.nodes.some(({ internal }: { internal: boolean }) => internal)).toBe(true);
});

test("one store is looked up by its name, with its times; an internal one shows none", async () => {
  const store = await aStore({ lockTimeoutSeconds: 7, expirationSeconds: 60 });
  const one =
    "query O($store: String!) { keyValueStore(store: $store) { name internal lockTimeoutSeconds expirationSeconds } }";
  const times = { lockTimeoutSeconds: 7, expirationSeconds: 60 };
  expect((await api.run(one, { store })).keyValueStore).toEqual({ name: store, internal: false, ...times });
  expect((await api.run(one, { store: "missing" })).keyValueStore).toBeNull();
  const { nodes } = (
    await api.run("{ keyValueStores(first: 100) { nodes { internal lockTimeoutSeconds expirationSeconds } } }")
  ).keyValueStores;
  const internal = nodes.filter(({ internal }: { internal: boolean }) => internal);
  expect(internal[0]).toEqual({ internal: true, lockTimeoutSeconds: null, expirationSeconds: null });
});

test("a value is written, read back exactly, and deleted", async () => {
  const store = await aStore();
  const valueText = '{"n": 12345678901234567, "u": "\\u0000"}';
  expect(await api.run(SET, { input: { store, key: "k", value: { text: valueText } } })).toEqual({
    setKeyValue: { keys: ["k"] },
  });
  const answer = await api.send(GET, { store, key: "k" });
  expect(answer.data.keyValue.valueText).toBe(valueText);
  expect(answer.text).toContain(`"value":${valueText}`);
  expect((await api.run(GET, { store, key: "missing" })).keyValue).toBeNull();
  for (const deleted of [1, 0]) {
    expect(await api.run(DELETE, { input: { store, key: "k" } })).toEqual({ deleteKeyValue: { deleted } });
  }
  await api.run(SET, { input: { store, key: "null", value: { text: "null" } } });
  expect((await api.run(GET, { store, key: "null" })).keyValue).toEqual({
    key: "null",
    value: null,
    valueText: "null",
  });
});

test("many values are written, read and deleted in one call", async () => {
  const store = await aStore();
  const entries = [
    { key: "a", value: { json: 1 } },
    { key: "b", value: { text: '"two"' } },
  ];
  expect(await api.run(SET_MANY, { input: { store, entries } })).toEqual({ setKeyValues: { keys: ["a", "b"] } });
  const many =
    "query M($store: String!, $keys: [String!]!) { keyValues(store: $store, keys: $keys) { key value } keyValueKeys(store: $store) { nodes { key expiresAt } } }";
  const read = await api.run(many, { store, keys: ["b", "a"] });
  expect(read.keyValues).toEqual([
    { key: "b", value: "two" },
    { key: "a", value: 1 },
  ]);
  expect(read.keyValueKeys.nodes).toHaveLength(2);
  expect((await api.run(many, { store, keys: ["missing", "a"] })).keyValues).toEqual([null, { key: "a", value: 1 }]);
  expect(await api.run(DELETE_MANY, { input: { store, keys: ["a", "never"] } })).toEqual({
    deleteKeyValues: { deleted: 1 },
  });
  expect((await api.run(GET, { store, key: "a" })).keyValue).toBeNull();
  expect((await api.run(GET, { store, key: "b" })).keyValue).not.toBeNull();
});

test("under a lock only its holder writes", async () => {
  const store = await aStore({ lockTimeoutSeconds: 2 });
  const lock = (await api.run(ACQUIRE, { input: { store, key: "k" } })).acquireKeyValueLock;
  expect(lock).toEqual({
    storeName: store,
    key: "k",
    fence: expect.any(Number),
    lockToken: expect.any(String),
    expiresAt: expect.any(String),
  });
  const { keyValueLocks } = await api.run(
    "query L($store: String) { keyValueLocks(store: $store) { nodes { storeName holder fence expiresAt } } }",
    { store },
  );
  expect(keyValueLocks.nodes).toEqual([
    { storeName: store, holder: expect.any(String), fence: lock.fence, expiresAt: lock.expiresAt },
  ]);
  expect(JSON.stringify(keyValueLocks)).not.toContain(lock.lockToken);
  await api.run(SET, { input: { store, key: "k", value: { json: 1 }, lockToken: lock.lockToken } });
  expect(await api.codeOf(SET, { input: { store, key: "other", value: { json: 1 }, lockToken: lock.lockToken } })).toBe(
    "LOCK_NOT_VALID",
  );
  const noToken = await api.send(RELEASE, { input: { store, key: "k", lockToken: "" } });
  expect(noToken.errors?.[0]?.message).toContain("the one that acquireKeyValueLock returned");
  await api.run(SET_MANY, { input: { store, entries: [{ key: "k", value: { json: 2 } }] } });
  const release = { input: { store, key: "k", lockToken: lock.lockToken } };
  expect(await api.run(RELEASE, release)).toEqual({ releaseKeyValueLock: { released: true } });
  expect(await api.codeOf(RELEASE, release)).toBe("LOCK_NOT_VALID");
  expect(await api.codeOf(SET, { input: { store, key: "k", value: { json: 2 }, lockToken: lock.lockToken } })).toBe(
    "LOCK_NOT_VALID",
  );
  const second = (await api.run(ACQUIRE, { input: { store, key: "k" } })).acquireKeyValueLock;
  expect(second.fence).toBeGreaterThan(lock.fence);
});

test("a lock lasts and is waited for as long as its caller asks, and is renewed with its token", async () => {
  const store = await aStore();
  const lock = (await api.run(ACQUIRE, { input: { store, key: "k", ttlSeconds: 600 } })).acquireKeyValueLock;
  expect(Date.parse(lock.expiresAt) - Date.now()).toBeGreaterThan(500_000);
  expect(await api.codeOf(ACQUIRE, { input: { store, key: "k", waitSeconds: 0 } })).toBe("LOCK_TIMEOUT");
  expect(await api.codeOf(ACQUIRE, { input: { store, key: "k", waitSeconds: 21 } })).toBe("BAD_INPUT");
  const renew =
    "mutation R($input: RenewKeyValueLockInput!) { renewKeyValueLock(input: $input) { storeName key fence lockToken expiresAt } }";
  const { lockToken } = lock;
  const renewal = { store, key: "k", lockToken, ttlSeconds: 3600 };
  const renewed = (await api.run(renew, { input: renewal })).renewKeyValueLock;
  expect(renewed).toEqual({ ...lock, expiresAt: expect.any(String) });
  expect(Date.parse(renewed.expiresAt)).toBeGreaterThan(Date.parse(lock.expiresAt));
  const waiting = api.run(ACQUIRE, { input: { store, key: "k", waitSeconds: 20 } });
  await api.run(RELEASE, { input: { store, key: "k", lockToken } });
  expect((await waiting).acquireKeyValueLock.fence).toBeGreaterThan(lock.fence);
  expect(await api.codeOf(renew, { input: renewal })).toBe("LOCK_NOT_VALID");
});

test("who hangs up while waiting for a lock leaves it to the next caller", async () => {
  const store = await aStore();
  const lock = (await api.run(ACQUIRE, { input: { store, key: "k" } })).acquireKeyValueLock;
  const leaving = new AbortController();
  const variables = { input: { store, key: "k", ttlSeconds: 3600, waitSeconds: 20 } };
  const left = fetch(api.url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: ACQUIRE, variables }),
    signal: leaving.signal,
  });
  // It waits by the time that a later request is answered.
  await api.run(GET, { store, key: "k" });
  leaving.abort();
  await expect(left).rejects.toThrow();
  await api.run(RELEASE, { input: { store, key: "k", lockToken: lock.lockToken } });
  const next = await api.run(ACQUIRE, { input: { store, key: "k", waitSeconds: 20 } });
  expect(next.acquireKeyValueLock.fence).toBeGreaterThan(lock.fence);
});

test("a store is deleted once, with its values only if that is said, and the audit log tells of it", async () => {
  const store = await aStore();
  const remove = "mutation D($input: DeleteKeyValueStoreInput!) { deleteKeyValueStore(input: $input) { deleted ids } }";
  await api.run(SET, { input: { store, key: "k", value: { json: 1 } } });
  const refusal = await api.send(remove, { input: { store } });
  expect(refusal.errors?.map(({ extensions }) => [extensions.code, extensions.details])).toEqual([
    ["CONFIRMATION_REQUIRED", { store, values: 1, exact: true }],
  ]);
  const ids = [`KeyValueStore:${store}`];
  const input = { store, discardValues: true };
  expect((await api.run(remove, { input })).deleteKeyValueStore).toEqual({ deleted: 1, ids });
  expect((await api.run(remove, { input })).deleteKeyValueStore).toEqual({ deleted: 0, ids });
  expect((await api.run(GET, { store, key: "k" })).keyValue).toBeNull();
  expect(await api.codeOf(SET, { input: { store, key: "k", value: { json: 1 } } })).toBe("STORE_DOES_NOT_EXIST");
  expect(await api.codeOf(remove, { input: { store: "isimud.stores" } })).toBe("STORE_DOES_NOT_EXIST");
  const { auditEntries } = await api.run("{ auditEntries(first: 10) { nodes { action target outcome } } }");
  const entries = auditEntries.nodes.filter(({ target }: { target: string }) => target === store);
  expect(entries.map(({ action, outcome }: { action: string; outcome: string }) => [action, outcome])).toEqual([
    ["deleteKeyValueStore", "DONE"],
    ["deleteKeyValueStore", "DONE"],
    ["deleteKeyValueStore", "REFUSED"],
    ["createKeyValueStore", "DONE"],
  ]);
});

test("Isimud's own stores, and stores that do not exist, cannot be opened", async () => {
  const { keyValueStores } = await api.run(
    "{ keyValueStores(first: 100) { nodes { name internal keys(first: 5) { nodes { key } } } } }",
  );
  const internal = keyValueStores.nodes.find((store: { internal: boolean }) => store.internal);
  for (const store of [internal.name, "missing"]) {
    expect((await api.run(GET, { store, key: "k" })).keyValue).toBeNull();
    const many = 'query M($store: String!) { keyValues(store: $store, keys: ["k", "l"]) { key } }';
    expect((await api.run(many, { store })).keyValues).toEqual([null, null]);
    for (const remove of [DELETE, DELETE_MANY]) {
      const doomed = remove === DELETE ? { key: "k" } : { keys: ["k"] };
      expect(await api.codeOf(remove, { input: { store, ...doomed } })).toBe("STORE_DOES_NOT_EXIST");
    }
    expect(await api.codeOf(SET, { input: { store, key: "k", value: { json: 1 } } })).toBe("STORE_DOES_NOT_EXIST");
  }
});

test("the keys and locks of a store that does not exist read as null", async () => {
  const query =
    '{ keyValueKeys(store: "missing") { nodes { key } } keyValueLocks(store: "missing") { nodes { key } } }';
  expect(await api.run(query)).toEqual({ keyValueKeys: null, keyValueLocks: null });
});
