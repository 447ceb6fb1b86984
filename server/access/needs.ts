import { type Access, type Permission, requireEverywhere, requirePermission } from "./access.ts";

/** What a mutation needs. `everywhere`: in all projects, because it changes what belongs to none. */
export interface Need {
  permission: Permission;
  everywhere?: true;
  /** Whoever has signed in may do it to what is their own. */
  own?: true;
}

const PRODUCE: Need = { permission: "produce" };
const CONSUME: Need = { permission: "consume" };
export const OPERATE: Need = { permission: "operate" };
const ADMINISTER: Need = { permission: "administer" };
const ADMINISTER_ALL: Need = { permission: "administer", everywhere: true };
const OWN_OR_ADMINISTER_ALL: Need = { ...ADMINISTER_ALL, own: true };

/**
 * The only place that says what a mutation needs, by its name. Where the input decides, the least is here, and the
 * operation asks for more: `deleteMessage` with `force` is OPERATE, for example.
 */
export const NEEDS = {
  postMessages: PRODUCE,
  postToQueues: PRODUCE,

  createClaim: CONSUME,
  renewClaim: CONSUME,
  releaseClaim: CONSUME,
  releaseMessages: CONSUME,
  popMessages: CONSUME,
  deleteMessage: CONSUME,
  deleteMessages: CONSUME,

  createQueue: OPERATE,
  updateQueueMetadata: OPERATE,
  updateQueueAttributes: OPERATE,
  patchQueueMetadata: OPERATE,
  purgeQueue: OPERATE,
  deleteQueue: OPERATE,
  moveQueue: OPERATE,
  undo: OPERATE,
  pause: OPERATE,
  resume: OPERATE,
  dryRun: OPERATE,
  startJob: OPERATE,
  updateJob: OPERATE,
  holdJob: OPERATE,
  resumeJob: OPERATE,
  cancelJob: OPERATE,
  generateMessages: OPERATE,
  createQueueSubscription: OPERATE,
  updateQueueSubscription: OPERATE,
  deleteQueueSubscription: OPERATE,
  confirmQueueSubscription: OPERATE,
  snoozeProblem: OPERATE,
  unsnoozeProblem: OPERATE,

  setBodyRule: ADMINISTER,
  insertCatalogueEntry: ADMINISTER,
  updateCatalogueEntry: ADMINISTER,
  deleteCatalogueEntry: ADMINISTER,
  importSettings: ADMINISTER,

  createToken: ADMINISTER,
  revokeToken: ADMINISTER,

  collectGarbage: { permission: "operate", everywhere: true },
  dropAllCatalogueEntries: ADMINISTER_ALL,
  setReadOnly: ADMINISTER_ALL,
  // A flavor takes pools, which are everybody's.
  createFlavor: ADMINISTER_ALL,
  updateFlavor: ADMINISTER_ALL,
  deleteFlavor: ADMINISTER_ALL,
  dropAllFlavors: ADMINISTER_ALL,
  createPool: ADMINISTER_ALL,
  updatePool: ADMINISTER_ALL,
  verifyPool: ADMINISTER_ALL,
  deletePool: ADMINISTER_ALL,
  dropAllPools: ADMINISTER_ALL,
  drainPool: ADMINISTER_ALL,
  createKeyValueStore: ADMINISTER_ALL,
  deleteKeyValueStore: ADMINISTER_ALL,
  setKeyValue: ADMINISTER_ALL,
  setKeyValues: ADMINISTER_ALL,
  deleteKeyValue: ADMINISTER_ALL,
  deleteKeyValues: ADMINISTER_ALL,
  acquireKeyValueLock: ADMINISTER_ALL,
  renewKeyValueLock: ADMINISTER_ALL,
  releaseKeyValueLock: ADMINISTER_ALL,

  createPerson: ADMINISTER_ALL,
  createPersonLink: ADMINISTER_ALL,
  deletePerson: ADMINISTER_ALL,
  updatePerson: OWN_OR_ADMINISTER_ALL,
  endSession: OWN_OR_ADMINISTER_ALL,
  endSessions: OWN_OR_ADMINISTER_ALL,
} as const satisfies Record<string, Need>;

/** The name of a mutation, which is also the action of its entry in the audit log. */
export type Action = keyof typeof NEEDS;

export const isAction = (name: string): name is Action => Object.hasOwn(NEEDS, name);

/** What an action needs on what belongs to no project: a pool's problem, a job on a pool, a pause of everything. */
export function needOfNone(action: Action): Need {
  const need: Need = NEEDS[action];
  return need.everywhere === true ? need : ADMINISTER_ALL;
}

/** FORBIDDEN unless the caller has it somewhere, or everywhere if that is needed. */
export function requireNeed(access: Access, { permission, everywhere, own }: Need): void {
  if (own === true && access.personId !== undefined) return;
  if (everywhere === true) requireEverywhere(access, permission);
  else requirePermission(access, permission);
}
