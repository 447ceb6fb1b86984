/** What people do to messages, claims, subscriptions and keys, as it is written into the audit log. */

import type { Access } from "../../access/access.ts";
import type { Action } from "../../access/needs.ts";
import type { ClaimOperations } from "../claims/claims.ts";
import type { OperationContext } from "../context.ts";
import type { QueueAddress } from "../input/addresses.ts";
import { chosenQueue } from "../input/names.ts";
import type { KeyValueStoreOperations } from "../key-value-stores/key-value-stores.ts";
import type { MessageOperations } from "../messages/messages.ts";
import type { SubscriptionOperations } from "../subscriptions/subscriptions.ts";
import { intended, isNoted, permitted, type Trace } from "./audit-trail.ts";

/** One operation. Neither bodies nor keys are details: stores may hide their keys. */
interface Act<Params, Result> {
  /** The mutation's name. */
  action: Action;
  /** False: the operation writes an entry itself. */
  when?: (params: Params) => boolean;
  details?: (params: Params) => Record<string, unknown>;
  outcome?: (result: Result) => Record<string, unknown>;
}

type Call = (access: Access, params: never) => Promise<unknown>;
type ActsOf<Operations> = {
  [Name in keyof Operations]?: Operations[Name] extends (access: Access, params: infer Params) => Promise<infer Result>
    ? Act<Params, Result>
    : never;
};

const MESSAGES: ActsOf<MessageOperations> = {
  post: {
    action: "postMessages",
    details: ({ messages }) => ({ messages: Array.isArray(messages) ? messages.length : null }),
  },
  pop: { action: "popMessages", outcome: (popped) => ({ messages: popped.length }) },
  delete: {
    action: "deleteMessage",
    when: ({ force }) => force !== true,
    details: ({ id, claimId }) => ({ id, ...(claimId ? { claimId } : {}) }),
    outcome: ({ outcome }) => ({ deleted: outcome === "deleted" ? 1 : 0 }),
  },
  bulkDelete: {
    action: "deleteMessages",
    when: ({ claimIds }) => claimIds !== undefined && claimIds !== null,
    details: ({ ids, claimIds }) => ({ ids: ids.length, claimIds }),
    outcome: ({ deleted }) => ({ deleted }),
  },
};

const CLAIMS: ActsOf<ClaimOperations> = {
  create: {
    action: "createClaim",
    outcome: ({ claim, messages }) => ({ claimId: claim?.id ?? null, messages: messages.length }),
  },
  update: { action: "renewClaim", details: ({ claimId }) => ({ claimId }) },
  delete: { action: "releaseClaim", details: ({ claimId }) => ({ claimId }) },
  releaseMessages: {
    action: "releaseMessages",
    details: ({ claimId, ids }) => ({ claimId, ids: ids.length }),
    outcome: (released) => ({ released }),
  },
};

const SUBSCRIPTIONS: ActsOf<SubscriptionOperations> = {
  create: {
    action: "createQueueSubscription",
    outcome: ({ subscription, created }) => ({ subscriptionId: subscription.id, created }),
  },
  update: { action: "updateQueueSubscription", details: ({ id }) => ({ subscriptionId: id }) },
  delete: {
    action: "deleteQueueSubscription",
    details: ({ id }) => ({ subscriptionId: id }),
    outcome: ({ deleted }) => ({ deleted }),
  },
  confirm: {
    action: "confirmQueueSubscription",
    details: ({ id, confirmed = true }) => ({ subscriptionId: id, confirmed }),
  },
};

const KEY_VALUES: ActsOf<KeyValueStoreOperations> = {
  setValue: { action: "setKeyValue" },
  setValues: { action: "setKeyValues", details: ({ entries }) => ({ entries: entries.length }) },
  deleteValue: { action: "deleteKeyValue", outcome: ({ deleted }) => ({ deleted }) },
  deleteValues: { action: "deleteKeyValues", outcome: ({ deleted }) => ({ deleted }) },
  acquireLock: { action: "acquireKeyValueLock" },
  renewLock: { action: "renewKeyValueLock" },
  releaseLock: { action: "releaseKeyValueLock" },
};

/**
 * The same operations, each of which is audited for a caller that `isNoted`: the entry is written before it acts, and
 * its outcome afterwards. For other callers they are called as they are.
 */
export function notingActs(context: OperationContext) {
  const inQueues = (access: Access, action: Action, params: QueueAddress) => {
    const trace: Trace = { access, action, project: params.project ?? null, target: String(params.queue) };
    return permitted(context, trace, (permission) => {
      const { project, name } = chosenQueue(context.limits, access, permission, params);
      return { ...trace, project, target: name };
    });
  };
  const inStores = (access: Access, action: Action, { store }: { store: string }) => {
    const trace: Trace = { access, action, project: null, target: String(store) };
    return permitted(context, trace, () => trace);
  };
  const wrap = <Operations extends object>(
    operations: Operations,
    acts: ActsOf<Operations>,
    traceOf: (access: Access, action: Action, params: never) => Promise<Trace>,
  ): Operations => {
    const wrapped = Object.entries(acts).map(([name, act]) => {
      const { action, when, details = () => ({}), outcome = () => ({}) } = act as Act<never, unknown>;
      const call = operations[name as keyof Operations] as Call;
      const noting: Call = async (access, params) =>
        intended(context, await traceOf(access, action, params), details(params), () => call(access, params), outcome);
      const through: Call = (access, params) =>
        isNoted(access) && (when === undefined || when(params)) ? noting(access, params) : call(access, params);
      return [name, through];
    });
    return { ...operations, ...Object.fromEntries(wrapped) };
  };
  return {
    messages: (operations: MessageOperations) => wrap(operations, MESSAGES, inQueues),
    claims: (operations: ClaimOperations) => wrap(operations, CLAIMS, inQueues),
    subscriptions: (operations: SubscriptionOperations) => wrap(operations, SUBSCRIPTIONS, inQueues),
    keyValueStores: (operations: KeyValueStoreOperations) => wrap(operations, KEY_VALUES, inStores),
  };
}
