/** The rows of the matrix: who may ask for what, and an example of it. */
import {
  ABSENT,
  ADMIN,
  ADMIN_ALONE,
  ADMIN_OF_ALL,
  ADMIN_WHO_FINDS,
  ANY_ADMIN,
  ANY_READER,
  ANYBODY,
  CONSUMER,
  FINDER,
  FINDER_OF_ALL,
  FINDER_OF_MANY,
  OPERATOR,
  OPERATOR_OF_ALL,
  OPERATOR_WHO_FINDS,
  OPERATOR_WHO_READS,
  PRODUCER,
  PROJECT,
  READER,
  type Row,
} from "./callers.ts";

export const QUEUE = "hidden-orders";

type Ids = Readonly<Record<string, string>>;
interface Example {
  row: Row;
  /** Arguments of a query. Of a mutation, fields of its input beside those that it needs. */
  args: (ids: Ids) => Record<string, unknown>;
}

const example = (row: Row, args: Example["args"] = () => ({})): Example => ({ row, args });
const ofProject = () => ({ project: PROJECT });
const ofQueue = () => ({ project: PROJECT, queue: QUEUE });
/** Its `id`, or its `token`. */
const id = (name: string) => (ids: Ids) => ({ id: ids[name] });
const token = (name: string) => (ids: Ids) => ({ token: ids[name] });

export const QUERIES: Record<string, Example> = {
  viewer: example(ANYBODY),
  limits: example(ANYBODY),
  readOnly: example(ABSENT),

  queue: example(READER, ofQueue),
  queues: example(READER, ofProject),
  queueStats: example(READER, () => ({ project: PROJECT, queues: [QUEUE] })),
  message: example(READER, ({ message }) => ({ ...ofQueue(), id: message })),
  claim: example(READER, ({ claim }) => ({ ...ofQueue(), claimId: claim })),
  claims: example(READER, ofProject),
  queueSubscription: example(READER, ({ subscription }) => ({ ...ofQueue(), id: subscription })),
  queueSubscriptionOf: example(READER, () => ({ ...ofQueue(), subscriber: "https://hidden.example/" })),
  queueSubscriptions: example(READER, ofQueue),
  catalogue: example(READER, ofProject),
  catalogueEntry: example(READER, ofQueue),
  flavor: example(READER, () => ({ project: PROJECT, flavor: "far" })),
  flavors: example(READER, ofProject),
  undos: example(READER, ofProject),
  settingsFile: example(READER, ofProject),

  dryRun: example(FINDER, token("dryRun")),
  undo: example(FINDER, token("undo")),
  job: example(FINDER, id("job")),
  node: example(FINDER, id("node")),
  nodes: example(FINDER_OF_MANY, ({ node }) => ({ ids: [node] })),

  jobs: example(ANY_READER),
  pauses: example(ANY_READER),
  projects: example(ANY_READER),
  problems: example(ANY_READER),
  runbook: example(ANYBODY),
  problemSummary: example(ANY_READER),
  pool: example(ANY_READER, () => ({ pool: "away" })),
  pools: example(ANY_READER),
  poolsByFlavor: example(ANY_READER, () => ({ flavor: "far" })),
  poolPlacement: example(ANY_READER, () => ({ flavor: "far" })),
  health: example(ANY_READER),
  healthSampling: example(ANY_READER),
  queueSampling: example(ANY_READER),

  auditEntries: example(ADMIN, ofProject),
  tokens: example(ANY_ADMIN),
  token: example(ADMIN_ALONE, () => ({ name: "hidden-token" })),
  people: example(ADMIN_OF_ALL),
  person: example(FINDER_OF_ALL, id("person")),
  keyValue: example(ADMIN_OF_ALL, () => ({ store: "s", key: "k" })),
  keyValues: example(ADMIN_OF_ALL, () => ({ store: "s", keys: ["k"] })),
  keyValueKeys: example(ADMIN_OF_ALL, () => ({ store: "s" })),
  keyValueLocks: example(ADMIN_OF_ALL),
  keyValueStore: example(FINDER_OF_ALL, () => ({ store: "s" })),
  keyValueStores: example(ADMIN_OF_ALL),
};

/** In an order in which each finds what it is about. */
export const MUTATIONS: Record<string, Example> = {
  postMessages: example(PRODUCER),
  postToQueues: example(PRODUCER),
  createClaim: example(CONSUMER),
  renewClaim: example(CONSUMER),
  releaseClaim: example(CONSUMER),
  releaseMessages: example(CONSUMER),
  popMessages: example(CONSUMER),
  deleteMessage: example(CONSUMER),
  deleteMessages: example(CONSUMER),

  createQueue: example(OPERATOR),
  updateQueueMetadata: example(OPERATOR, () => ({ metadata: { json: {} } })),
  updateQueueAttributes: example(OPERATOR),
  patchQueueMetadata: example(OPERATOR, () => ({ changes: [{ op: "ADD", key: "a", value: { json: 1 } }] })),
  createQueueSubscription: example(OPERATOR),
  updateQueueSubscription: example(OPERATOR),
  deleteQueueSubscription: example(OPERATOR),
  confirmQueueSubscription: example(OPERATOR),
  generateMessages: example(OPERATOR, () => ({ messages: 1, ratePerSecond: 1, body: { json: 1 } })),
  dryRun: example(OPERATOR, () => ({ queues: { queue: ofQueue() }, action: { delete: {} }, all: true })),
  startJob: example(OPERATOR_WHO_FINDS, token("dryRun")),
  updateJob: example(OPERATOR_WHO_FINDS, id("job")),
  holdJob: example(OPERATOR_WHO_FINDS, id("job")),
  resumeJob: example(OPERATOR_WHO_FINDS, id("job")),
  cancelJob: example(OPERATOR_WHO_FINDS, id("job")),
  snoozeProblem: example(OPERATOR_WHO_FINDS, id("problem")),
  unsnoozeProblem: example(OPERATOR_WHO_FINDS, id("problem")),
  pause: example(OPERATOR, () => ({ target: { queue: ofQueue() } })),
  resume: example(OPERATOR, () => ({ target: { queue: ofQueue() } })),
  moveQueue: example(OPERATOR),
  undo: example(OPERATOR_WHO_READS, token("undo")),
  purgeQueue: example(OPERATOR),
  deleteQueue: example(OPERATOR),

  setBodyRule: example(ADMIN),
  createToken: example(ADMIN, () => ({ name: "hidden-new", scopes: ["READ"], projects: [PROJECT] })),
  revokeToken: example(ADMIN_WHO_FINDS, () => ({ name: "hidden-token" })),
  insertCatalogueEntry: example(ADMIN),
  updateCatalogueEntry: example(ADMIN),
  deleteCatalogueEntry: example(ADMIN),
  // What is in the file needs the rights of single calls.
  importSettings: example(ANY_ADMIN),

  setReadOnly: example(ADMIN_OF_ALL, () => ({ on: false })),
  collectGarbage: example(OPERATOR_OF_ALL),
  createFlavor: example(ADMIN_OF_ALL),
  updateFlavor: example(ADMIN_OF_ALL),
  deleteFlavor: example(ADMIN_OF_ALL),
  dropAllFlavors: example(ADMIN_OF_ALL),
  createPool: example(ADMIN_OF_ALL),
  updatePool: example(ADMIN_OF_ALL),
  verifyPool: example(ADMIN_OF_ALL),
  deletePool: example(ADMIN_OF_ALL),
  dropAllPools: example(ADMIN_OF_ALL),
  drainPool: example(ADMIN_OF_ALL),
  dropAllCatalogueEntries: example(ADMIN_OF_ALL),
  createKeyValueStore: example(ADMIN_OF_ALL),
  setKeyValue: example(ADMIN_OF_ALL),
  setKeyValues: example(ADMIN_OF_ALL),
  deleteKeyValue: example(ADMIN_OF_ALL),
  deleteKeyValues: example(ADMIN_OF_ALL),
  deleteKeyValueStore: example(ADMIN_OF_ALL),
  acquireKeyValueLock: example(ADMIN_OF_ALL),
  renewKeyValueLock: example(ADMIN_OF_ALL),
  releaseKeyValueLock: example(ADMIN_OF_ALL),
  createPerson: example(ADMIN_OF_ALL),
  createPersonLink: example(ADMIN_OF_ALL),
  updatePerson: example(ADMIN_OF_ALL),
  deletePerson: example(ADMIN_OF_ALL),
  endSession: example(ADMIN_OF_ALL),
  endSessions: example(ADMIN_OF_ALL),
};

export const SUBSCRIPTIONS: Record<string, Example> = {
  messagePosted: example(READER, ofQueue),
  queueStatsChanged: example(READER, () => ({ project: PROJECT, queues: [QUEUE] })),
  jobUpdated: example(FINDER, id("job")),
  // It watches queries, each with the rights that it needs.
  answerChanged: example(ANYBODY, () => ({ queries: [{ key: "a", document: "{ viewer { actor } }" }] })),
};
