import type { EntryRecord, KeyRecord } from "../operations/key-value-stores/entries.ts";
import type { LockRecord } from "../operations/key-value-stores/locks.ts";
import type { StoreRecord } from "../operations/key-value-stores/stores.ts";
import type { Page } from "../storage/list-pages.ts";
import { addStore, StoreType } from "./key-value-references.ts";
import { orNull, reasonField } from "./schema/addresses.ts";
import { batched } from "./schema/batched.ts";
import { builder } from "./schema/builder.ts";
import {
  ASKING_THE_STORE,
  CountType,
  connectionType,
  type PageArgs,
  pageArgs,
  pageCost,
  pageOf,
} from "./schema/connection.ts";
import type { GraphQLContext } from "./schema/context.ts";
import { DeletePayload } from "./schema/delete-payload.ts";
import { RawJson } from "./schema/json.ts";
import { JsonInput, textOf } from "./schema/json-input.ts";
import { NodeType, nodeId, writeNodeId } from "./schema/node.ts";

const LockType = builder.objectRef<LockRecord>("KeyValueLock").implement({
  description: "A write lock on one key of a store. It does not block readers.",
  fields: (t) => ({
    key: t.exposeString("key", { description: "The key, as the backend stores it." }),
    holder: t.exposeString("holder", {
      description: "A digest of its holder, equal for all locks of one holder. It is not the lock token.",
    }),
    fence: t.expose("fence", {
      type: "SafeInt",
      description: "The lock's number, which grows with every lock of the key. A write under an older lock is refused.",
    }),
    expiresAt: t.expose("expiresAt", { type: "DateTime", description: "When it expires." }),
  }),
});
addStore(LockType);
const LockConnectionType = connectionType("KeyValueLock", LockType, "locks");

interface KeyParent extends KeyRecord {
  store: string;
}

const KeyType = builder.objectRef<KeyParent>("KeyValueKey").implement({
  description: "A key of a store.",
  fields: (t) => ({
    key: t.exposeString("key", {
      description: "The key as the backend stores it: a digest if the store hides its keys.",
    }),
    expiresAt: t.expose("expiresAt", {
      type: "DateTime",
      nullable: true,
      description: "When its value expires; null: never.",
    }),
  }),
});
addStore(KeyType);
const KeyConnectionType = connectionType("KeyValueKey", KeyType, "keys");

const valueId = nodeId<EntryRecord>("KeyValue", {
  length: 2,
  key: ({ store, key }) => [store, key],
  load: (keys, { access, operations }) =>
    operations.keyValueStores.getEntries(access, {
      entries: keys.map(([store = "", key = ""]) => ({ store, key })),
    }),
});

const ValueType = builder.objectRef<EntryRecord>("KeyValue").implement({
  description: "A key and its value.",
  interfaces: [NodeType],
  fields: (t) => ({
    id: t.id(valueId),
    key: t.exposeString("key", { description: "The key." }),
    value: t.field({ type: "JSON", description: "The value.", resolve: ({ valueText }) => new RawJson(valueText) }),
    valueText: t.exposeString("valueText", { description: "The same as JSON text." }),
  }),
});

addStore(ValueType);

const keyPage = (store: string, page: Page<KeyRecord>) => ({
  page: { ...page, items: page.items.map((item): KeyParent => ({ ...item, store })) },
  order: "keyValueKeys" as const,
});
const keysOf = async (store: string, args: PageArgs, { access, operations }: GraphQLContext) =>
  keyPage(store, await operations.keyValueStores.keys(access, { store, page: pageOf(args, "keyValueKeys") }));
const locksOf = async (store: string | null | undefined, args: PageArgs, { access, operations }: GraphQLContext) => ({
  page: await operations.keyValueStores.locks(access, { store, page: pageOf(args, "keyValueLocks") }),
  order: "keyValueLocks" as const,
});

const storeId = nodeId<StoreRecord>("KeyValueStore", {
  length: 1,
  key: ({ name }) => [name],
  load: (keys, { access, operations }) =>
    operations.keyValueStores.getMany(access, { stores: keys.map(([name = ""]) => name) }),
});

StoreType.implement({
  description: "A named store of keys and values, with a lock for each key.",
  interfaces: [NodeType],
  fields: (t) => ({
    id: t.id(storeId),
    name: t.exposeString("name", { description: "Its name: 1 to 64 letters, digits, underscores and dashes." }),
    backingStore: t.exposeString("backingStore", {
      description: "The backend that stores them: memory, postgres or redis.",
    }),
    internal: t.exposeBoolean("internal", {
      description: "True: it belongs to Isimud itself. Its keys can be seen, but never its values.",
    }),
    lockTimeoutSeconds: t.expose("lockTimeoutSeconds", {
      type: "SafeInt",
      nullable: true,
      description: "How many seconds a lock lasts that asks for no other time. Null for an internal store.",
    }),
    expirationSeconds: t.expose("expirationSeconds", {
      type: "SafeInt",
      nullable: true,
      description: "How many seconds a value lives. Null: until it is deleted, or the store is internal.",
    }),
    count: t.field({
      type: CountType,
      nullable: true,
      complexity: ASKING_THE_STORE,
      description: "How many keys it has: exact up to 10,000.",
      resolve: ({ name }, _args, context) =>
        batched(context, "KeyValueStore.count", name, (stores) =>
          context.operations.keyValueStores.countMany(context.access, { stores }),
        ),
    }),
    keys: t.field({
      type: KeyConnectionType,
      nullable: true,
      args: pageArgs,
      complexity: pageCost,
      description: "Its keys.",
      resolve: async ({ name }, args, context, info) => {
        const page = await batched(context, info, name, (stores) =>
          context.operations.keyValueStores.keysOfMany(context.access, { stores, page: pageOf(args, "keyValueKeys") }),
        );
        return keyPage(name, page);
      },
    }),
    locks: t.field({
      type: LockConnectionType,
      nullable: true,
      args: pageArgs,
      complexity: pageCost,
      description: "Its locks that are held now.",
      resolve: async ({ name }, args, context, info) => ({
        page: await batched(context, info, name, (stores) =>
          context.operations.keyValueStores.locksOfMany(context.access, {
            stores,
            page: pageOf(args, "keyValueLocks"),
          }),
        ),
        order: "keyValueLocks" as const,
      }),
    }),
  }),
});
const StoreConnectionType = connectionType("KeyValueStore", StoreType, "key-value stores");

export const storeArg = { required: true, description: "The store's name." } as const;

builder.queryFields((t) => ({
  keyValueStore: t.field({
    type: StoreType,
    nullable: true,
    args: { store: t.arg.string(storeArg) },
    description: "One key-value store; null when none has that name.",
    resolve: async (_root, { store }, { access, operations }) => {
      const [found] = await operations.keyValueStores.getMany(access, { stores: [store] });
      return found ?? null;
    },
  }),
  keyValueStores: t.field({
    type: StoreConnectionType,
    args: pageArgs,
    complexity: pageCost,
    description: "All key-value stores by name, internal ones too.",
    resolve: async (_root, args, { access, operations }) => ({
      page: await operations.keyValueStores.list(access, { page: pageOf(args, "keyValueStores") }),
      order: "keyValueStores" as const,
    }),
  }),
  keyValueKeys: t.field({
    type: KeyConnectionType,
    nullable: true,
    args: { store: t.arg.string(storeArg), ...pageArgs },
    complexity: pageCost,
    description: "The keys of a store; null when none has that name.",
    resolve: (_root, args, context) => orNull(keysOf(args.store, args, context), "STORE_DOES_NOT_EXIST"),
  }),
  keyValue: t.field({
    type: ValueType,
    nullable: true,
    args: { store: t.arg.string(storeArg), key: t.arg.string({ required: true, description: "The key." }) },
    description: "One value of a store; null when the key or the store is missing.",
    resolve: async (_root, { store, key }, { access, operations }) => {
      const valueText = operations.keyValueStores.getValue(access, { store, key });
      const found = await orNull(orNull(valueText, "KEY_DOES_NOT_EXIST"), "STORE_DOES_NOT_EXIST");
      return found === null ? null : { store, key, valueText: found };
    },
  }),
  keyValues: t.field({
    type: [ValueType],
    nullable: { list: true, items: true },
    args: {
      store: t.arg.string(storeArg),
      keys: t.arg.stringList({ required: true, description: "The keys, at most as many as a page has rows." }),
    },
    complexity: ({ keys }) => ({ field: 1, multiplier: keys.length }),
    description: "Many values of a store, in the given order; null where the key or the store is missing.",
    resolve: async (_root, { store, keys }, { access, operations }) => {
      const values = await orNull(operations.keyValueStores.getValues(access, { store, keys }), "STORE_DOES_NOT_EXIST");
      return keys.map((key, index) => {
        const valueText = values?.[index];
        return valueText === null || valueText === undefined ? null : { store, key, valueText };
      });
    },
  }),
  keyValueLocks: t.field({
    type: LockConnectionType,
    nullable: true,
    args: { store: t.arg.string({ description: "Only locks of this store." }), ...pageArgs },
    complexity: pageCost,
    description: "Locks that are held now; null when no store has the given name.",
    resolve: (_root, args, context) => orNull(locksOf(args.store, args, context), "STORE_DOES_NOT_EXIST"),
  }),
}));

export const keyField = { required: true, description: "The key." } as const;
const lockTokenField = {
  description: "The token of a lock of this key that you hold. Left out: the store acquires the lock itself.",
} as const;
const valueField = { type: JsonInput, required: true, description: "The value, any JSON." } as const;

const CreateKeyValueStoreInput = builder.inputType("CreateKeyValueStoreInput", {
  description: "The store to create.",
  fields: (t) => ({
    store: t.string({ required: true, description: "Its name." }),
    lockTimeoutSeconds: t.field({
      type: "SafeInt",
      description:
        "How many seconds a lock lasts that asks for no other time: 2 to 3,600. A write without a lock waits as long for the key's lock, but at most 5 seconds. Left out: 5.",
    }),
    expirationSeconds: t.field({
      type: "SafeInt",
      description: "How many seconds a value lives. Left out: until it is deleted.",
    }),
    replace: t.boolean({
      defaultValue: false,
      required: true,
      description:
        "Give an existing store these settings instead of refusing. Values and locks that it has keep their times. So a program can set up its stores each time that it starts.",
    }),
    reason: t.string(reasonField),
  }),
});
const CreateKeyValueStorePayload = builder
  .objectRef<{ store: StoreRecord; created: boolean }>("CreateKeyValueStorePayload")
  .implement({
    description: "The result of createKeyValueStore.",
    fields: (t) => ({
      store: t.expose("store", { type: StoreType, description: "The store." }),
      created: t.exposeBoolean("created", { description: "False: it existed, and has the given settings now." }),
    }),
  });

const DeleteKeyValueStoreInput = builder.inputType("DeleteKeyValueStoreInput", {
  description: "The store to delete.",
  fields: (t) => ({
    store: t.string(storeArg),
    discardValues: t.boolean({
      defaultValue: false,
      required: true,
      description: "Delete it even if it has values, which are lost. Otherwise CONFIRMATION_REQUIRED.",
    }),
    reason: t.string(reasonField),
  }),
});

const SetKeyValueInput = builder.inputType("SetKeyValueInput", {
  description: "A value to write.",
  fields: (t) => ({
    store: t.string(storeArg),
    key: t.string(keyField),
    value: t.field(valueField),
    lockToken: t.string(lockTokenField),
    reason: t.string(reasonField),
  }),
});
const KeyValueInput = builder.inputType("KeyValueInput", {
  description: "A key and its value.",
  fields: (t) => ({ key: t.string(keyField), value: t.field(valueField) }),
});
const SetKeyValuesInput = builder.inputType("SetKeyValuesInput", {
  description: "Values to write.",
  fields: (t) => ({
    store: t.string(storeArg),
    entries: t.field({ type: [KeyValueInput], required: true, description: "The keys and their values." }),
    reason: t.string(reasonField),
  }),
});
const DeleteKeyValueInput = builder.inputType("DeleteKeyValueInput", {
  description: "The key to delete.",
  fields: (t) => ({
    store: t.string(storeArg),
    key: t.string(keyField),
    lockToken: t.string(lockTokenField),
    reason: t.string(reasonField),
  }),
});
const DeleteKeyValuesInput = builder.inputType("DeleteKeyValuesInput", {
  description: "The keys to delete.",
  fields: (t) => ({
    store: t.string(storeArg),
    keys: t.stringList({ required: true, description: "The keys." }),
    reason: t.string(reasonField),
  }),
});
const KeyValueKeysPayload = builder.objectRef<{ keys: readonly string[] }>("KeyValueKeysPayload").implement({
  description: "What was written.",
  fields: (t) => ({
    keys: t.stringList({ description: "The keys of the request.", resolve: ({ keys }) => keys }),
  }),
});

builder.mutationFields((t) => ({
  createKeyValueStore: t.field({
    type: CreateKeyValueStorePayload,
    args: { input: t.arg({ type: CreateKeyValueStoreInput, required: true, description: "The store." }) },
    description: "Creates a key-value store, permanently and for all processes.",
    resolve: (_root, { input }, { access, operations }) => operations.keyValueStores.create(access, input),
  }),
  deleteKeyValueStore: t.field({
    type: DeletePayload,
    args: { input: t.arg({ type: DeleteKeyValueStoreInput, required: true, description: "The store." }) },
    description:
      "Deletes a key-value store with its values and locks. For five seconds more other processes may still use it; what they write then is deleted too. A new store of that name begins empty. STORE_DOES_NOT_EXIST for an internal store.",
    resolve: async (_root, { input }, { access, operations }) => ({
      ...(await operations.keyValueStores.delete(access, input)),
      ids: [writeNodeId("KeyValueStore", [input.store])],
    }),
  }),
  setKeyValue: t.field({
    type: KeyValueKeysPayload,
    args: { input: t.arg({ type: SetKeyValueInput, required: true, description: "The key and its value." }) },
    description: "Writes a value under the key's lock.",
    resolve: async (_root, { input }, { access, operations }) => {
      const { store, key, lockToken } = input;
      await operations.keyValueStores.setValue(access, {
        store,
        key,
        lockToken,
        valueText: textOf(input.value),
      });
      return { keys: [key] };
    },
  }),
  setKeyValues: t.field({
    type: KeyValueKeysPayload,
    args: { input: t.arg({ type: SetKeyValuesInput, required: true, description: "The keys and their values." }) },
    description: "Writes many values in one call, all or none. It takes no locks, and ignores locks that others hold.",
    resolve: async (_root, { input }, { access, operations }) => {
      const entries = input.entries.map(({ key, value }) => ({ key, valueText: textOf(value) }));
      await operations.keyValueStores.setValues(access, { store: input.store, entries });
      return { keys: entries.map(({ key }) => key) };
    },
  }),
  deleteKeyValue: t.field({
    type: DeletePayload,
    args: { input: t.arg({ type: DeleteKeyValueInput, required: true, description: "The key." }) },
    description: "Deletes a key under its lock.",
    resolve: async (_root, { input }, { access, operations }) => ({
      ...(await operations.keyValueStores.deleteValue(access, input)),
      ids: [writeNodeId("KeyValue", [input.store, input.key])],
    }),
  }),
  deleteKeyValues: t.field({
    type: DeletePayload,
    args: { input: t.arg({ type: DeleteKeyValuesInput, required: true, description: "The keys." }) },
    description: "Deletes many keys in one call. It takes no locks, and ignores locks that others hold.",
    resolve: async (_root, { input }, { access, operations }) => ({
      ...(await operations.keyValueStores.deleteValues(access, input)),
      ids: input.keys.map((key) => writeNodeId("KeyValue", [input.store, key])),
    }),
  }),
}));
