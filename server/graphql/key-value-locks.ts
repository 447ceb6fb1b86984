/** Locks of keys: how they are acquired, renewed and released. Their lists are in key-value-stores.ts. */
import { type AcquiredLock, LOCK_WAIT_SECONDS } from "../operations/key-value-stores/locks.ts";
import { addStore } from "./key-value-references.ts";
import { keyField, storeArg } from "./key-value-stores.ts";
import { builder, waiting } from "./schema/builder.ts";
import { KEEPING_WAITING } from "./schema/connection.ts";

const lockTtlField = {
  type: "SafeInt",
  description: "How many seconds it lasts from now, 2 to 3,600. Left out: the store's `lockTimeoutSeconds`.",
} as const;

const AcquireKeyValueLockInput = builder.inputType("AcquireKeyValueLockInput", {
  description: "The key to lock, and for how long.",
  fields: (t) => ({
    store: t.string(storeArg),
    key: t.string(keyField),
    ttlSeconds: t.field(lockTtlField),
    waitSeconds: t.field({
      type: "SafeInt",
      description: `How many seconds to wait for it while another caller holds it, 0 to 20. Left out: ${LOCK_WAIT_SECONDS}. The fields of one operation share their wait.`,
    }),
  }),
});
const RenewKeyValueLockInput = builder.inputType("RenewKeyValueLockInput", {
  description: "The lock to renew, and for how long.",
  fields: (t) => ({
    store: t.string(storeArg),
    key: t.string(keyField),
    lockToken: t.string({ required: true, description: "The lock's token." }),
    ttlSeconds: t.field(lockTtlField),
  }),
});
const KeyValueLockPayload = builder.objectRef<AcquiredLock>("KeyValueLockPayload").implement({
  description: "A lock that you hold.",
  fields: (t) => ({
    key: t.exposeString("key", { description: "The key." }),
    fence: t.expose("fence", {
      type: "SafeInt",
      description:
        "The lock's number, which grows with every lock of the key and stays when it is renewed. Send it to other systems, so that they can refuse a holder that is late.",
    }),
    expiresAt: t.expose("expiresAt", {
      type: "DateTime",
      description:
        "When it expires, and another caller can get it. Writes under it are refused one second earlier: renew it in time.",
    }),
    lockToken: t.exposeString("lockToken", {
      description: "Proof that you hold it: send it to write under the lock, to renew it and to release it.",
    }),
  }),
});
addStore(KeyValueLockPayload);
const ReleaseKeyValueLockInput = builder.inputType("ReleaseKeyValueLockInput", {
  description: "The lock to release.",
  fields: (t) => ({
    store: t.string(storeArg),
    key: t.string(keyField),
    lockToken: t.string({ required: true, description: "The lock's token." }),
  }),
});
const ReleaseKeyValueLockPayload = builder.objectRef<{ released: boolean }>("ReleaseKeyValueLockPayload").implement({
  description: "The result of releaseKeyValueLock.",
  fields: (t) => ({
    released: t.exposeBoolean("released", {
      description: "Always true: a lock that had ended already is LOCK_NOT_VALID.",
    }),
  }),
});

builder.mutationFields((t) => ({
  acquireKeyValueLock: t.field({
    type: KeyValueLockPayload,
    args: { input: t.arg({ type: AcquireKeyValueLockInput, required: true, description: "The key." }) },
    complexity: KEEPING_WAITING,
    description:
      "Acquires the write lock of a key. LOCK_TIMEOUT when another caller holds it for longer than `waitSeconds`. A repeat after a lost answer waits for the lock of the first call until its `ttlSeconds` end: take a short one, and renew it.",
    resolve: async (_root, { input }, context) => {
      const { access, operations } = context;
      const lock = await waiting(context, input.waitSeconds ?? LOCK_WAIT_SECONDS, (wait) =>
        operations.keyValueStores.acquireLock(access, { ...input, ...wait }),
      );
      // Nobody would get its token, and others would wait until it expires.
      if (context.clientLeft) await operations.keyValueStores.releaseLock(access, lock);
      return lock;
    },
  }),
  renewKeyValueLock: t.field({
    type: KeyValueLockPayload,
    args: { input: t.arg({ type: RenewKeyValueLockInput, required: true, description: "The lock." }) },
    description:
      "Renews a lock: it lasts `ttlSeconds` from now, and keeps its token and its fence. LOCK_NOT_VALID when it has expired or expires within a second: then acquire a new one and read the value again.",
    resolve: (_root, { input }, { access, operations }) => operations.keyValueStores.renewLock(access, input),
  }),
  releaseKeyValueLock: t.field({
    type: ReleaseKeyValueLockPayload,
    args: { input: t.arg({ type: ReleaseKeyValueLockInput, required: true, description: "The lock." }) },
    description: "Releases a lock.",
    resolve: async (_root, { input }, { access, operations }) => {
      await operations.keyValueStores.releaseLock(access, input);
      return { released: true };
    },
  }),
}));
