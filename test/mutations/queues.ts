/** Queues: their names, lives, metadata, lists and subscriptions. */
import { control, drivers, type Mutation, POSTGRES, REDIS } from "./mutation.ts";

export const QUEUES: readonly Mutation[] = [
  {
    guarantee: "A call with an old epoch reads and writes nothing",
    file: `${POSTGRES}/sql/fragments.ts`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of source text
    from: "AND q.epoch = ${epoch} AND q.state = 'live'",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of source text
    to: "AND q.epoch = ${epoch}",
    test: drivers("a call with an old epoch writes and reads nothing, even when its driver still caches the queue"),
  },
  {
    guarantee: "On Redis a caller with an old epoch writes nothing",
    file: `${REDIS}/queue-lua.ts`,
    from: "if caller_epoch and caller_epoch ~= epoch then return {'stale'} end",
    to: "",
    test: drivers("a call with an old epoch writes and reads nothing, even when its driver still caches the queue"),
  },
  {
    guarantee: "Projects and queues whose joined names are equal never mix",
    file: "server/storage/queue-ref.ts",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of source text
    from: "`${project.length}:${project}${name}`",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of source text
    to: "`${project}.${name}`",
    test: drivers("messages stay apart in queues whose project and name join to the same text"),
  },
  {
    guarantee: "An expired subscription does not stand in the way of a new one",
    file: `${POSTGRES}/subscriptions/subscriptions.ts`,
    from: "WHERE s.expires_at <= (SELECT now FROM clock)",
    to: "WHERE false",
    test: drivers("an expired subscription does not stand in the way of a new one of the same subscriber"),
  },
  {
    guarantee: "The control plane loses no change of a queue's metadata",
    file: `${POSTGRES}/control/queues.ts`,
    from: " FOR UPDATE`;",
    to: "`;",
    test: control("loses none of many concurrent changes to the metadata of one queue"),
  },
  {
    guarantee: "A filtered list has only queues that meet every condition, and each once",
    file: `${POSTGRES}/control/queue-lists.ts`,
    from: "Prisma.sql`f.flavor = facets.flavor`,",
    to: "",
    test: control("find by pool, flavor, use as a dead letter queue and beginning of the name, in any combination"),
  },
];
