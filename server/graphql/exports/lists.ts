/** The lists that can be exported, each as a query: the arguments, the way to the list, and what a row shows. */

export interface ExportList {
  /** The arguments of the query, which are the parameters of the export. */
  args: string;
  /** A field around the list; null: the list is a field of the query itself. */
  within?: string;
  /** The list's field, whose arguments end with `first: $first, after: $after`. */
  list: string;
  /** Left out: a connection, whose `pageInfo` tells what follows. */
  search?: true;
  row: string;
}

const PROJECT = "$project: String";
const PROJECTS = "$project: String, $allProjects: Boolean! = false";
const QUEUE = "$project: String, $queue: String!";
const IN_QUEUE = "queue(project: $project, queue: $queue)";
const PAGE = "first: $first, after: $after";

const CLAIM =
  "project queueName id clientId actor messageCount createdAt renewedAt expiresAt ttlSeconds graceSeconds ageSeconds";

export const EXPORT_LISTS = {
  queues: {
    args: `${PROJECTS}, $filter: QueueFilter, $orderBy: QueueOrder! = { field: NAME, direction: ASC }`,
    list: `queues(project: $project, allProjects: $allProjects, filter: $filter, orderBy: $orderBy, ${PAGE})`,
    row: `project name createdAt updatedAt catalogueEntry { poolName } attributes { flavor deadLetterQueue }
      stats { ready claimed delayed exhausted total exact } sample { asOf oldestReadyAt } metadataText`,
  },
  projects: {
    args: "$search: String",
    list: `projects(search: $search, ${PAGE})`,
    row: "name queueCount { value exact } stats { asOf ready claimed delayed exhausted total exact }",
  },
  messages: {
    args: `${QUEUE}, $filter: MessageFilter, $direction: OrderDirection! = ASC`,
    within: IN_QUEUE,
    list: `messageSearch(filter: $filter, direction: $direction, examine: $examine, ${PAGE})`,
    search: true,
    row: `project queueName id marker state createdAt expiresAt ttlSeconds delayedUntil clientId claimCount lastClaimId
      claim { id expiresAt } deadLettered { queueName at deliveries clientId claimId } headers { name value } checksum
      bodyText`,
  },
  claims: {
    args: `${PROJECTS}, $filter: ClaimFilter, $orderBy: ClaimOrder! = { field: EXPIRES_AT, direction: ASC }`,
    list: `claims(project: $project, allProjects: $allProjects, filter: $filter, orderBy: $orderBy, ${PAGE})`,
    row: CLAIM,
  },
  "queue-claims": { args: QUEUE, within: IN_QUEUE, list: `claims(${PAGE})`, row: CLAIM },
  consumers: {
    args: QUEUE,
    within: IN_QUEUE,
    list: `consumers(${PAGE})`,
    row: `project queueName name actor firstSeenAt lastSeenAt lastClaimAt lastEmptyClaimAt lastRenewalAt claimed messagesPerSecond
      messagesHeld { value exact } heldUntil stoppedAt`,
  },
  subscriptions: {
    args: QUEUE,
    list: `queueSubscriptions(project: $project, queue: $queue, ${PAGE})`,
    row: "project queueName id subscriber confirmed createdAt expiresAt ttlSeconds ageSeconds optionsText",
  },
  pools: {
    args: "",
    list: `pools(${PAGE})`,
    row: "name builtIn uri weight flavorName createdAt updatedAt queueCount { value exact } optionsText",
  },
  flavors: {
    args: PROJECTS,
    list: `flavors(project: $project, allProjects: $allProjects, ${PAGE})`,
    row: "project name createdAt updatedAt pools { name }",
  },
  catalogue: {
    args: `${PROJECTS}, $pool: String, $search: String`,
    list: `catalogue(project: $project, allProjects: $allProjects, pool: $pool, search: $search, ${PAGE})`,
    row: "project queueName poolName epoch",
  },
  jobs: {
    args: "$kind: JobKind, $state: JobState, $target: String",
    list: `jobs(kind: $kind, state: $state, target: $target, ${PAGE})`,
    row: `id kind project targetName state progress total rate waitingFor cancelRequested actor createdAt startedAt
      finishedAt error { code message } inputText resultText`,
  },
  problems: {
    args: "$filter: ProblemFilter",
    list: `problems(filter: $filter, ${PAGE})`,
    row: `id kind severity since seenAt project queueName poolName text evidence advice snoozedUntil snoozedBy
      snoozeReason`,
  },
  "key-value-stores": {
    args: "",
    list: `keyValueStores(${PAGE})`,
    row: "name internal backingStore count { value exact } expirationSeconds lockTimeoutSeconds",
  },
  "key-value-keys": {
    args: "$store: String!",
    list: `keyValueKeys(store: $store, ${PAGE})`,
    row: "storeName key expiresAt",
  },
  "key-value-locks": {
    args: "$store: String",
    list: `keyValueLocks(store: $store, ${PAGE})`,
    row: "storeName key holder fence expiresAt",
  },
  audit: {
    args: `${PROJECT}, $actor: String, $action: String, $target: String, $outcome: AuditOutcome, $requestId: String,
      $from: DateTime, $to: DateTime`,
    list: `auditEntries(project: $project, actor: $actor, action: $action, target: $target, outcome: $outcome,
      requestId: $requestId, from: $from, to: $to, ${PAGE})`,
    row: "id at actor action project target targetKind outcome reason requestId address detailsText",
  },
} satisfies Record<string, ExportList>;

/** The names of the fields that lead to the list. */
export function pathOf({ within, list }: ExportList): string[] {
  return [...(within === undefined ? [] : [within]), list].map((field) => field.slice(0, field.indexOf("(")));
}

/** Left out of what a caller may give. */
export const PAGE_VARIABLES = ["first", "after", "examine"];

export function documentOf({ args, within, list, search, row }: ExportList): string {
  const next = search ? "done endCursor" : "pageInfo { hasNextPage endCursor }";
  const field = `${list} { nodes { ${row} } ${next} }`;
  const page = `$first: Int, $after: String${search ? ", $examine: SafeInt" : ""}`;
  const head = args === "" ? page : `${args}, ${page}`;
  return `query Export(${head}) { ${within === undefined ? field : `${within} { ${field} }`} }`;
}
