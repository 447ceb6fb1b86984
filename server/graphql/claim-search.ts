/** Claims of many queues. */
import {
  type ClaimCoverage,
  type ClaimHolder,
  type ClaimOrderField,
  type ClaimsFound,
  ENDING_SECONDS,
  MAX_HOLDERS,
  MAX_QUEUES,
} from "../operations/claims/search.ts";
import { type ClaimParent, ClaimType } from "./claims.ts";
import { projectsArgs } from "./schema/addresses.ts";
import { builder } from "./schema/builder.ts";
import {
  ASKING_THE_STORE,
  type Connection,
  CountType,
  connectionType,
  type PageArgs,
  pageArgs,
  pageOf,
} from "./schema/connection.ts";
import { OrderDirection } from "./schema/order-direction.ts";

const ClaimFilter = builder.inputType("ClaimFilter", {
  description: "Conditions on claims. Only claims that meet all that are given are listed.",
  fields: (t) => ({
    queue: t.string({
      description: "Of the queue with this name. Together with a project, that queue is asked in any case.",
    }),
    holder: t.string({ description: "Held by this client id, or by this actor without a client id." }),
    endsWithinSeconds: t.field({
      type: "SafeInt",
      description: "That expire within so many seconds, unless they are renewed.",
    }),
  }),
});

const ORDERS = {
  EXPIRES_AT: { value: "expiresAt", description: "When they expire." },
  CREATED_AT: { value: "createdAt", description: "When they were created." },
  HOLDER: { value: "holder", description: "Holders that have stopped first, then by their names, then by expiry." },
  QUEUE: { value: "queue", description: "By project and queue, then by expiry." },
} satisfies Record<string, { value: ClaimOrderField; description: string }>;
const ClaimOrderFieldType = builder.enumType("ClaimOrderField", {
  description: "By what claims can be ordered.",
  values: ORDERS as typeof ORDERS & Record<string, { value: ClaimOrderField }>,
});
const ClaimOrder = builder.inputType("ClaimOrder", {
  description: "The order of a list of claims.",
  fields: (t) => ({
    field: t.field({ type: ClaimOrderFieldType, required: true, description: "By what." }),
    direction: t.field({
      type: OrderDirection,
      required: true,
      defaultValue: "asc",
      description: "In which direction.",
    }),
  }),
});

const ClaimHolderType = builder.objectRef<ClaimHolder>("ClaimHolder").implement({
  description: "All claims of one holder that were found.",
  fields: (t) => ({
    name: t.exposeString("name", {
      nullable: true,
      description: "Its client id, or else its actor. Null when neither is known.",
    }),
    claims: t.expose("claims", { type: "SafeInt", description: "How many claims." }),
    messages: t.expose("messages", { type: "SafeInt", description: "How many messages they hold." }),
    lastClaimAt: t.expose("lastClaimAt", {
      type: "DateTime",
      nullable: true,
      description: "When it last got messages of these queues. Null when that was not recorded.",
    }),
    stoppedAt: t.expose("stoppedAt", {
      type: "DateTime",
      nullable: true,
      description: "When it stopped: see `Consumer.stoppedAt`. Null while it still calls in one of these queues.",
    }),
  }),
});

const ClaimCoverageType = builder.objectRef<ClaimCoverage>("ClaimCoverage").implement({
  description:
    "What a list of claims is of. Only pools know claims, so the queues are asked that held some when they were last sampled, or gave some since.",
  fields: (t) => ({
    asOf: t.expose("asOf", {
      type: "DateTime",
      nullable: true,
      description: "When queues were last sampled: see `QueueSampling.lastAt`. Null: no queue was sampled.",
    }),
    queuesAsked: t.expose("asked", { type: "SafeInt", description: "Queues that were asked for their claims, now." }),
    queuesLeftOut: t.field({
      type: CountType,
      description: `Queues with claims that were not asked, because more than ${MAX_QUEUES} have some.`,
      resolve: ({ leftOut, leftOutExact }) => ({ value: leftOut, exact: leftOutExact }),
    }),
    queuesCut: t.expose("cut", {
      type: "SafeInt",
      description: "Queues of which not all claims were read, because they have too many. Their oldest were.",
    }),
    queuesFailed: t.expose("failed", { type: "SafeInt", description: "Queues whose pools did not answer." }),
    failedPools: t.exposeStringList("failedPools", { description: "The pools that did not answer." }),
  }),
});

interface ClaimSearchParent extends Connection<ClaimParent> {
  found: ClaimsFound;
}

const SearchType = connectionType("ClaimSearch", ClaimType, "claims of many queues");
const foundOf = (parent: Connection<ClaimParent>) => (parent as ClaimSearchParent).found;
/** Nothing is left out, and all pools answered. */
const isWhole = ({ leftOut, cut, failed }: ClaimCoverage) => leftOut + cut + failed === 0;

builder.objectFields(SearchType, (t) => ({
  count: t.field({
    type: CountType,
    description: "How many claims match.",
    resolve: (parent) => ({ value: foundOf(parent).claims, exact: isWhole(foundOf(parent).coverage) }),
  }),
  messages: t.field({
    type: CountType,
    description: "How many messages they hold.",
    resolve: (parent) => ({ value: foundOf(parent).messages, exact: isWhole(foundOf(parent).coverage) }),
  }),
  endingClaims: t.field({
    type: "SafeInt",
    description: `How many of them expire within ${ENDING_SECONDS} seconds, unless they are renewed.`,
    resolve: (parent) => foundOf(parent).ending.claims,
  }),
  endingMessages: t.field({
    type: "SafeInt",
    description: "How many messages those hold.",
    resolve: (parent) => foundOf(parent).ending.messages,
  }),
  holders: t.field({
    type: [ClaimHolderType],
    complexity: { field: 0, multiplier: 1 },
    description: `Who holds them: those that have stopped first, then those that hold most. At most ${MAX_HOLDERS}.`,
    resolve: (parent) => foundOf(parent).holders,
  }),
  coverage: t.field({
    type: ClaimCoverageType,
    description: "What the list is of, and what it lacks.",
    resolve: (parent) => foundOf(parent).coverage,
  }),
}));

builder.queryFields((t) => ({
  claims: t.field({
    type: SearchType,
    args: {
      ...projectsArgs,
      filter: t.arg({ type: ClaimFilter, description: "Which claims. Left out: all." }),
      orderBy: t.arg({
        type: ClaimOrder,
        required: true,
        defaultValue: { field: "expiresAt", direction: "asc" },
        description: "The order of the list.",
      }),
      ...pageArgs,
    },
    // It asks many queues, whatever the length of the page.
    complexity: (args: PageArgs) => ({ field: 20 * ASKING_THE_STORE, multiplier: args.first ?? args.last ?? 1 }),
    description: `Live claims of many queues, by pages: who holds what, for how long. At most ${MAX_QUEUES} queues are asked, those with most claimed messages; \`coverage\` tells what is missing.`,
    resolve: async (_root, args, { access, operations }) => {
      const { project, allProjects, filter, orderBy } = args;
      const order = `claims.${orderBy.field}` as const;
      const found = await operations.claims.search(access, {
        ...{ project, allProjects, filter, orderBy },
        page: pageOf(args, order),
      });
      return { page: found.page, order, found } as ClaimSearchParent;
    },
  }),
}));
